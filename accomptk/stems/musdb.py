"""MUSDB18 through the musdb package, or the one real excerpt that stempeg ships."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems.audio import Samples, resample, to_mono
from accomptk.stems.instruments import MELODY, OTHER
from accomptk.stems.prepare import Task
from accomptk.stems.song import SongAudio

if TYPE_CHECKING:
    from musdb import MultiTrack

_INSTRUMENTS = {"drums": "drums", "bass": "bass", "other": OTHER, "vocals": MELODY}
_LICENSE = "MUSDB18: non-commercial, for education and research"
_SUBSETS = ("train", "test")
_STEM_SUFFIX = ".stem.mp4"
_MIXTURE = "mixture.wav"
_SHORTEST_SHARE = 0.98  # of the stated length; AAC pads and trims a little


@dataclass(frozen=True, slots=True)
class MusdbSong:
    """Makes a song of a ``.stem.mp4`` file, or of a folder with a ``mixture.wav``.

    Attributes:
        path: The file or folder.
        subset: ``train`` or ``test``, as the collection says.
        split: Split, or None to follow the subset and musdb's list of validation songs.
        origin: Fingerprint of the file.
    """

    path: Path
    subset: str
    split: str | None
    origin: str

    def __call__(self) -> SongAudio:
        """Read the four sources.

        Raises:
            MissingTool: If ffmpeg is not installed.
            DatasetError: If the song cannot be read.
        """
        track = _track_name(self.path)
        sources, validation = self._read()
        subset = "valid" if track in validation and self.subset == "train" else self.subset
        return SongAudio(
            track=track,
            stems={name: (_INSTRUMENTS[name], wav) for name, wav in sources.items()},
            split=self.split or subset,
            family=track,
            source="musdb",
            license=_LICENSE,
        )

    def _read(self) -> tuple[dict[str, Samples], list[str]]:
        """Sources by name, and musdb's validation songs.

        The package opens whole collections and stops at one bad file, so each song is shown
        to it as a collection of its own.
        """
        database, failures = _open_musdb()
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / self.subset / self.path.name
            link.parent.mkdir()
            link.symlink_to(self.path.resolve(), target_is_directory=self.path.is_dir())
            try:
                opened = database(root=folder, subsets=[self.subset], is_wav=self.path.is_dir())
                sources = _read_sources(opened.tracks[0], self.path)
            except failures as error:
                raise DatasetError(
                    f"{self.path}: damaged, or not a MUSDB18 song; download it again"
                ) from error
        return sources, list(opened.setup["validation_tracks"])


def tasks(root: Path | None = None, split: str | None = None) -> list[Task]:
    """What makes the songs of a collection.

    Args:
        root: Folder with ``train`` and ``test``, of MUSDB18 or MUSDB18-HQ. None takes the real
            excerpt inside the installed stempeg package.
        split: Split for all songs; None follows the collection.

    Raises:
        MissingTool: If ffmpeg is not installed.
        DatasetError: If the folder holds no such songs.
    """
    _open_musdb()
    if root is None:
        found = [(example(), "test")]
    else:
        found = [(path, subset) for subset in _SUBSETS for path in _list(root / subset)]
    if not found:
        raise DatasetError(
            f"{root}: holds no MUSDB18; give the folder with train/ and test/ "
            f"(songs as *{_STEM_SUFFIX} files or as folders with {_MIXTURE})"
        )
    songs = [MusdbSong(path, subset, split, _fingerprint(path)) for path, subset in found]
    return [(_track_name(song.path), song) for song in songs]


def example() -> Path:
    """The real MUSDB18 excerpt, 6 s long, inside the installed stempeg package."""
    import stempeg

    return Path(stempeg.example_stem_path())


def _open_musdb() -> tuple[Any, tuple[type[BaseException], ...]]:
    """The musdb database class, and what reading raises when a file is bad."""
    for program in ("ffmpeg", "ffprobe"):
        if shutil.which(program) is None:
            raise MissingTool(
                f"{program} is not installed (musdb needs it): apt-get install ffmpeg"
            )
    import musdb
    import stempeg

    failed = stempeg.read.ffmpeg.Error
    return musdb.DB, (failed, Warning, RuntimeError, ValueError, LookupError)


def _read_sources(track: "MultiTrack", path: Path) -> dict[str, Samples]:
    missing = [name for name in _INSTRUMENTS if name not in track.sources]
    if missing:
        raise DatasetError(f"{path}: has no '{missing[0]}'; download it again")
    sources = {}
    for name in _INSTRUMENTS:
        wav = np.asarray(track.sources[name].audio, dtype=np.float32).T
        if wav.shape[-1] < _SHORTEST_SHARE * track.samples:
            raise DatasetError(f"{path}: '{name}' is truncated; download it again")
        sources[name] = resample(to_mono(wav), round(track.rate))
    return sources


def _list(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.name.endswith(_STEM_SUFFIX) or (path / _MIXTURE).is_file()
    )


def _track_name(path: Path) -> str:
    return path.name.removesuffix(_STEM_SUFFIX)


def _fingerprint(path: Path) -> str:
    files = sorted(path.glob("*.wav")) if path.is_dir() else [path]
    states = [(file.name, file.stat()) for file in files]
    return " ".join(f"{name}:{state.st_size}:{state.st_mtime_ns}" for name, state in states)
