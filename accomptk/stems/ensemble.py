"""Recordings of single players, summed to one stem an instrument."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from accomptk.stems.audio import Samples, load_audio

Stems = dict[str, tuple[str, Samples]]
"""Stems by name: the instrument, and samples [N] or [2, N] at SAMPLE_RATE."""


def read_ensemble(players: Iterable[tuple[str, Path]], channels: int = 1) -> Stems:
    """Read files one after another and add up those of one instrument.

    Levels stay as they are, so that the stems still sum to the mix that they come from.

    Args:
        players: The instrument and the file of each.
        channels: 1 for mono, 2 to keep stereo.

    Returns:
        One stem for each instrument, named after it.

    Raises:
        DatasetError: If a file cannot be used.
    """
    sums: dict[str, Samples] = {}
    for instrument, path in players:
        wav = load_audio(path, channels)
        sums[instrument] = add(sums[instrument], wav) if instrument in sums else wav
    return {name: (name, sums[name]) for name in sums}


def add(one: Samples, other: Samples) -> Samples:
    """Sum of two recordings that may differ in length, and where one may be mono."""
    longest = max(one.shape[-1], other.shape[-1])
    total: Samples = lengthen(one, longest) + lengthen(other, longest)
    return total


def lengthen(wav: Samples, length: int) -> Samples:
    """Pad [..., N] with silence at its end to ``length`` samples, if it is shorter."""
    missing = max(length - wav.shape[-1], 0)
    return np.pad(wav, [(0, 0)] * (wav.ndim - 1) + [(0, missing)]) if missing else wav
