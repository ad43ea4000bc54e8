"""The index of a prepared set: which stems there are, what is known of their music, their audio.

A set is a folder with ``index.parquet`` (one row a stem), ``set.json`` (where it came from)
and ``stems/<track>/``: a FLAC file for each stem, all at one rate and equally long within a song,
and ``song.json``, which says the same as the index and is written last, so that a set whose index
was never written can be gone on with. Beats, downbeats and chords are in the first row of a song.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accomptk.errors import DatasetError
from accomptk.stems.audio import SAMPLE_RATE, Samples
from accomptk.stems.music import MUSIC, STEM, Chord, Song, Stem, music_of
from accomptk.stems.place import is_folder, place, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    import soundfile

__all__ = ["SPLITS", "Chord", "Song", "Stem", "StemSet"]

INDEX_NAME = "index.parquet"
SET_NAME = "set.json"
SPLITS = ("train", "valid", "test")


_LISTS = ("beats", "downbeats")
_COLUMNS = (*STEM, "sample_rate", "tempo", *MUSIC, "origin")
_LATER = ("size_bytes",)  # columns that older sets lack


@dataclass(frozen=True, slots=True, eq=False)
class StemSet:
    """A prepared set, opened for reading."""

    root: Path
    songs: tuple[Song, ...]

    @classmethod
    def open(cls, root: Path | str) -> "StemSet":
        """Read the index of a set; audio is read when asked for.

        Raises:
            DatasetError: If there is no usable index or it lists no song.
        """
        root = place(root)
        songs = read_index(root)
        if not songs:
            raise DatasetError(f"{root}: the index lists no song; run accomptk prep again")
        return cls(root, songs)

    @property
    def index_hash(self) -> str:
        """SHA-256 over the hashes of all stems: names the audio, whatever the folder is called."""
        hashes = sorted(stem.sha256 for song in self.songs for stem in song.stems)
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest()

    def split(self, name: str) -> tuple[Song, ...]:
        """The songs of a split, possibly none.

        Raises:
            DatasetError: If there is no split of that name.
        """
        if name not in SPLITS:
            raise DatasetError(f"split '{name}': does not exist; choose from {', '.join(SPLITS)}")
        return tuple(song for song in self.songs if song.split == name)

    def song(self, track: str) -> Song:
        """The song of that name.

        Raises:
            DatasetError: If the set has none.
        """
        for song in self.songs:
            if song.track == track:
                return song
        raise DatasetError(f"{self.root}: has no song '{track}'; it has {len(self.songs)} others")

    def audio(
        self, song: Song, stem: Stem | str, start_s: float = 0.0, seconds: float | None = None
    ) -> Samples:
        """Samples of a stem.

        Args:
            song: A song of this set.
            stem: One of its stems, or that stem's name.
            start_s: First moment.
            seconds: Length; silence beyond the song's end. None reads to the end.

        Returns:
            Mono samples at SAMPLE_RATE, [N].

        Raises:
            DatasetError: If the file is absent or damaged.
        """
        entry = song.stem(stem) if isinstance(stem, str) else stem
        start = round(start_s * SAMPLE_RATE)
        count = None if seconds is None else round((start_s + seconds) * SAMPLE_RATE) - start
        return _read_part(self.root / entry.path, start, count)

    def mix(
        self,
        song: Song,
        stems: Iterable[Stem | str],
        start_s: float = 0.0,
        seconds: float | None = None,
    ) -> Samples:
        """Sum of several stems over a stretch of time, [N]; silence when there are none.

        Args:
            song: A song of this set.
            stems: Which of its stems, by entry or name.
            start_s: First moment.
            seconds: Length; None mixes to the end.
        """
        length_s = song.seconds - start_s if seconds is None else seconds
        count = round((start_s + length_s) * SAMPLE_RATE) - round(start_s * SAMPLE_RATE)
        total = np.zeros(max(count, 0), dtype=np.float32)
        for stem in stems:
            total += self.audio(song, stem, start_s, length_s)
        return total


def read_index(root: Path) -> tuple[Song, ...]:
    """The songs that a folder's index lists, in order of their names.

    Raises:
        DatasetError: If there is no index, or it cannot be read as one.
    """
    import pandas
    import pyarrow

    path = root / INDEX_NAME
    if not path.is_file():
        raise DatasetError(f"{root}: holds no {INDEX_NAME}; make a set with accomptk prep")
    try:
        table = pandas.read_parquet(io.BytesIO(path.read_bytes()))
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise DatasetError(f"{path}: damaged; delete it and run accomptk prep again") from error
    missing = [name for name in _COLUMNS if name not in (*table.columns, *_LATER)]
    if missing:
        raise DatasetError(f"{path}: lacks column '{missing[0]}'; run accomptk prep again")
    rows = table.sort_values("track", kind="stable").to_dict("records")
    return tuple(_to_song(list(group)) for _, group in groupby(rows, itemgetter("track")))


def write_index(root: Path, songs: Sequence[Song], set_info: Mapping[str, Any]) -> None:
    """Write the index and the set's description, each whole or not at all."""
    import pandas

    rows = [row for song in sorted(songs, key=lambda s: s.track) for row in _to_rows(song)]
    buffer = io.BytesIO()
    pandas.DataFrame(rows, columns=list(_COLUMNS)).to_parquet(buffer, index=False)
    text = json.dumps(dict(set_info), indent=2, ensure_ascii=False) + "\n"
    write_whole(root / INDEX_NAME, buffer.getvalue())
    write_whole(root / SET_NAME, text.encode(errors="backslashreplace"))


def update_index(root: Path, old: Iterable[Song], new: Iterable[Song]) -> None:
    """Write the index again with songs that are known better; the set's description stays."""
    try:
        info = json.loads((root / SET_NAME).read_bytes())
    except (OSError, ValueError):
        info = {}
    write_index(root, merge(old, new), info)


def merge(old: Iterable[Song], new: Iterable[Song]) -> tuple[Song, ...]:
    """Songs of both; a new one replaces the old one of its name."""
    by_track = {song.track: song for song in (*old, *new)}
    return tuple(by_track[track] for track in sorted(by_track))


def _read_part(path: Path, start: int, count: int | None) -> Samples:
    import soundfile

    if not path.is_file():
        raise DatasetError(f"{path}: the index lists it but it is gone; run accomptk prep again")
    try:
        with _open_audio(path) as file:
            rate = file.samplerate
            file.seek(min(start, file.frames))
            wav = file.read(-1 if count is None else max(count, 0), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise DatasetError(f"{path}: damaged; delete it and run accomptk prep again") from error
    if rate != SAMPLE_RATE:
        raise DatasetError(f"{path}: {rate} Hz; a prepared stem has {SAMPLE_RATE} Hz, prepare it")
    mono: Samples = wav.mean(axis=1, dtype=np.float32)
    return mono if count is None else np.pad(mono, (0, max(count - len(mono), 0)))


@contextmanager
def _open_audio(path: Path) -> "Iterator[soundfile.SoundFile]":
    """A file of a set, wherever that is."""
    import soundfile

    if is_folder(path):
        with soundfile.SoundFile(path) as file:
            yield file
    else:
        with path.open("rb") as stream, soundfile.SoundFile(stream) as file:
            yield file


def _to_rows(song: Song) -> list[dict[str, Any]]:
    shared = {
        **music_of(song),
        "sample_rate": SAMPLE_RATE,
        "tempo": song.tempo,
        "chords": "[]",
        "origin": song.origin,
        **dict.fromkeys(_LISTS, ()),
    }
    rows = [{name: getattr(stem, name) for name in STEM} | shared for stem in song.stems]
    if rows:  # once a song: with many stems these are most of an index
        rows[0] |= {name: getattr(song, name) for name in _LISTS}
        rows[0]["chords"] = json.dumps(song.chords)
    return rows


def _to_song(rows: list[dict[str, Any]]) -> Song:
    first = rows[0]
    music = {name: first[name] for name in MUSIC} | {"chords": json.loads(first["chords"])}
    return Song(
        track=first["track"],
        stems=tuple(Stem(**{n: row[n] for n in STEM if n in row}) for row in rows),
        seconds=float(first["seconds"]),
        origin=first["origin"],
        **music,
    )
