"""MUSDB18 through the musdb package, MUSDB18-HQ, or the one real excerpt that stempeg ships."""

import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems.audio import Samples, conform, load_audio
from accomptk.stems.instruments import MELODY, OTHER
from accomptk.stems.prepare import Task
from accomptk.stems.song import SongAudio
from accomptk.stems.tree import check_folder, fingerprint, is_file

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
        channels: 1 for mono, 2 to keep stereo.
        origin: Fingerprint of the file.
    """

    path: Path
    subset: str
    split: str | None
    channels: int
    origin: str

    def __call__(self) -> SongAudio:
        """Read the four sources.

        Raises:
            MissingTool: If ffmpeg is not installed.
            DatasetError: If the song cannot be read.
        """
        track = _track_name(self.path)
        sources = self._read_folder() if self.path.is_dir() else self._read_file()
        is_valid = self.subset == "train" and track in _validation_tracks()
        return SongAudio(
            track=track,
            stems={name: (_INSTRUMENTS[name], wav) for name, wav in sources.items()},
            split=self.split or ("valid" if is_valid else self.subset),
            family=track,
            source="musdb",
            license=_LICENSE,
        )

    def _read_folder(self) -> Mapping[str, Samples]:
        """Sources of MUSDB18-HQ: plain files, which need no ffmpeg."""
        return {name: load_audio(self.path / f"{name}.wav", self.channels) for name in _INSTRUMENTS}

    def _read_file(self) -> Mapping[str, Samples]:
        """Sources of MUSDB18.

        The package opens whole collections and stops at one bad file, so each song is shown
        to it as a collection of its own.
        """
        database, failures = _open_musdb()
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / self.subset / self.path.name
            link.parent.mkdir()
            link.symlink_to(self.path.resolve())
            try:
                opened = database(root=folder, subsets=[self.subset])
                return _read_sources(opened.tracks[0], self.path, self.channels)
            except failures as error:
                raise DatasetError(
                    f"{self.path}: damaged, or not a MUSDB18 song; download it again"
                ) from error


def tasks(root: Path | None = None, split: str | None = None, channels: int = 1) -> list[Task]:
    """What makes the songs of a collection.

    Args:
        root: Folder with ``train`` and ``test``, of MUSDB18 or MUSDB18-HQ. None takes the real
            excerpt inside the installed stempeg package.
        split: Split for all songs; None follows the collection.
        channels: 1 for mono, 2 to keep stereo.

    Raises:
        MissingTool: If ffmpeg is not installed and needed.
        DatasetError: If the folder holds no such songs.
    """
    if root is None:
        found = [(example(), "test")]
    else:
        check_folder(root)
        found = [(path, subset) for subset in _SUBSETS for path in _list(root / subset)]
    if not found:
        raise DatasetError(
            f"{root}: holds no MUSDB18; give the folder with train/ and test/ "
            f"(songs as *{_STEM_SUFFIX} files or as folders with {_MIXTURE})"
        )
    if any(path.is_file() for path, _ in found):
        _open_musdb()
    songs = [
        MusdbSong(path, subset, split, channels, _origin(path, split, channels))
        for path, subset in found
    ]
    return [(_track_name(song.path), song) for song in songs]


def download(root: Path | None = None) -> Path:
    """Fetch musdb's previews, 7 s of each of the 150 songs; nothing if they are there.

    Args:
        root: Where to; None for the package's own choice in the user's home.

    Returns:
        The folder of the collection.

    Raises:
        MissingTool: If ffmpeg is not installed.
        DatasetError: If they cannot be downloaded.
    """
    database, _ = _open_musdb()
    try:
        with redirect_stdout(sys.stderr):
            opened = database(root=None if root is None else str(root), download=True, subsets=[])
    except (OSError, RuntimeError, zipfile.BadZipFile) as error:
        raise DatasetError(
            f"MUSDB18 previews: cannot be downloaded ({error}); download MUSDB18 yourself from "
            "zenodo.org/records/1117372 and give --root"
        ) from error
    return Path(opened.root)


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


def _validation_tracks() -> list[str]:
    """Songs of the training subset that musdb keeps for validation."""
    import musdb

    with tempfile.TemporaryDirectory() as folder:
        names: list[str] = musdb.DB(root=folder).setup["validation_tracks"]
    return names


def _read_sources(track: "MultiTrack", path: Path, channels: int) -> dict[str, Samples]:
    missing = [name for name in _INSTRUMENTS if name not in track.sources]
    if missing:
        raise DatasetError(f"{path}: has no '{missing[0]}'; download it again")
    sources = {}
    for name in _INSTRUMENTS:
        wav = np.asarray(track.sources[name].audio, dtype=np.float32).T
        if wav.shape[-1] < _SHORTEST_SHARE * track.samples:
            raise DatasetError(f"{path}: '{name}' is truncated; download it again")
        sources[name] = conform(wav, round(track.rate), channels)
    return sources


def _list(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [
        path
        for path in check_folder(folder).list(folder)
        if path.name.endswith(_STEM_SUFFIX) or is_file(path / _MIXTURE)
    ]


def _track_name(path: Path) -> str:
    return path.name.removesuffix(_STEM_SUFFIX)


def _origin(path: Path, *details: object) -> str:
    return fingerprint(path.glob("*.wav") if path.is_dir() else [path], *details)
