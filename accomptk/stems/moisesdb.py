"""MoisesDB: recorded songs, many files an instrument, listed in a ``data.json`` each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accomptk.errors import DatasetError
from accomptk.stems.ensemble import read_ensemble
from accomptk.stems.instruments import MELODY, OTHER
from accomptk.stems.prepare import Task
from accomptk.stems.song import SongAudio, split_of
from accomptk.stems.tree import check_folder, fingerprint, is_file

_DATA = "data.json"
_LICENSE = "MoisesDB: non-commercial research (CC BY-NC-SA 4.0)"

# By stem, and within "other keys" and "percussion" by kind of track.
_STEMS = {
    "bass": "bass",
    "bowed_strings": "strings",
    "drums": "drums",
    "guitar": "guitar",
    "other": OTHER,
    "other_keys": OTHER,
    "other_plucked": "guitar",
    "percussion": "drums",
    "piano": "piano",
    "vocals": MELODY,
    "wind": MELODY,
}
_KINDS = {"synth lead": MELODY, "pitched percussion": OTHER, "click track": None}


@dataclass(frozen=True, slots=True)
class MoisesSong:
    """Makes a song of a folder with a ``data.json``.

    Attributes:
        track: Its name in the set.
        folder: With ``<stem>/<id>.wav`` beside the ``data.json``.
        split: Split, or None to choose by the artist's name.
        channels: 1 for mono, 2 to keep stereo.
        origin: Fingerprint of the files.
    """

    track: str
    folder: Path
    split: str | None
    channels: int
    origin: str

    def __call__(self) -> SongAudio:
        """Read the files, summed by instrument.

        Raises:
            DatasetError: If the list or a file cannot be used.
        """
        data = _read_data(self.folder / _DATA)
        players = list(_list_players(self.folder, data))
        absent = [path.name for _, path in players if not is_file(path)]
        artist = str(data.get("artist", "")) or self.track
        warning = f"{self.track}: {', '.join(absent)} missing; left out"
        return SongAudio(
            track=self.track,
            stems=read_ensemble(
                ((name, path) for name, path in players if is_file(path)), self.channels
            ),
            split=self.split or split_of(artist),
            prompt=str(data.get("genre", "")).replace("_", " "),
            family=artist,
            source="moisesdb",
            license=_LICENSE,
            warnings=(warning,) if absent else (),
        )


def tasks(root: Path, split: str | None = None, channels: int = 1) -> list[Task]:
    """What makes the songs of the collection.

    Args:
        root: The folder of the collection, or one above it.
        split: Split for all songs; None keeps an artist's songs together, chosen by the name:
            the collection states none.
        channels: 1 for mono, 2 to keep stereo.

    Raises:
        DatasetError: If the folder holds no such songs.
    """
    tree = check_folder(root)
    folders = [path.parent for path in tree if path.name == _DATA]
    if not folders:
        tree.nothing(
            f"{root}: holds no MoisesDB; give the folder with a sub-folder for each song "
            f"that holds a {_DATA}"
        )
    named: dict[str, MoisesSong] = {}
    for folder in folders:
        name = _name_of(folder)
        track = f"{name} ({folder.name})" if name in named else name
        origin = fingerprint(folder.rglob("*.*"), split, channels)
        named[track] = MoisesSong(track, folder, split, channels, origin)
    return [*named.items(), *tree.problems]


def _name_of(folder: Path) -> str:
    """Artist and title, or the folder's name if they cannot be read."""
    try:
        data = _read_data(folder / _DATA)
    except DatasetError:
        return folder.name  # making the song says why
    parts = [str(data.get(key, "")).strip() for key in ("artist", "song")]
    return " - ".join(part for part in parts if part) or folder.name


def _read_data(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; check the file") from error
    except ValueError as error:
        raise DatasetError(f"{path}: damaged, or not JSON; download the song again") from error
    if not isinstance(data, dict) or not isinstance(data.get("stems"), list):
        raise DatasetError(f"{path}: lists no stems as MoisesDB does; download the song again")
    return data


def _list_players(folder: Path, data: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    """The instrument and the file of each track; click tracks are left out."""
    try:
        for stem in data["stems"]:
            name = str(stem["stemName"])
            for track in stem["tracks"]:
                instrument = _instrument_of(name, str(track["trackType"]))
                if instrument is not None:
                    file_name = f"{track['id']}.{track.get('extension', 'wav')}"
                    yield instrument, folder / name / file_name
    except (KeyError, TypeError) as error:
        raise DatasetError(
            f"{folder / _DATA}: lists no stems as MoisesDB does; download the song again"
        ) from error


def _instrument_of(stem: str, kind: str) -> str | None:
    """The class of a track, None for what is no music."""
    plain = kind.replace("_", " ").casefold()
    for words, instrument in _KINDS.items():
        if plain.startswith(words):
            return instrument
    return _STEMS.get(stem.replace(" ", "_").casefold(), OTHER)
