"""Harmony of the context as it was heard, laid under the frames that are to be made.

*Conventions.* Chroma is that of ``accomptk.latents.chroma``. Music repeats itself bar by bar, so
what a chunk may play is best told by what was heard 1, 2, 4 and 8 bars before each of its frames
(as far as those were heard, at the pace of the beat), and by the pitch classes of the last half
second, two seconds and six seconds. Rows of what was not heard are 0.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.conditions.bars import bar_frames
from accomptk.latents.chroma import PITCH_CLASSES, ChromaListener
from accomptk.window import Chunk

Floats = NDArray[np.float32]

LAGS_BARS = (1, 2, 4, 8)
RECENT_FRAMES = (6, 24, 72)
HARMONY_FEATURES = PITCH_CLASSES * (len(LAGS_BARS) + len(RECENT_FRAMES))
"""Rows: 12 for each lag, then 12 for each recent stretch."""


def heard_harmony(listener: ChromaListener, chunk: Chunk, beats: Floats) -> Floats:
    """Rows of a chunk from what a listener has heard, [HARMONY_FEATURES, hop]; as below."""
    heard, start, end = (at - listener.first for at in (chunk.heard, chunk.start, chunk.end))
    return harmony_features(listener.chroma, heard, start, end, beats)


def harmony_features(chroma: Floats, heard: int, start: int, end: int, beats: Floats) -> Floats:
    """Rows of one chunk.

    Args:
        chroma: Of the context, [12, T]; only frames before ``heard`` are looked at.
        heard: Frames heard.
        start: First frame wanted.
        end: Frame after the last.
        beats: Rows of ``accomptk.conditions.grid`` for those frames, [6, end - start].

    Returns:
        [HARMONY_FEATURES, end - start].
    """
    heard = max(min(heard, chroma.shape[1]), 0)
    # One frame of padding in front, and sums that make the mean of any stretch a difference.
    sums = np.pad(np.cumsum(chroma[:, :heard], axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    rows = np.zeros((HARMONY_FEATURES, end - start), np.float32)
    one_chunk = torch.zeros(1, end - start, dtype=torch.long)
    bar = float(bar_frames(torch.from_numpy(beats[None]), one_chunk)[0, 0])
    if bar:
        for index, lag in enumerate(LAGS_BARS):
            source = np.arange(start, end) - round(lag * bar)
            low, high = np.clip(source - 1, 0, heard), np.clip(source + 2, 0, heard)
            known = (source >= 0) & (source < heard)
            mean = (sums[:, high] - sums[:, low]) / np.maximum(high - low, 1)
            rows[PITCH_CLASSES * index : PITCH_CLASSES * (index + 1)] = mean * known
    for index, length in enumerate(RECENT_FRAMES, len(LAGS_BARS)):
        begin = max(heard - length, 0)
        mean = (sums[:, heard] - sums[:, begin]) / max(heard - begin, 1)
        rows[PITCH_CLASSES * index : PITCH_CLASSES * (index + 1)] = mean[:, None]
    return rows
