"""Anyone's stems: a folder of songs, each a folder of audio files, or one such folder."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from accomptk.errors import DatasetError
from accomptk.stems.audio import SAMPLE_RATE, SUFFIXES, Samples, read_audio, resample, to_mono
from accomptk.stems.index import INDEX_NAME
from accomptk.stems.instruments import OTHER, from_name
from accomptk.stems.prepare import Task
from accomptk.stems.song import SongAudio, split_of

_UNREADABLE = (".m4a", ".mp4", ".aac", ".wma", ".mka", ".webm", ".caf")
_MIX_WORDS = {"mix", "mixture", "mixdown", "fullmix", "master", "mastered"}


@dataclass(frozen=True, slots=True)
class FolderSong:
    """Makes a song of audio files.

    Attributes:
        track: Name of the song.
        folder: Where it is; files are named relative to it.
        files: Its stems.
        split: Split, or None to choose by the song's name.
        origin: Fingerprint of the files, so that changed ones are read again.
        notes: What was left out already.
    """

    track: str
    folder: Path
    files: tuple[Path, ...]
    split: str | None
    origin: str
    notes: tuple[str, ...] = ()

    def __call__(self) -> SongAudio:
        """Read the stems.

        Raises:
            DatasetError: If one of them cannot be used.
        """
        names = _stem_names(self.folder, self.files)
        rates: Counter[int] = Counter()
        stems: dict[str, tuple[str, Samples]] = {}
        for file, name in zip(self.files, names, strict=True):
            wav, rate = read_audio(file)
            rates[rate] += 1
            instrument = instrument_of(file.relative_to(self.folder))
            stems[name] = (instrument or OTHER, resample(to_mono(wav), rate))
        return SongAudio(
            track=self.track,
            stems=stems,
            split=self.split or split_of(self.track),
            family=self.track,
            source="stems",
            warnings=(*self.notes, *self._warn(rates, stems)),
        )

    def _warn(self, rates: Counter[int], stems: dict[str, tuple[str, Samples]]) -> Iterator[str]:
        for rate, count in sorted(rates.items()):
            if rate != SAMPLE_RATE:
                yield (
                    f"{self.track}: {count} of {len(stems)} stems have {rate} Hz; "
                    f"resampled to {SAMPLE_RATE} Hz"
                )
        yield from _warn_lengths(self.track, stems)
        unknown = [f.name for f in self.files if instrument_of(f.relative_to(self.folder)) is None]
        if unknown:
            yield (
                f"{self.track}: no instrument in the file names {', '.join(unknown)}; "
                f"taken as '{OTHER}' (context only)"
            )


def tasks(folder: Path, split: str | None = None) -> list[Task]:
    """What makes the songs of a folder.

    Every sub-folder that holds audio is a song; without any, the folder itself is one.

    Args:
        folder: Where to look.
        split: Split for all songs; None chooses by each song's name.

    Raises:
        DatasetError: If there is no such folder or no audio in it.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; give one that holds songs or stems")
    if (folder / INDEX_NAME).is_file():
        raise DatasetError(f"{folder}: is a prepared set already; use it as it is")
    loose = tuple(path for path in _list(folder) if path.is_file())
    songs = {path: _find_files(path) for path in _list(folder) if path.is_dir()}
    songs = {path: files for path, files in songs.items() if _audio(files)}
    if not songs and _audio(loose):
        songs, loose = {folder: loose}, ()
    if not songs:
        raise DatasetError(
            f"{folder}: holds no audio; give a folder with a sub-folder of stems per song "
            f"({', '.join(SUFFIXES)})"
        )
    made = [_to_song(path, files, split) for path, files in songs.items()]
    beside = tuple(f"{path}: lies beside the songs' folders; left out" for path in _audio(loose))
    made[0] = replace(made[0], notes=(*beside, *made[0].notes))
    return [(song.track, song) for song in made]


def instrument_of(path: Path) -> str | None:
    """The instrument that a file's name states, or else the nearest folder's name."""
    names = (path.name, *reversed(path.parts[:-1]))
    return next((found for name in names if (found := from_name(name)) is not None), None)


def _to_song(folder: Path, files: Sequence[Path], split: str | None) -> FolderSong:
    track = folder.name or folder.resolve().name
    audio = _audio(files)
    mixes = [path for path in audio if _is_mix(path)]
    stems = tuple(path for path in audio if path not in mixes) or tuple(mixes)
    mixes = [path for path in mixes if path not in stems]
    foreign = [path for path in files if path.suffix.lower() in _UNREADABLE]
    return FolderSong(
        track=track,
        folder=folder,
        files=stems,
        split=split,
        origin=_fingerprint(stems, split),
        notes=(
            *(f"{track}: {path.name} is a mix by its name; left out" for path in mixes),
            *(f"{track}: {path.name} left out; convert it to WAV or FLAC" for path in foreign),
        ),
    )


def _list(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")))
    except OSError as error:
        raise DatasetError(f"{folder}: {error.strerror}; check the folder's permissions") from error


def _find_files(folder: Path) -> tuple[Path, ...]:
    found: list[Path] = []
    for path in _list(folder):
        if path.is_file():
            found.append(path)
        elif not path.is_symlink():  # might lead back here
            found += _find_files(path)
    return tuple(found)


def _audio(files: Sequence[Path]) -> list[Path]:
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def _is_mix(path: Path) -> bool:
    words = set(re.findall(r"[a-z]+", path.stem.lower()))
    return bool(words & _MIX_WORDS) and from_name(path.name) is None


def _stem_names(folder: Path, files: Sequence[Path]) -> list[str]:
    """Paths within the song, without suffix unless two would become the same."""
    short = [path.relative_to(folder).with_suffix("").as_posix() for path in files]
    whole = [path.relative_to(folder).as_posix() for path in files]
    count = Counter(short)
    return [a if count[a] == 1 else b for a, b in zip(short, whole, strict=True)]


def _fingerprint(files: Sequence[Path], split: str | None) -> str:
    parts = [str(split)]
    for path in files:
        state = path.stat()
        parts.append(f"{path.name} {state.st_size} {state.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _warn_lengths(track: str, stems: dict[str, tuple[str, Samples]]) -> Iterator[str]:
    longest = max(len(wav) for _, wav in stems.values())
    for name, (_, wav) in stems.items():
        missing = longest - len(wav)
        if missing:
            yield (
                f"{track}: '{name}' is {missing / SAMPLE_RATE:.2f} s shorter than the longest "
                "stem; padded with silence"
            )
