"""Beat phase of latent frames, extrapolated from the beats heard so far.

*Conventions.* A frame ``f`` stands for the instant of its centre, ``(f + 0.5) / rate``. Phase is 0
on a beat and grows by one turn a beat. Only beats strictly before the heard time count. All six
rows are 0 where fewer than two beats were heard, the two bar rows where fewer than two bars were.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BEAT_FEATURES = 6
"""Rows: sin beat, cos beat, sin bar, cos bar, log2(bpm / 120), confidence 0 to 1."""

FRAMES_PER_SECOND = 12.0
RECENT_INTERVALS = 8  # beats that the period is estimated from
RECENT_BARS = 4
OUTLIER = 0.2  # relative distance from the median at which an interval is left out
PRIOR_SPREAD = 0.05  # irregularity assumed of music, as one more interval
TEMPO_DRIFT = 0.01  # spread of the period expected of regular music, per beat extrapolated


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatNoise:
    """The errors of a tracker, imitated in training on known beats; the defaults are none.

    Args:
        jitter_s: Spread of a chunk's phase error in seconds; confidence falls with the draw.
        tempo_error: Spread of the relative error of a chunk's period.
        octave: Probability that an excerpt is followed at half or at double tempo.
        offbeat: Probability that an excerpt is followed half a beat late.
        bar_shift: Probability that an excerpt's bars begin on a wrong beat.
        delay_s: Time that the tracker needs to notice a beat.
        dropout: Probability that an excerpt has no beats at all.
        chunk_dropout: Probability that a chunk has none.
        bar_dropout: Probability that an excerpt has beats but no bars.
    """

    jitter_s: float = 0.0
    tempo_error: float = 0.0
    octave: float = 0.0
    offbeat: float = 0.0
    bar_shift: float = 0.0
    delay_s: float = 0.0
    dropout: float = 0.0
    chunk_dropout: float = 0.0
    bar_dropout: float = 0.0


class _Pulse(NamedTuple):
    """What is known of a pulse (beats or bars) at the heard time of each chunk, all [K]."""

    heard: Ints  # how many were
    last: Floats  # where the last one was
    period: Floats
    spread: Floats  # standard deviation of the intervals relative to the period
    intervals: Ints  # how many the period was estimated from


def grid_features(
    beats: ArrayLike,
    downbeats: ArrayLike,
    heard_frame: int,
    start: int,
    end: int,
    frames_per_second: float = FRAMES_PER_SECOND,
) -> NDArray[np.float32]:
    """Features of frames ``[start, end)`` from the beats before ``heard_frame``.

    Frames that were heard are interpolated between the beats around them as far as those were
    heard, all others extrapolated with the recent period.

    Args:
        beats: All beats of the song in seconds, ascending, [N]; may begin before 0.
        downbeats: Those that begin a bar, [M].
        heard_frame: Frames heard; only beats before ``heard_frame / frames_per_second`` count.
        start: First frame wanted.
        end: Frame after the last.
        frames_per_second: Latent frames a second.

    Returns:
        [6, end - start].
    """
    chunk = ([heard_frame], [start], [end])
    return chunk_features(beats, downbeats, *chunk, frames_per_second=frames_per_second)


def chunk_features(
    beats: ArrayLike,
    downbeats: ArrayLike,
    heard: ArrayLike,
    start: ArrayLike,
    end: ArrayLike,
    *,
    noise: BeatNoise | None = None,
    rng: np.random.Generator | None = None,
    frames_per_second: float = FRAMES_PER_SECOND,
) -> NDArray[np.float32]:
    """Features of all chunks of an excerpt at once, as ``grid_features`` gives for each.

    Args:
        beats: Seconds, ascending, [N]; beats before the excerpt are negative.
        downbeats: Seconds, ascending, [M].
        heard: Frames heard before each chunk is made, [K].
        start: First frame of each chunk, [K].
        end: Frame after the last of each chunk, [K].
        noise: Errors to imitate.
        rng: Where the errors are drawn from; needed with ``noise``.
        frames_per_second: Latent frames a second.

    Returns:
        The chunks one after the other in time, [6, sum(end - start)].

    Raises:
        ValueError: If there is noise and no generator.
    """
    if noise is not None and rng is None:
        raise ValueError("chunk_features: noise needs a generator; pass rng=")
    beats, downbeats = np.asarray(beats, float), np.asarray(downbeats, float)
    heard, start = np.asarray(heard, np.int64), np.asarray(start, np.int64)
    lengths = np.asarray(end, np.int64) - start
    chunk = np.repeat(np.arange(len(lengths)), lengths)
    offset = np.arange(len(chunk)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    centre = (start[chunk] + offset + 0.5) / frames_per_second
    if len(beats) < 2:
        return np.zeros((BEAT_FEATURES, len(chunk)), np.float32)

    heard_s = heard / frames_per_second - (noise.delay_s if noise else 0.0)
    beat = _heard_pulse(beats, heard_s, RECENT_INTERVALS)
    position = _positions(beats, beat, chunk, centre)
    beyond = np.maximum(position - (beat.heard - 1)[chunk], 0.0)
    bar_starts = np.rint(np.interp(downbeats, beats, np.arange(len(beats))))
    bar = _heard_pulse(bar_starts, (beat.heard - 0.5), RECENT_BARS)
    bars = _positions(bar_starts, bar, chunk, position)

    tempo = -np.log2(2.0 * beat.period)[chunk]  # 0.5 s a beat are 120 bpm
    confidence = _confidence(beat, chunk, beyond)
    known, bars_known = beat.heard >= 2, (beat.heard >= 2) & (bar.heard >= 2)
    rows = np.stack([position, bars, tempo, confidence])
    if noise is not None and rng is not None:
        rows = _disturb(rows, beyond, beat, bar, chunk, noise, rng)
        known, bars_known = _drop(known, bars_known, noise, rng)
    return feature_rows(rows, known[chunk], bars_known[chunk])


def _heard_pulse(events: Floats, until: Floats, recent: int) -> _Pulse:
    """The pulse of ``events`` [N] that lie before ``until`` [K]; period 1 where unknown."""
    count = np.searchsorted(events, until)
    if len(events) < 2:
        ones = np.ones(len(until))
        return _Pulse(count, 0.0 * ones, ones, 0.0 * ones, np.ones(len(until), np.int64))
    at = count[:, None] - 1 - np.arange(recent)  # an interval is named by the event that ends it
    intervals = np.where(at >= 1, np.diff(events)[np.maximum(at - 1, 0)], np.inf)
    known = np.maximum(np.minimum(count - 1, recent), 1)
    order = np.sort(intervals, axis=1)
    rows = np.arange(len(until))
    median = (order[rows, (known - 1) // 2] + order[rows, known // 2]) / 2
    median = np.where(count >= 2, median, 1.0)[:, None]

    regular = np.abs(intervals - median) <= OUTLIER * median
    used = np.maximum(regular.sum(axis=1), 1)
    mean = np.where(regular, intervals, 0.0).sum(axis=1) / used
    period = np.where(regular.any(axis=1), mean, median[:, 0])
    finite = np.where(at >= 1, intervals, period[:, None])
    error = ((finite / period[:, None] - 1.0) ** 2).sum(axis=1)
    spread = np.sqrt((error + PRIOR_SPREAD**2) / known)
    return _Pulse(count, events[np.maximum(count - 1, 0)], period, spread, known)


def _positions(events: Floats, pulse: _Pulse, chunk: Ints, at: Floats) -> Floats:
    """Event numbers (0 on the first) at ``at`` [F], extrapolated outside those heard."""
    if len(events) == 0:
        return np.zeros_like(at)
    last, period = pulse.last[chunk], pulse.period[chunk]
    inside = np.interp(at, events, np.arange(len(events)))
    after = pulse.heard[chunk] - 1 + (at - last) / period
    before = (at - events[0]) / period
    return np.where(at >= last, after, np.where(at < events[0], before, inside))


def _confidence(beat: _Pulse, chunk: Ints, beyond: Floats) -> Floats:
    """Length of the mean phase vector ``beyond`` beats [F] after the last one heard.

    The intervals are independent draws around a period known from ``intervals`` of them, and
    the period itself drifts.
    """
    walk = beyond + beyond**2 / beat.intervals[chunk]
    variance = beat.spread[chunk] ** 2 * walk + (TEMPO_DRIFT * beyond) ** 2
    return _concentration(np.sqrt(variance))


def _concentration(spread: Floats) -> Floats:
    """Length of the mean vector of phases that spread normally, ``spread`` in turns."""
    length: Floats = np.exp(-0.5 * (2 * np.pi * spread) ** 2)
    return length


def _disturb(
    rows: Floats,
    beyond: Floats,
    beat: _Pulse,
    bar: _Pulse,
    chunk: Ints,
    noise: BeatNoise,
    rng: np.random.Generator,
) -> Floats:
    """Move phases and tempo of ``rows`` [4, F] as an erring tracker would."""
    position, bars, tempo, confidence = rows
    chunks = len(beat.heard)
    spread = noise.jitter_s * 2.0 * rng.random(chunks) / beat.period
    jitter = spread * rng.standard_normal(chunks)
    error = noise.tempo_error * rng.standard_normal(chunks)
    moved = jitter[chunk] + error[chunk] * beyond
    if rng.random() < noise.offbeat:
        moved = moved + 0.5
    shift = rng.integers(1, 4) if rng.random() < noise.bar_shift else 0
    speed = 2.0 ** rng.choice((-1, 1)) if rng.random() < noise.octave else 1.0
    parity = rng.integers(0, 2) if speed < 1 else 0

    position = (position + moved + parity) * speed
    bars = (bars + (moved + shift + parity) / bar.period[chunk]) * speed
    tempo = tempo + np.log2(speed) + np.log2(np.maximum(1.0 + error, 0.5))[chunk]
    confidence = confidence * _concentration(spread[chunk])
    return np.stack([position, bars, tempo, confidence])


def _drop(
    known: NDArray[np.bool_],
    bars_known: NDArray[np.bool_],
    noise: BeatNoise,
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Forget the beats of the excerpt or of single chunks [K], or the bars alone."""
    keep = (rng.random(len(known)) >= noise.chunk_dropout) & (rng.random() >= noise.dropout)
    return known & keep, bars_known & keep & (rng.random() >= noise.bar_dropout)


def feature_rows(
    rows: Floats, known: NDArray[np.bool_], bars_known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Beat number, bar number, tempo and confidence [4, F] as the six rows [6, F]."""
    position, bars, tempo, confidence = rows
    beat_phase, bar_phase = 2 * np.pi * position, 2 * np.pi * bars
    features = np.empty((BEAT_FEATURES, len(position)), np.float32)
    features[:2] = np.sin(beat_phase), np.cos(beat_phase)
    features[2:4] = np.sin(bar_phase), np.cos(bar_phase)
    features[4:] = tempo, confidence
    features[2:4, ~bars_known] = 0.0
    features[:, ~known] = 0.0
    return features
