"""Sample rates of clients and codec, converted at the edges without drift."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from accomptk.live.packets import Samples

if TYPE_CHECKING:
    import soxr


class Resampler:
    """Converts a stream of several channels; sample n stays at its time, however long it runs.

    Args:
        rate: Of what comes in, Hz.
        to: Of what goes out, Hz.
        channels: Converted side by side.
    """

    def __init__(self, rate: int, to: int, channels: int = 1) -> None:
        self.rate, self.to, self.channels = rate, to, channels
        self._stream = None if rate == to else _stream(rate, to, channels)

    def push(self, wav: Samples) -> Samples:
        """The samples that are complete now that ``wav`` [C, N] came, [C, M]."""
        if self._stream is None or wav.shape[1] == 0:
            return wav
        made = self._stream.resample_chunk(np.ascontiguousarray(wav.T, np.float32))
        return np.asarray(made, np.float32).reshape(-1, self.channels).T


def _stream(rate: int, to: int, channels: int) -> "soxr.ResampleStream":
    import soxr

    return soxr.ResampleStream(rate, to, channels, dtype="float32", quality="HQ")


@lru_cache(maxsize=16)
def lag_s(rate: int, to: int) -> float:
    """How much later than its input the output of a stream comes at most."""
    if rate == to:
        return 0.0
    stream, block, heard, made, worst = (
        Resampler(rate, to),
        np.zeros((1, 512), np.float32),
        0,
        0,
        0.0,
    )
    for _ in range(rate // 512):
        heard += 512
        made += stream.push(block).shape[1]
        if heard > rate // 4:
            worst = max(worst, heard / rate - made / to)
    return worst
