"""Anyone's stems: a folder of songs, each a folder of audio files, or one such folder.

Beside its stems a song's folder may hold ``prompt.txt``, words for the song, and ``beats.txt``,
on each line a time in seconds and, if known, the beat's number in its bar, from 1.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from accomptk.errors import DatasetError
from accomptk.stems.audio import SAMPLE_RATE, SUFFIXES, conform, read_audio
from accomptk.stems.ensemble import Stems
from accomptk.stems.index import INDEX_NAME
from accomptk.stems.instruments import OTHER, from_name
from accomptk.stems.naming import LEFT_OUT, Naming
from accomptk.stems.prepare import Task
from accomptk.stems.song import SongAudio, split_of
from accomptk.stems.tempo import Grid, read_beats
from accomptk.stems.tree import Tree, check_folder, fingerprint, is_dir, is_file, readable

PROMPT, BEATS = "prompt.txt", "beats.txt"

_UNREADABLE = (".m4a", ".mp4", ".aac", ".wma", ".mka", ".webm", ".caf")
_MIX_WORDS = {"mix", "mixture", "mixdown", "fullmix", "master", "mastered"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSong:
    """Makes a song of audio files.

    Attributes:
        track: Name of the song.
        folder: Where it is; files are named relative to it.
        files: Its stems.
        split: Split, or None to choose by the song's name.
        naming: Which instrument each file is.
        channels: 1 for mono, 2 to keep stereo.
        origin: Fingerprint of the files, so that changed ones are read again.
        notes: What was left out already.
    """

    track: str
    folder: Path
    files: tuple[Path, ...]
    split: str | None
    naming: Naming = field(default_factory=Naming)
    channels: int = 1
    origin: str = ""
    notes: tuple[str, ...] = ()

    def __call__(self) -> SongAudio:
        """Read the stems.

        Raises:
            DatasetError: If one of them cannot be used.
        """
        formats: Counter[str] = Counter()
        stems: Stems = {}
        for file, name in zip(self.files, _stem_names(self.folder, self.files), strict=True):
            wav, rate = read_audio(file)
            formats.update(_name_changes(rate, len(wav)))
            stems[name] = (self._instrument(file) or OTHER, conform(wav, rate, self.channels))
        prompt, beats = self.folder / PROMPT, self.folder / BEATS
        grid = read_beats(beats) if is_file(beats) else Grid()
        return SongAudio(
            track=self.track,
            stems=stems,
            split=self.split or split_of(self.track),
            beats=grid.beats,
            downbeats=grid.downbeats,
            meter=grid.meter,
            prompt=_read_prompt(prompt) if is_file(prompt) else "",
            family=self.track,
            source="stems",
            beats_source="known" if len(grid.beats) else "",
            warnings=(*self.notes, *self._warn(formats, stems)),
        )

    def _instrument(self, file: Path) -> str | None:
        return self.naming.instrument_of(file.relative_to(self.folder))

    def _warn(self, formats: Counter[str], stems: Stems) -> Iterator[str]:
        for words, count in sorted(formats.items()):
            yield f"{self.track}: {count} of {len(stems)} stems have {words}"
        yield from _warn_lengths(self.track, stems)
        unknown = [file.name for file in self.files if self._instrument(file) is None]
        if unknown:
            yield (
                f"{self.track}: no instrument in the file names {', '.join(unknown)}; "
                f"taken as '{OTHER}' (context only), or give --map PATTERN=INSTRUMENT"
            )


def tasks(
    folder: Path, split: str | None = None, naming: Naming | None = None, channels: int = 1
) -> list[Task]:
    """What makes the songs of a folder.

    Every sub-folder that holds audio is a song; without any, the folder itself is one.

    Args:
        folder: Where to look.
        split: Split for all songs; None chooses by each song's name.
        naming: Which instrument each file is; None goes by the files' names.
        channels: 1 for mono, 2 to keep stereo.

    Raises:
        DatasetError: If there is no such folder or no audio in it.
    """
    tree = check_folder(folder)
    if (folder / INDEX_NAME).is_file():
        raise DatasetError(f"{folder}: is a prepared set already; use it as it is")
    inside = tree.list(folder)
    loose = tuple(path for path in inside if is_file(path))
    songs = {path: tuple(_files(tree, path)) for path in inside if is_dir(path)}
    songs = {path: files for path, files in songs.items() if _audio(files)}
    if not songs and _audio(loose):
        songs, loose = {folder: loose}, ()
    if not songs:
        tree.nothing(
            f"{folder}: holds no audio; give a folder with a sub-folder of stems per song "
            f"({', '.join(SUFFIXES)})"
        )
    naming = naming or Naming()
    made = [_to_song(path, files, split, naming, channels) for path, files in songs.items()]
    beside = tuple(f"{path}: lies beside the songs' folders; left out" for path in _audio(loose))
    made[0] = replace(made[0], notes=(*beside, *made[0].notes))
    spoilt = dict(tree.problems)
    return [*((song.track, song) for song in made if song.track not in spoilt), *tree.problems]


def _files(tree: Tree, song: Path) -> Iterator[Path]:
    """The files of a song; an unreadable folder anywhere in it spoils it."""
    if not tree.may_enter(song):
        return
    before = len(tree.problems)
    yield from (path for path in tree.below(song) if is_file(path))
    found = tree.problems[before:][:1]
    tree.problems[before:] = [(readable(song.name), problem) for _, problem in found]


def _to_song(
    folder: Path, files: Sequence[Path], split: str | None, naming: Naming, channels: int
) -> FolderSong:
    track = readable(folder.name or folder.resolve().name)
    ruled = {path: naming.by_rule(path.relative_to(folder)) for path in _audio(files)}
    audio = [path for path, rule in ruled.items() if rule != LEFT_OUT]
    mixes = [path for path in audio if ruled[path] is None and _is_mix(path)]
    stems = tuple(path for path in audio if path not in mixes) or tuple(mixes)
    mixes = [path for path in mixes if path not in stems]
    foreign = [path for path in files if path.suffix.lower() in _UNREADABLE]
    known = [path for path in files if path.name in (PROMPT, BEATS)]
    return FolderSong(
        track=track,
        folder=folder,
        files=stems,
        split=split,
        naming=naming,
        channels=channels,
        origin=fingerprint((*stems, *known), split, naming.rules, channels),
        notes=(
            *(f"{track}: {path.name} is a mix by its name; left out" for path in mixes),
            *(f"{track}: {path.name} left out; convert it to WAV or FLAC" for path in foreign),
        ),
    )


def _audio(files: Sequence[Path]) -> list[Path]:
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def _is_mix(path: Path) -> bool:
    words = set(re.findall(r"[a-z]+", path.stem.lower()))
    return bool(words & _MIX_WORDS) and from_name(path.name) is None


def _stem_names(folder: Path, files: Sequence[Path]) -> list[str]:
    """Paths within the song, without suffix unless two would become the same."""
    short = [readable(path.relative_to(folder).with_suffix("").as_posix()) for path in files]
    whole = [readable(path.relative_to(folder).as_posix()) for path in files]
    count = Counter(short)
    return [a if count[a] == 1 else b for a, b in zip(short, whole, strict=True)]


def _read_prompt(path: Path) -> str:
    try:
        return " ".join(path.read_text(encoding="utf-8").split())
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as text ({error}); save it as UTF-8") from error


def _name_changes(rate: int, channels: int) -> Iterator[str]:
    if rate != SAMPLE_RATE:
        yield f"{rate} Hz; resampled to {SAMPLE_RATE} Hz"
    if channels > 2:
        yield f"{channels} channels; folded down"


def _warn_lengths(track: str, stems: Stems) -> Iterator[str]:
    longest = max(wav.shape[-1] for _, wav in stems.values())
    for name, (_, wav) in stems.items():
        missing = longest - wav.shape[-1]
        if missing:
            yield (
                f"{track}: '{name}' is {missing / SAMPLE_RATE:.2f} s shorter than the longest "
                "stem; padded with silence"
            )
