"""Levels: stems at loudnesses that make a mix, with peaks that fit in it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.instruments import MELODY

# Level of the blocks in which a stem sounds, and how far its peaks may stand above that.
LEVELS_DB = {
    "drums": (-20.0, 15.0),
    "bass": (-21.0, 15.0),
    "guitar": (-25.0, 18.0),
    "piano": (-24.0, 18.0),
    "strings": (-28.0, 18.0),
    MELODY: (-22.0, 18.0),
}

_SPREAD_DB = 2.0
_KNEE_DB = 5.0  # below its ceiling, a stem starts to saturate
_QUIET_DB = 35.0  # below its loudest block, a stem counts as resting
_SILENT = 10 ** (-60 / 20)
_LEAST_BLOCKS = 10
_BLOCK = SAMPLE_RATE // 10
_PEAK = 0.95


def mix(
    rng: np.random.Generator, stems: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """Set the level of each stem by its class, with some spread.

    Args:
        rng: Source of the spread.
        stems: Samples [N] at SAMPLE_RATE by class.

    Returns:
        The stems that sound for a second or more; their sum does not clip.
    """
    leveled = {}
    for name, wav in stems.items():
        level_db, crest_db = LEVELS_DB[name]
        level_db += float(np.clip(rng.normal(0, _SPREAD_DB), -2 * _SPREAD_DB, 2 * _SPREAD_DB))
        loudness = active_level(wav)
        if loudness > 0:
            ceiling = 10 ** ((level_db + crest_db) / 20)
            leveled[name] = saturate(wav * np.float32(10 ** (level_db / 20) / loudness), ceiling)
    peak = float(np.abs(np.sum(list(leveled.values()), axis=0)).max(initial=0.0))
    gain = np.float32(min(1.0, _PEAK / max(peak, _PEAK)))
    return {name: wav * gain for name, wav in leveled.items()}


def active_level(wav: NDArray[np.float32]) -> float:
    """Root mean square of the blocks in which [N] samples sound; 0 when there are few."""
    whole = wav[: len(wav) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    power = np.square(whole, dtype=np.float64).mean(axis=1)
    floor = max(float(power.max(initial=0.0)) * 10 ** (-_QUIET_DB / 10), _SILENT**2)
    loud = power[power >= floor]
    return float(np.sqrt(loud.mean())) if len(loud) >= _LEAST_BLOCKS else 0.0


def saturate(wav: NDArray[np.float32], ceiling: float) -> NDArray[np.float32]:
    """Bend peaks of [N] samples smoothly below ``ceiling``; what is lower stays as it is."""
    knee = ceiling * 10 ** (-_KNEE_DB / 20)
    over = np.maximum(np.abs(wav) - knee, 0.0)
    bent = np.minimum(np.abs(wav), knee) + (ceiling - knee) * np.tanh(over / (ceiling - knee))
    return np.asarray(np.sign(wav) * bent, dtype=np.float32)
