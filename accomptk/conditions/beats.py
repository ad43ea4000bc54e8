"""Where the beat is in what is heard, and where it will be: a causal tracker.

BeatNet's activations drive a beat and a bar pointer. The pointers know phase and tempo to a
half frame; the spectrum of the last seconds of activations around that tempo tells it far
finer, which is what extrapolation lives on.
"""

import copy
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from accomptk.conditions.grid import (
    BEAT_FEATURES,
    FRAMES_PER_SECOND,
    BeatNoise,
    chunk_features,
    feature_rows,
    grid_features,
)
from accomptk.conditions.pointer import BarPointer, BeatPointer
from accomptk.weights.beatnet import BANDS, FRAME_SAMPLES, SAMPLE_RATE, FeatureStream

if TYPE_CHECKING:
    from accomptk.weights.beatnet import BeatNet, State

__all__ = ["BEAT_FEATURES", "BeatNoise", "BeatTracker", "chunk_features", "grid_features"]

Floats = NDArray[np.floating[Any]]

TRACKER_NETWORKS = (1, 3)  # their mean; the judge hears with network 2
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
QUIET = 0.02  # log10(1 + magnitude) of the loudest band, about -75 dBFS
MEMORY_S = 4.0  # time constant of the activations that the tempo is refined with
TEMPO_RANGE = 0.07  # relative; how far the refined tempo may be from the pointer's
TEMPO_TRIALS = 29
SURE = 0.2  # agreement of the belief below which no beat is claimed
SURE_BAR = 0.5  # probability of the beat in the bar, likewise
TAPS = 63


class BeatTracker:
    """Follows the beat of one context as it is heard, in any block size.

    A copy continues as the original would; the networks are shared.

    Args:
        nets: BeatNets whose activations are averaged.
    """

    def __init__(self, nets: "Sequence[BeatNet]") -> None:
        self.nets = tuple(nets)
        self.states: list[State | None] = [None] * len(self.nets)
        self.halver = Halver()
        self.stream = FeatureStream()
        self.beat = BeatPointer()
        self.bar = BarPointer()
        self.frames = 0
        self.recent = np.zeros(0)  # activations of any beat, the last ones of the stream
        self.is_awake = False  # whether anything but silence was heard

    @classmethod
    def load(cls) -> Self:
        """A tracker with BeatNet's weights.

        Raises:
            MissingTool: If they were not fetched.
        """
        return cls([_load_net(network) for network in TRACKER_NETWORKS])

    def hear(self, wav: Floats) -> None:
        """Listen on.

        Args:
            wav: Mono samples at 44.1 kHz that follow those heard before, [N].
        """
        features = self.stream.push(self.halver.push(wav))
        if features.shape[1] == 0:
            return
        beats, downbeats = self._activations(features)
        audible = features[:BANDS].max(axis=0) > QUIET
        for beat, downbeat, sounds in zip(beats, downbeats, audible, strict=True):
            self._advance(float(beat), float(downbeat), bool(sounds))
        recent = np.concatenate([self.recent, np.where(audible, beats + downbeats, 0.0)])
        self.recent = recent[-round(5 * MEMORY_S / FRAME_S) :]

    def features(self, heard: int, start: int, end: int) -> NDArray[np.float32]:
        """Features of latent frames as `accomptk.conditions.grid` has them.

        Args:
            heard: Latent frames heard; the tracker knows that by itself.
            start: First frame wanted.
            end: Frame after the last.

        Returns:
            [6, end - start]; all 0 while no beat was found, the bar rows while no bar was.
        """
        centre = (np.arange(start, end) + 0.5) / FRAMES_PER_SECOND
        ahead = centre - (self.frames - 1) * FRAME_S
        agreement = np.abs(self.beat.phase_vectors(np.append(ahead, 0.0)))
        tempo_hz = self._tempo_hz()
        position = self.beat.phase + tempo_hz * ahead
        number, meter, probability = self.bar.likeliest()
        rows = np.stack(
            [
                position,
                (number + position) / meter,
                np.full_like(position, np.log2(tempo_hz / 2)),  # 120 bpm are 2 Hz
                np.minimum(agreement[:-1], 1.0),
            ]
        )
        known = np.full(len(centre), self.is_awake and agreement[-1] >= SURE)
        return feature_rows(rows, known, known & (probability >= SURE_BAR))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Own state, the same networks: they never change."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if name != "nets":
                setattr(twin, name, copy.deepcopy(value, memo))
        return twin

    def _activations(self, features: Floats) -> tuple[Floats, Floats]:
        """Beat and downbeat probabilities of new feature frames, [272, T] to two of [T]."""
        import torch

        mean = np.zeros((3, features.shape[1]))
        with torch.no_grad():
            heard = torch.from_numpy(features)[None]
            for index, net in enumerate(self.nets):
                activations, self.states[index] = net(heard, self.states[index])
                mean += activations[0].numpy() / len(self.nets)
        return mean[0], mean[1]

    def _advance(self, beat: float, downbeat: float, sounds: bool) -> None:
        self.frames += 1
        self.is_awake |= sounds
        if not self.is_awake:
            return
        self.beat.advance(beat + downbeat if sounds else None)
        self.bar.advance(self.beat, *((beat, downbeat) if sounds else (None, None)))

    def _tempo_hz(self) -> float:
        """Beats a second: where the recent activations' spectrum peaks near the pointer's tempo."""
        tempo_hz = 1 / self.beat.period_s()
        seconds = (np.arange(len(self.recent)) - len(self.recent) + 1) * FRAME_S
        weight = np.exp(seconds / MEMORY_S) * self.recent
        if weight.sum() < 1.0:  # about one beat
            return tempo_hz
        trials = np.linspace(-TEMPO_RANGE, TEMPO_RANGE, TEMPO_TRIALS)
        waves = np.exp(-2j * np.pi * tempo_hz * (1 + trials)[:, None] * seconds)
        height = np.abs(waves @ weight) * np.exp(-0.5 * (2 * trials / TEMPO_RANGE) ** 2)
        return tempo_hz * (1 + _peak(trials, height))


class Halver:
    """Halves the sample rate of a stream with a linear-phase low-pass; sample n is at 2 n."""

    def __init__(self) -> None:
        self.unread = np.zeros(TAPS // 2, np.float32)

    def push(self, wav: Floats) -> NDArray[np.float32]:
        """Samples that are complete now that ``wav`` [N] was heard, about [N / 2]."""
        heard = np.concatenate([self.unread, np.asarray(wav, np.float32)])
        count = max(0, (len(heard) - TAPS) // 2 + 1)
        self.unread = heard[2 * count :]
        if count == 0:
            return np.zeros(0, np.float32)
        return np.convolve(heard, _low_pass(), "valid")[::2][:count]


@lru_cache(maxsize=1)
def _low_pass() -> NDArray[np.float32]:
    """Half-band filter, [63]."""
    offset = np.arange(TAPS) - TAPS // 2
    taps = np.sinc(offset / 2) * np.kaiser(TAPS, 8.0)
    low_pass: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return low_pass


@lru_cache(maxsize=3)
def _load_net(network: int) -> "BeatNet":
    from accomptk.weights import registry
    from accomptk.weights.beatnet import load_beatnet

    return load_beatnet(registry.path("beatnet"), network)


def _peak(at: Floats, height: Floats) -> float:
    """Where the highest of evenly spaced samples peaks, by the parabola through its neighbours."""
    top = int(np.argmax(height))
    if top in (0, len(at) - 1):
        return float(at[top])
    left, middle, right = height[top - 1 : top + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(at[top] + shift * (at[1] - at[0]))
