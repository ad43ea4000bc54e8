"""Pointers that follow beat and bar through activations: two small hidden Markov models.

The beat pointer's state is (period, place in the beat), in whole half frames (after Krebs, Boeck
& Widmer 2015). Every frame each pointer moves on, and at a beat it may change its period. The
bar pointer counts the beats that the first one passes, in fours or in threes. Both filter
forwards, exactly and deterministically: belief is a vector that only the past has touched.

The network hears twice the tempo nearly as well, without drums often better; so each beat that a
pointer passes also says how readily people tap that tempo. Preferred tempi lie around 120 (Moelants
2002); centre and spread here are those that served songs of the validation split best.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Complexes = NDArray[np.complexfloating[Any, Any]]

FRAMES_PER_SECOND = 50.0
STEPS = 2  # places that a pointer moves in a frame
SLOWEST_BPM, FASTEST_BPM = 55.0, 215.0
PLACES_PER_MINUTE = 60 * FRAMES_PER_SECOND * STEPS
PERIODS = np.arange(
    round(PLACES_PER_MINUTE / FASTEST_BPM), round(PLACES_PER_MINUTE / SLOWEST_BPM) + 1
)
TEMPO_CHANGE = 0.01  # mean relative change of the period at a beat
TAPPED_BPM, TAPPED_OCTAVES = 105.0, 0.35  # where people tap (centre and spread), at each beat
RESTART = 1e-4  # probability, in any frame, that the music begins anew
SOUNDING = 2 * STEPS  # places on either side of a beat over which its sound fades out
BEAT_SHARE = 1 / 16  # of all frames, as far as the network's probabilities are concerned
FLOOR = 0.02  # smallest probability believed of the network
NEAR = 0.1  # periods within this relative distance are one tempo

METERS = (4, 3)
METER_CHANGE = 0.01  # probability at a bar line
BAR_TRUST = 0.25  # neighbouring frames, and beats, repeat one another
BEATS_A_DOWNBEAT = 2.0  # at which the network's two probabilities say nothing
BAR_FLOOR = 0.05
BAR_EVIDENCE = 2.0  # most that one frame says for or against a bar line, in nats


@dataclass(frozen=True, slots=True)
class _Model:
    """Constants of the beat pointer; states are [periods, places]."""

    prior: Floats
    valid: Floats  # 1 for the places that a period has
    sounds: Floats  # 1 on the beat, falling to 0 around it
    turn: tuple[Floats, Floats]  # phase of a place, its cosine and sine
    tapped: Floats  # how readily people tap a period, [periods, 1]
    change: Floats  # probability of the next period given this one, [periods, periods]
    near: Floats  # 1 where two periods are one tempo, [periods, periods]


@lru_cache(maxsize=1)
def _model() -> _Model:
    period, places = PERIODS[:, None], np.arange(PERIODS[-1])
    valid = (places < period).astype(float)
    prior = valid / period**2  # as many pointers an octave, spread evenly over the beat
    change = np.exp(-np.abs(PERIODS / period - 1) / TEMPO_CHANGE)
    phase = 2 * np.pi * places / period
    octaves = np.log2(PLACES_PER_MINUTE / period / TAPPED_BPM)
    distance = np.minimum(places, period - places)
    return _Model(
        prior=prior / prior.sum(),
        valid=valid,
        sounds=np.maximum(1 - distance / SOUNDING, 0) * valid,
        turn=(np.cos(phase) * valid, np.sin(phase) * valid),
        tapped=np.exp(-0.5 * (octaves / TAPPED_OCTAVES) ** 2),
        change=change / change.sum(axis=1, keepdims=True),
        near=(np.abs(np.log(PERIODS / period)) < NEAR).astype(float),
    )


class BeatPointer:
    """Belief in period and place, given the activations so far.

    Attributes:
        phase: Mean phase in turns, -0.5 to 0.5.
        turned: 1 if the last frame led from one beat's half to the next one's, -1 if belief
            went back over that border, else 0.
        sounding: Probability that a beat sounds in the last frame.
    """

    def __init__(self) -> None:
        self.belief = _model().prior
        self.phase = 0.0
        self.turned = 0
        self.sounding = 0.0

    def advance(self, beat: float | None) -> None:
        """Move one frame on.

        Args:
            beat: Probability of a beat in the new frame; None if nothing sounds there.
        """
        model, row = _model(), np.arange(len(PERIODS))[:, None]
        step = np.arange(STEPS) - STEPS
        passed = self.belief[row, PERIODS[:, None] + step]
        belief = np.empty_like(self.belief)
        np.multiply(self.belief[:, :-STEPS], model.valid[:, STEPS:], out=belief[:, STEPS:])
        belief[:, :STEPS] = model.change.T @ passed
        if beat is not None:
            neither = max(1 - beat, FLOOR) * BEAT_SHARE / (1 - BEAT_SHARE)
            belief *= neither + model.sounds * (max(beat, FLOOR * BEAT_SHARE) - neither)
            belief[:, :STEPS] *= model.tapped
            belief *= (1 - RESTART) / belief.sum()
            belief += RESTART * model.prior
        self.belief = belief
        self.sounding = float(np.vdot(belief, model.sounds))
        before, self.phase = self.phase, float(np.angle(self._vectors().sum()) / (2 * np.pi))
        self.turned = int(np.rint(before - self.phase))

    def period_s(self) -> float:
        """Mean period of the likeliest tempo."""
        weight = self.belief.sum(axis=1) * self._likeliest()
        places = np.exp(weight @ np.log(PERIODS) / weight.sum())
        return float(places / STEPS / FRAMES_PER_SECOND)

    def phase_vectors(self, ahead_s: Floats) -> Complexes:
        """Mean phase vector at the likeliest tempo, relative to the last frame.

        Args:
            ahead_s: Seconds after the last frame (or before it), [n].

        Returns:
            Direction: phase, 0 on the beat. Length: how far the belief agrees, 0 to 1; it falls
            with distance, as tempi drift apart, and where another tempo is likely too. [n].
        """
        places = np.asarray(ahead_s)[:, None] * (FRAMES_PER_SECOND * STEPS)
        found: Complexes = np.exp(2j * np.pi * places / PERIODS) @ self._vectors()
        return found

    def _vectors(self) -> Complexes:
        """Mean phase vector of each period, 0 for all but the likeliest tempo, [periods]."""
        x, y = (np.einsum("ij,ij->i", self.belief, part) for part in _model().turn)
        vectors: Complexes = (x + 1j * y) * self._likeliest()
        return vectors

    def _likeliest(self) -> Floats:
        """1 for the periods near the likeliest, [periods]."""
        near = _model().near
        chosen: Floats = near[np.argmax(near @ self.belief.sum(axis=1))]
        return chosen


class BarPointer:
    """Belief in meter and in the nearest beat of the bar."""

    def __init__(self) -> None:
        self.belief = np.concatenate([np.full(meter, 1 / meter) for meter in METERS]) / len(METERS)

    def advance(self, pointer: BeatPointer, beat: float | None, downbeat: float | None) -> None:
        """Move one frame on, after the beat pointer did.

        Args:
            pointer: The beat pointer.
            beat: Probability of a beat that begins no bar in the new frame; None in silence.
            downbeat: Probability of one that does.
        """
        belief = self.belief
        if pointer.turned:
            belief = belief @ (_follow() if pointer.turned > 0 else _follow().T)
        if beat is not None and downbeat is not None:
            ratio = (BEATS_A_DOWNBEAT * downbeat + BAR_FLOOR) / (beat + BAR_FLOOR)
            says = float(np.clip(np.log(ratio), -BAR_EVIDENCE, BAR_EVIDENCE))
            weight = np.ones(len(belief))
            weight[list(_first_rows())] = np.exp(BAR_TRUST * says * pointer.sounding)
            belief = belief * weight
        self.belief = belief / belief.sum()

    def likeliest(self) -> tuple[int, int, float]:
        """Nearest beat of the bar from 0, beats in the bar, and the probability of both."""
        row = int(np.argmax(self.belief))
        probability = float(self.belief[row])
        for meter in METERS:
            if row < meter:
                return row, meter, probability
            row -= meter
        raise AssertionError("the belief has a row for each beat of each meter")


def _first_rows() -> tuple[int, ...]:
    """Rows of the downbeats."""
    return tuple(int(row) for row in np.cumsum((0, *METERS[:-1])))


@lru_cache(maxsize=1)
def _follow() -> Floats:
    """Probability of each beat after each, [beats, beats]."""
    first = list(_first_rows())
    follow = np.eye(sum(METERS), k=1)
    for start, meter in zip(first, METERS, strict=True):
        follow[start + meter - 1] = 0.0
        follow[start + meter - 1, first] = METER_CHANGE / (len(METERS) - 1)
        follow[start + meter - 1, start] = 1.0 - METER_CHANGE
    return follow
