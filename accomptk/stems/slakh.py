"""Slakh2100 and BabySlakh: songs rendered from MIDI, one file a player, beats from the MIDI."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accomptk.errors import DatasetError
from accomptk.stems.ensemble import read_ensemble
from accomptk.stems.instruments import OTHER, from_name, from_program
from accomptk.stems.midi import read_grid
from accomptk.stems.prepare import Task
from accomptk.stems.song import SongAudio
from accomptk.stems.tempo import Grid
from accomptk.stems.tree import check_folder, fingerprint, is_dir, is_file

_METADATA, _SCORE = "metadata.yaml", "all_src.mid"
_TRACK = re.compile(r"Track(\d{5})")
_AUDIO = (".flac", ".wav")  # Slakh2100, BabySlakh
_FOLDERS = {"train": "train", "validation": "valid", "test": "test"}
_OMITTED = "omitted"  # duplicates, in the redux version
_LAST_TRAIN, _LAST_VALID = 1500, 1875
_LICENSE = "CC-BY-4.0"
_GROUPS = {name.casefold(): name for name in ("bass", "drums", "guitar", "piano")}


@dataclass(frozen=True, slots=True)
class SlakhSong:
    """Makes a song of a folder such as ``Track00001``.

    Attributes:
        folder: With ``metadata.yaml``, ``stems/`` and ``all_src.mid``.
        split: Its split.
        channels: 1 for mono, 2 to keep stereo.
        origin: Fingerprint of the files.
    """

    folder: Path
    split: str
    channels: int
    origin: str

    def __call__(self) -> SongAudio:
        """Read the players' files, summed by instrument.

        Raises:
            DatasetError: If the metadata or a file cannot be used.
        """
        track = self.folder.name
        players = _read_players(self.folder / _METADATA)
        files = {name: _find_audio(self.folder / "stems", name) for name in players}
        absent = [name for name, file in files.items() if file is None]
        grid = self._read_grid()
        return SongAudio(
            track=track,
            stems=read_ensemble(
                ((players[name], file) for name, file in files.items() if file is not None),
                self.channels,
            ),
            split=self.split,
            beats=grid.beats,
            downbeats=grid.downbeats,
            meter=grid.meter,
            family=track,
            source="slakh",
            license=_LICENSE,
            beats_source="known" if len(grid.beats) else "",
            warnings=tuple(_warn(track, absent, grid)),
        )

    def _read_grid(self) -> Grid:
        path = self.folder / _SCORE
        if not is_file(path):
            return Grid(problem=f"has no {_SCORE}")
        try:
            return read_grid(path)
        except DatasetError as error:
            return Grid(problem=str(error))


def tasks(root: Path, split: str | None = None, channels: int = 1) -> list[Task]:
    """What makes the songs of a collection.

    Args:
        root: Slakh2100, its redux version, BabySlakh, or a part of one.
        split: Split for all songs; None follows the folders ``train``, ``validation`` and
            ``test``, or, where there are none, the tracks' numbers.
        channels: 1 for mono, 2 to keep stereo.

    Raises:
        DatasetError: If the folder holds no such songs.
    """
    tree = check_folder(root)
    folders = [path for path in tree if _TRACK.fullmatch(path.name) and is_dir(path)]
    kept = [path for path in folders if path.parent.name != _OMITTED]
    if not kept:
        tree.nothing(
            f"{root}: holds no Slakh songs; give the folder with train/, validation/ and test/, "
            f"or with TrackNNNNN/ folders that hold {_METADATA} and stems/"
        )
    origins = {path: _origin(path, split, channels) for path in kept}
    songs = [SlakhSong(path, split or split_of(path), channels, origins[path]) for path in kept]
    outside = [problem for problem in tree.problems if not _TRACK.search(problem[0])]
    return [*((song.folder.name, song) for song in songs), *outside]


def split_of(folder: Path) -> str:
    """The split of a song's folder: its parent's name, or else its number."""
    number = int(folder.name.removeprefix("Track"))
    by_number = "test" if number > _LAST_VALID else "valid" if number > _LAST_TRAIN else "train"
    return _FOLDERS.get(folder.parent.name, by_number)


def instrument_of(entry: Mapping[str, Any]) -> str:
    """The class of a player, by Slakh's instrument class and then by the MIDI program."""
    named = str(entry.get("inst_class", ""))
    if named.casefold() in _GROUPS:
        return _GROUPS[named.casefold()]
    program = entry.get("program_num")
    if isinstance(program, int) and 0 <= program <= 127:
        return from_program(program, bool(entry.get("is_drum")))
    return from_name(named) or OTHER


def _read_players(path: Path) -> dict[str, str]:
    """The instrument of each player, by the name of its file."""
    import yaml

    try:
        values = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; download the song again") from error
    except yaml.YAMLError as error:
        raise DatasetError(f"{path}: damaged, or not YAML; download the song again") from error
    stems = values.get("stems") if isinstance(values, dict) else None
    if not isinstance(stems, dict) or not all(isinstance(e, dict) for e in stems.values()):
        raise DatasetError(f"{path}: lists no stems as Slakh does; download the song again")
    return {str(name): instrument_of(entry) for name, entry in stems.items()}


def _find_audio(folder: Path, name: str) -> Path | None:
    # `audio_rendered` in the metadata is of no help: BabySlakh says false throughout.
    paths = (folder / f"{name}{suffix}" for suffix in _AUDIO)
    return next((path for path in paths if is_file(path)), None)


def _origin(folder: Path, *details: object) -> str:
    files = (folder / _METADATA, folder / _SCORE, *(folder / "stems").glob("*"))
    return fingerprint(files, *details)


def _warn(track: str, absent: list[str], grid: Grid) -> Iterator[str]:
    if absent:
        yield f"{track}: no audio for {', '.join(absent)}; left out"
    if grid.problem:
        yield f"{track}: {grid.problem}; beats unknown"
