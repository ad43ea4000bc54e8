"""Whether the files of a prepared set are what its index says."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from accomptk.stems.index import StemSet
from accomptk.stems.music import Song
from accomptk.stems.parallel import Workers, map_unordered
from accomptk.stems.place import settle

MISSING, CHANGED = "missing", "changed"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A file that is not as it was written.

    Attributes:
        track: The song.
        path: The file, relative to the set.
        state: ``missing`` or ``changed``.
    """

    track: str
    path: str
    state: str


def verify(
    root: Path, workers: Workers = 1, progress: Callable[[int, int], None] | None = None
) -> list[Finding]:
    """Read every file of a set and compare it with its checksum.

    Args:
        root: A prepared set.
        workers: Processes, or the address of a dask scheduler.
        progress: Told songs done and songs in all.

    Returns:
        What is missing or changed, in order; nothing if all is well.

    Raises:
        DatasetError: If there is no index.
    """
    stems = StemSet.open(root)
    found: list[Finding] = []
    for done, findings in enumerate(
        map_unordered(partial(check_song, settle(stems.root)), stems.songs, workers), 1
    ):
        found += findings
        if progress is not None:
            progress(done, len(stems.songs))
    return sorted(found)


def check_song(root: Path, song: Song) -> list[Finding]:
    """The files of a song that are not, byte for byte, as they were written."""
    found = []
    for stem in song.stems:
        sha256 = _sha256(root / stem.path)
        if sha256 != stem.sha256:
            state = MISSING if sha256 is None else CHANGED
            found.append(Finding(song.track, stem.path, state))
    return found


def is_there(root: Path, song: Song) -> bool:
    """Whether every file of a song is there in its size, which is quick to tell.

    Sets from before sizes were noted are read in full.
    """
    if not all(stem.size_bytes for stem in song.stems):
        return not check_song(root, song)
    return all(_size(root / stem.path) == stem.size_bytes for stem in song.stems)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
