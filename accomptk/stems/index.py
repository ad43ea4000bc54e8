"""The index of a prepared set: which stems there are, what is known of their music, their audio.

A set is a folder with ``index.parquet`` (one row a stem), ``set.json`` (where it came from)
and ``stems/<track>/<stem>.flac``, all mono, at one rate and equally long within a song.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError
from accomptk.run import replacing
from accomptk.stems.audio import SAMPLE_RATE, Samples

INDEX_NAME = "index.parquet"
SET_NAME = "set.json"
SPLITS = ("train", "valid", "test")

Chord = tuple[float, float, str]
"""Start and end in seconds and a label as mir_eval reads it, such as ``"C:min7"``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stem:
    """One track of a song, as written to disk.

    Attributes:
        track: The song.
        stem: Name within the song.
        instrument: One of ``instruments.CLASSES``.
        path: File, relative to the set's folder, with forward slashes.
        seconds: Length.
        sha256: Of the file.
        rms_db: Level over the whole song, dBFS.
        active: ``(start_s, end_s)`` of the parts above -60 dBFS.
    """

    track: str
    stem: str
    instrument: str
    path: str
    seconds: float
    sha256: str
    rms_db: float
    active: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Song:
    """A song of a prepared set: its stems and what is known of its music.

    Attributes:
        track: Name, unique in the set.
        split: ``train``, ``valid`` or ``test``.
        seconds: Length of every stem.
        beats: Times in seconds, [beats]; empty when unknown.
        downbeats: Times of the bars' first beats in seconds, [bars].
        meter: Beats in a bar, 0 when unknown.
        tempo: Median beats per minute, 0 when unknown.
        chords: In order of time; empty when unknown.
        family: Songs of one family never sit in two splits.
        beats_source: ``known``, ``estimated``, or empty when there are none.
        origin: Fingerprint of what the song was made from; another one means make it again.
    """

    track: str
    split: str
    stems: tuple[Stem, ...]
    seconds: float
    beats: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    downbeats: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    meter: int = 0
    tempo: float = 0.0
    chords: tuple[Chord, ...] = ()
    key: str = ""
    prompt: str = ""
    family: str = ""
    source: str = ""
    soundfont: str = ""
    license: str = ""
    beats_source: str = ""
    origin: str = ""

    def stem(self, name: str) -> Stem:
        """The stem of that name.

        Raises:
            DatasetError: If the song has none.
        """
        for stem in self.stems:
            if stem.stem == name:
                return stem
        names = ", ".join(stem.stem for stem in self.stems)
        raise DatasetError(f"{self.track}: has no stem '{name}'; it has {names}")


_SONG_TEXTS = (
    *("key", "prompt", "family", "source", "soundfont", "license", "beats_source", "origin"),
)
_STEM_COLUMNS = tuple(f.name for f in fields(Stem))
_COLUMNS = (
    *(*_STEM_COLUMNS, "split", "sample_rate", "beats", "downbeats", "meter", "tempo", "chords"),
    *_SONG_TEXTS,
)


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
        root = Path(root)
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
        table = pandas.read_parquet(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise DatasetError(f"{path}: damaged; delete it and run accomptk prep again") from error
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise DatasetError(f"{path}: lacks column '{missing[0]}'; run accomptk prep again")
    groups = table.groupby("track", sort=True)
    return tuple(_to_song(str(track), rows.to_dict("records")) for track, rows in groups)


def write_index(root: Path, songs: Sequence[Song], set_info: Mapping[str, Any]) -> None:
    """Write the index and the set's description, each whole or not at all."""
    import pandas

    rows = [row for song in sorted(songs, key=lambda s: s.track) for row in _to_rows(song)]
    buffer = io.BytesIO()
    pandas.DataFrame(rows, columns=list(_COLUMNS)).to_parquet(buffer, index=False)
    text = json.dumps(dict(set_info), indent=2, ensure_ascii=False) + "\n"
    with replacing(root / INDEX_NAME) as temporary:
        temporary.write_bytes(buffer.getvalue())
    with replacing(root / SET_NAME) as temporary:
        temporary.write_text(text, encoding="utf-8")


def merge(old: Iterable[Song], new: Iterable[Song]) -> tuple[Song, ...]:
    """Songs of both; a new one replaces the old one of its name."""
    by_track = {song.track: song for song in (*old, *new)}
    return tuple(by_track[track] for track in sorted(by_track))


def is_intact(root: Path, song: Song) -> bool:
    """Whether every file of a song is there, byte for byte as it was written."""
    return all(_file_sha256(root / stem.path) == stem.sha256 for stem in song.stems)


def _file_sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _read_part(path: Path, start: int, count: int | None) -> Samples:
    import soundfile

    if not path.is_file():
        raise DatasetError(f"{path}: the index lists it but it is gone; run accomptk prep again")
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            file.seek(min(start, file.frames))
            wav = file.read(-1 if count is None else max(count, 0), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise DatasetError(f"{path}: damaged; delete it and run accomptk prep again") from error
    if rate != SAMPLE_RATE:
        raise DatasetError(f"{path}: {rate} Hz; a prepared stem has {SAMPLE_RATE} Hz, prepare it")
    mono: Samples = wav.mean(axis=1, dtype=np.float32)
    return mono if count is None else np.pad(mono, (0, max(count - len(mono), 0)))


def _to_rows(song: Song) -> list[dict[str, Any]]:
    shared = {
        "split": song.split,
        "sample_rate": SAMPLE_RATE,
        "beats": song.beats.tolist(),
        "downbeats": song.downbeats.tolist(),
        "meter": song.meter,
        "tempo": song.tempo,
        "chords": json.dumps(song.chords),
        **{name: getattr(song, name) for name in _SONG_TEXTS},
    }
    return [
        {name: getattr(stem, name) for name in _STEM_COLUMNS}
        | {"active": [list(region) for region in stem.active]}
        | shared
        for stem in song.stems
    ]


def _to_song(track: str, rows: list[dict[str, Any]]) -> Song:
    first = rows[0]
    return Song(
        track=track,
        split=first["split"],
        stems=tuple(_to_stem(row) for row in rows),
        seconds=float(first["seconds"]),
        beats=np.asarray(first["beats"], dtype=np.float64),
        downbeats=np.asarray(first["downbeats"], dtype=np.float64),
        meter=int(first["meter"]),
        tempo=float(first["tempo"]),
        chords=tuple((float(a), float(b), str(c)) for a, b, c in json.loads(first["chords"])),
        **{name: first[name] for name in _SONG_TEXTS},
    )


def _to_stem(row: dict[str, Any]) -> Stem:
    values = {name: row[name] for name in _STEM_COLUMNS}
    active = tuple((float(start_s), float(end_s)) for start_s, end_s in row["active"])
    return Stem(**values | {"active": active})
