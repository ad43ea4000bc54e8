"""Whether a stem is as loud as the truth in every range of pitch, and whether it plays at all.

Conventions: signals are mono, [N], of one rate; levels are root mean squares in dB. A difference
is that of the stem from the truth: 0 is best, above 0 is louder. None where either is silent.

Metrics: the level; the share of the power below 400 Hz, from there to 4 kHz, and above; and of
the blocks of 4 s in which the truth plays, the share in which the stem does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.onset import SILENCE_DB, level_db

Floats = NDArray[np.floating[Any]]

EDGES_HZ = (400.0, 4000.0)
BANDS = ("low_apart", "mid_apart", "high_apart")
SMALLEST_SHARE_DB = -60.0
BLOCK_S = 4.0
PLAYS_DB = -30.0  # of the truth's level
SILENT_DB = -40.0


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """Level of a stem in dB, those of its blocks [n], and the share of each band in dB [3]."""

    level_db: float
    blocks_db: Floats
    shares_db: Floats


def balance(wav: Floats, sample_rate: int) -> Balance:
    """Where the power of a stem [N] lies.

    Raises:
        ValueError: If the signal is not [N] of finite numbers.
    """
    if wav.ndim != 1 or not np.isfinite(wav).all():
        raise ValueError(f"balance: a stem of shape {wav.shape}; it must be finite numbers, [N]")
    size = round(BLOCK_S * sample_rate)
    starts = range(0, wav.size - size + 1, size)
    blocks_db = np.array([level_db(wav[start : start + size]) for start in starts])
    power = np.abs(np.fft.rfft(wav)) ** 2
    cuts = [round(hz * wav.size / sample_rate) for hz in EDGES_HZ]
    bands = np.array([band.sum() for band in np.split(power, cuts)])
    shares = bands / max(float(bands.sum()), np.finfo(float).tiny)
    shares_db = 10 * np.log10(np.maximum(shares, 10 ** (SMALLEST_SHARE_DB / 10)))
    return Balance(level_db(wav), blocks_db, shares_db)


def balance_apart(made: Balance, truth: Balance) -> Mapping[str, float]:
    """Every difference that there is of a stem from the truth."""
    if truth.level_db <= SILENCE_DB:
        return {}
    found = {}
    plays = truth.blocks_db > truth.level_db + PLAYS_DB
    if plays.any():
        silent = made.blocks_db[plays] < truth.level_db + SILENT_DB
        found["silent"] = 100 * float(silent.mean())
    if made.level_db <= SILENCE_DB:
        return found
    apart = dict(zip(BANDS, (made.shares_db - truth.shares_db).tolist(), strict=True))
    return {"level_apart": made.level_db - truth.level_db, **apart, **found}
