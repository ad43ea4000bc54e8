"""Turns songs in memory into a prepared set: in parallel, only what is new, never half a song."""

import errno
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from accomptk import __version__
from accomptk.errors import AccomptkError, DatasetError, MissingTool
from accomptk.stems import index
from accomptk.stems.checking import is_there
from accomptk.stems.music import Song
from accomptk.stems.parallel import Workers, map_unordered
from accomptk.stems.place import TEMPORARY, is_folder, settle
from accomptk.stems.song import SongAudio, read_song, to_file_name, write_song

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)

Make = Callable[[], SongAudio]
"""Makes a song in any process. An attribute ``origin`` (text), if it has one, names what the
song is made from: a song whose origin has changed is made again."""

Task = tuple[str, Make]
"""The song's name and what makes it."""

Progress = Callable[[int, int, str], None]
"""Called after each song with songs done, songs in all, and the song's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a preparation did.

    Attributes:
        root: Folder of the set.
        prepared: Songs made now.
        kept: Songs that were there already, intact.
        skipped: Songs that could not be made, with the reason.
        warnings: What was changed or left out on the way.
    """

    root: Path
    prepared: tuple[Song, ...] = ()
    kept: tuple[Song, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Made:
    """What came of one task: a song, or the reason why there is none."""

    track: str
    song: Song | None
    reason: str = ""
    warnings: tuple[str, ...] = ()


def prepare(
    out: Path,
    tasks: Sequence[Task],
    *,
    name: str,
    source: str,
    seed: int = 0,
    workers: Workers = 1,
    force: bool = False,
    again: Collection[str] = (),
    progress: Progress | None = None,
) -> Summary:
    """Make the songs that a set does not hold yet and write its index.

    Each song is written under a temporary name and renamed, and describes itself, so that an
    interruption of any kind leaves whole songs only and running again goes on from there. The
    files do not depend on ``workers``.

    Args:
        out: Folder of the set, made or added to.
        tasks: Songs to make.
        name: Name of the set.
        source: Where its songs come from.
        seed: That the tasks were made with; recorded.
        workers: Processes of this machine, 1 for this one, or the address of a dask scheduler.
        force: Make songs again that are there already.
        again: Names of songs to make again even so, for instance because files are damaged.
        progress: Told about each song.

    Returns:
        What was made, kept and skipped.

    Raises:
        DatasetError: If two songs have one name, or the disk is full or not writable.
    """
    _check_names(tasks)
    try:
        _clear_temporary(out)
        old = _read_old(out)
        wanted = () if force else [task for task in tasks if task[0] not in again]
        kept = _find_kept(out, old, wanted)
        made = _Writer(out, index.merge(old, kept), {"name": name, "source": source, "seed": seed})
        kept_tracks = {song.track for song in kept}
        new = [task for task in tasks if task[0] not in kept_tracks]
        made.run(new, workers, progress)
    except OSError as error:
        raise _explain(out, error) from error
    finally:
        _clean(out)
    return made.summary(kept)


class _Writer:
    """Collects finished songs and writes the index."""

    def __init__(self, out: Path, old: Sequence[Song], info: Mapping[str, Any]) -> None:
        self.out, self.old, self.info = out, old, info
        self.made: list[_Made] = []

    def run(self, tasks: Sequence[Task], workers: Workers, progress: Progress | None) -> None:
        """Make the songs of the tasks; whatever happens, the index lists those that are done."""
        make = partial(_make_song, settle(self.out))
        try:
            for done in map_unordered(make, tasks, workers, lost=_give_up):
                self.made.append(done)
                if progress is not None:
                    progress(len(self.made), len(tasks), done.track)
        finally:
            self.write()

    def write(self) -> None:
        """List the songs that are done, and the old ones that were not found broken."""
        gone = {track for track, _ in self.skipped}
        songs = index.merge((song for song in self.old if song.track not in gone), self.songs)
        if songs or self.old:
            skipped = [{"track": track, "reason": reason} for track, reason in self.skipped]
            info = {**self.info, "version": __version__, "skipped": skipped}
            index.write_index(self.out, songs, info)

    @property
    def songs(self) -> list[Song]:
        return sorted((m.song for m in self.made if m.song), key=lambda song: song.track)

    @property
    def skipped(self) -> list[tuple[str, str]]:
        return sorted((m.track, m.reason) for m in self.made if m.song is None)

    def summary(self, kept: tuple[Song, ...]) -> Summary:
        """What was done, in an order that does not depend on which song was ready first."""
        return Summary(
            root=self.out,
            prepared=tuple(self.songs),
            kept=kept,
            skipped=tuple(self.skipped),
            warnings=tuple(w for m in sorted(self.made, key=lambda m: m.track) for w in m.warnings),
        )


def _check_names(tasks: Sequence[Task]) -> None:
    seen: set[str] = set()
    for track, _ in tasks:
        if track in seen:
            raise DatasetError(f"{track}: two songs have this name; rename one of them")
        seen.add(track)


def _clear_temporary(out: Path) -> None:
    if is_folder(out):
        shutil.rmtree(out / TEMPORARY, ignore_errors=True)
        (out / TEMPORARY).mkdir(parents=True)


def _clean(out: Path) -> None:
    if is_folder(out):
        shutil.rmtree(out / TEMPORARY, ignore_errors=True)
        with suppress(OSError):
            out.rmdir()  # only if nothing came of it


def _read_old(out: Path) -> tuple[Song, ...]:
    return index.read_index(out) if (out / index.INDEX_NAME).is_file() else ()


def _find_kept(out: Path, old: Sequence[Song], tasks: Sequence[Task]) -> tuple[Song, ...]:
    """Songs that are there as they would be made.

    They are known from the index or, if a process was killed before it could write that, from
    their own descriptions.
    """
    listed = {song.track: song for song in old}
    folders = _list_folders(out)
    kept = []
    for track, make in tasks:
        song, origin = listed.get(track), _origin(make)
        if (song is None or song.origin != origin) and to_file_name(track) in folders:
            song = read_song(out, track)
        if song and song.track == track and song.origin == origin and is_there(out, song):
            kept.append(song)
    return tuple(kept)


def _list_folders(out: Path) -> set[str]:
    """Names of the folders that songs are in."""
    try:
        return {path.name for path in (out / "stems").iterdir()}
    except (FileNotFoundError, NotADirectoryError):  # the second where folders are but names
        return set()


def _origin(make: Make) -> str:
    return str(getattr(make, "origin", ""))


def _explain(out: Path, error: OSError) -> Exception:
    if error.errno in _NO_SPACE:
        return DatasetError(
            f"{out}: the disk is full; free some space or choose another folder with --out, "
            "then run the same command again"
        )
    if error.errno in _NO_ACCESS:
        where = error.filename or out
        return DatasetError(f"{where}: {error.strerror}; choose another folder with --out")
    return error


def _give_up(task: Task) -> _Made:
    """What is said of a song that cannot be made in any process."""
    reason = "ended every process that tried it, for instance by needing more memory than it has"
    return _Made(task[0], None, reason=f"{task[0]}: {reason}; cut its files or leave it out")


def _make_song(out: Path, task: Task) -> _Made:
    """Make one song on disk, or say why not; runs in any process."""
    track, make = task
    try:
        audio = make()
        song = write_song(out, audio, track, _origin(make))
    except MissingTool:
        raise  # no other song can do without it
    except AccomptkError as error:
        return _Made(track, None, reason=str(error))
    return _Made(track, song, warnings=tuple(audio.warnings))
