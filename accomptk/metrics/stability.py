"""Whether a long stream stays what it was: drift of level, brightness and tempo per minute.

Conventions: a signal is mono, [N]; beats are ascending times in seconds. A drift is the median
slope between all pairs of points (Theil 1950; Sen 1968), which a fill or a missed beat does not
move: levels and spectral centroids are those of blocks of 4 s in which the stem sounds, tempi
those from each beat to the next. 0 is best. None below 20 s, where music itself drifts more.

Metrics: level in dB, centroid in octaves, tempo in percent, each per minute. Music has forms
that swell and slow down, so what is scored is the distance from the drift of the truth.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.beat import validate as validate_beats
from accomptk.metrics.onset import SILENCE_DB, level_db

Floats = NDArray[np.floating[Any]]

BLOCK_S = 4.0
SHORTEST_S = 20.0
MINUTE_S = 60.0


def validate(wav: Floats) -> None:
    """Refuse what has no level.

    Raises:
        ValueError: If the signal is not [N] of finite numbers.
    """
    if wav.ndim != 1:
        raise ValueError(f"stability: a signal of shape {wav.shape}; it must be mono, [N]")
    if not np.isfinite(wav).all():
        raise ValueError("stability: a signal with values that are no numbers")


Drifts = Mapping[str, float | None]
"""Drift by metric."""


def drifts(wav: Floats, sample_rate: int, beats: Floats | None) -> Drifts:
    """Every drift of a stem [N]; that of the tempo by its beats in seconds, if any are known."""
    return {
        "level_drift": level_drift(wav, sample_rate),
        "centroid_drift": centroid_drift(wav, sample_rate),
        "tempo_drift": None if beats is None else tempo_drift(beats),
    }


def drift_apart(made: Drifts, truth: Drifts) -> dict[str, float]:
    """How far each drift is from that of the truth; without those that either lacks."""
    pairs = {key: (value, truth[key]) for key, value in made.items()}
    return {
        key: abs(value - wanted)
        for key, (value, wanted) in pairs.items()
        if value is not None and wanted is not None
    }


def level_drift(wav: Floats, sample_rate: int) -> float | None:
    """Change of the level in dB per minute."""
    time_s, blocks = _sounding_blocks(wav, sample_rate)
    return _slope(time_s, np.array([level_db(block) for block in blocks]))


def centroid_drift(wav: Floats, sample_rate: int) -> float | None:
    """Change of the spectral centroid in octaves per minute."""
    time_s, blocks = _sounding_blocks(wav, sample_rate)
    return _slope(time_s, np.array([_centroid_octaves(block, sample_rate) for block in blocks]))


def tempo_drift(beats: Floats) -> float | None:
    """Change of the tempo in percent per minute."""
    validate_beats(beats, beats)
    periods = np.diff(beats)
    moved = periods > 0
    slope = _slope(beats[:-1][moved], -np.log(periods[moved]))
    return None if slope is None else 100 * float(np.expm1(slope))


def _sounding_blocks(wav: Floats, sample_rate: int) -> tuple[Floats, list[Floats]]:
    """Start in seconds and samples of each block that is not silent."""
    validate(wav)
    size = round(BLOCK_S * sample_rate)
    found = [
        (start / sample_rate, wav[start : start + size])
        for start in range(0, wav.size - size + 1, size)
        if level_db(wav[start : start + size]) > SILENCE_DB
    ]
    return np.array([time_s for time_s, _ in found]), [block for _, block in found]


def _centroid_octaves(block: Floats, sample_rate: int) -> float:
    power = np.abs(np.fft.rfft(block)) ** 2
    hz = np.arange(power.size) * sample_rate / block.size
    return float(np.log2(hz @ power / power.sum()))


def _slope(time_s: Floats, values: Floats) -> float | None:
    """Median slope per minute; None for too short a time."""
    if time_s.size < 2 or time_s[-1] - time_s[0] < SHORTEST_S - BLOCK_S:
        return None
    from scipy.stats import theilslopes

    return MINUTE_S * float(theilslopes(values, time_s).slope)
