"""Float WAV files that grow, and are whole whenever the program ends.

libsndfile stamps the time into each one, so that no two are the same; these are.
"""

import struct
from pathlib import Path
from typing import BinaryIO, Self

from accomptk.live.packets import Samples

_HEAD = "<4sI4s4sIHHIIHH4sI"
_FLOAT = 3


class WaveFile:
    """Mono samples in 32-bit floats.

    Args:
        path: Written as samples come.
        rate: Samples a second.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self.rate, self.count = rate, 0
        self._file: BinaryIO = path.open("wb")
        self._write_head()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self._file.close()

    def write(self, wav: Samples) -> None:
        """Append samples [N]."""
        self._file.write(wav.astype("<f4").tobytes())
        self.count += len(wav)
        self._write_head()

    def _write_head(self) -> None:
        size = 4 * self.count
        fmt = (b"fmt ", 16, _FLOAT, 1, self.rate, 4 * self.rate, 4, 32)
        head = struct.pack(_HEAD, b"RIFF", 36 + size, b"WAVE", *fmt, b"data", size)
        self._file.seek(0)
        self._file.write(head)
        self._file.seek(0, 2)
        self._file.flush()
