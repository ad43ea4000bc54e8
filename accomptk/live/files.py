"""Audio by file instead of packet, inside one folder and nowhere else."""

from collections import deque
from pathlib import Path

from accomptk.errors import StreamError
from accomptk.live.packets import LOUDEST, Samples

LONGEST_S = 60.0
KEPT = 256
"""Files that were written and are not yet removed."""


class FileDoor:
    """Reads what a client wrote and writes what it shall read, in one folder.

    Args:
        folder: The folder; must exist.

    Raises:
        StreamError: If it does not.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise StreamError(f"--io-dir {folder}: is no folder; make it first")
        self.folder = folder.resolve()
        self._written: deque[Path] = deque()

    def read(self, name: str, rate: int) -> Samples:
        """Samples [N] of a file that the client names.

        Raises:
            StreamError: If it lies elsewhere, or is not mono audio at the client's rate.
        """
        import numpy as np
        import soundfile

        path = self._inside(name)
        try:
            with soundfile.SoundFile(path) as file:
                if file.samplerate != rate or file.frames > LONGEST_S * rate:
                    raise StreamError(
                        f"{name}: {file.samplerate} Hz, {file.frames} samples; wanted are "
                        f"{rate} Hz and at most {LONGEST_S:g} s"
                    )
                wav = file.read(dtype="float32", always_2d=True).mean(1)
        except soundfile.SoundFileError as error:
            raise StreamError(f"{name}: cannot be read as audio; write a WAV file") from error
        if not np.isfinite(wav).all():
            raise StreamError(f"{name}: holds samples that are no numbers; write it again")
        return np.asarray(wav.clip(-LOUDEST, LOUDEST), np.float32)

    def write(self, stream: int, stem: int, position: int, samples: Samples, rate: int) -> str:
        """Write samples [N] and return the file's name; the oldest files are removed."""
        import soundfile

        path = self.folder / f"out-{stream}-{stem}-{position}.wav"
        temporary = path.with_suffix(".part")
        soundfile.write(temporary, samples, rate, "FLOAT", format="WAV")
        temporary.replace(path)
        self._written.append(path)
        while len(self._written) > KEPT:
            self._written.popleft().unlink(missing_ok=True)
        return path.name

    def _inside(self, name: str) -> Path:
        """The real path of a regular file in the folder, whatever links and dots say."""
        try:
            path = (self.folder / name).resolve()
            is_ours = path.is_relative_to(self.folder) and path.is_file()
        except (OSError, RuntimeError, ValueError):  # a name too long, links in a circle
            is_ours = False
        if not is_ours or Path(name).is_absolute():
            raise StreamError(
                f"{name}: no file inside --io-dir; write it there, name it relatively"
            )
        return path
