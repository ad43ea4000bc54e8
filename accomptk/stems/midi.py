"""General MIDI files: rendered to one stem per instrument, with beats from their tempo maps."""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems.instruments import CLASSES, from_program
from accomptk.stems.prepare import Task
from accomptk.stems.render import SOUNDFONTS, find_program, find_soundfont, render_midi
from accomptk.stems.song import SongAudio, split_of
from accomptk.stems.tempo import Grid, read_tempo_map
from accomptk.stems.tree import check_folder, fingerprint, readable

if TYPE_CHECKING:
    from mido import MidiFile

SUFFIXES = (".mid", ".midi", ".kar")

_DRUM_CHANNEL = 9
_TAIL_S = 2.0  # for the last notes to die away
_LONGEST_S = 1800.0

Labels = dict[tuple[int, int], str]
"""The instrument of each note message, by its track and its place in the track."""


@dataclass(frozen=True, slots=True)
class MidiSong:
    """Makes a song of a MIDI file.

    Attributes:
        track: Name of the song.
        path: The file.
        soundfont: What renders it.
        split: Split, or None to choose by the song's name.
        origin: Fingerprint of the file and the soundfont.
    """

    track: str
    path: Path
    soundfont: Path
    split: str | None
    origin: str

    def __call__(self) -> SongAudio:
        """Render the stems.

        Raises:
            DatasetError: If the file is damaged, has no notes, or is too long.
            MissingTool: If FluidSynth is not installed.
        """
        file = _read(self.path)
        tempo_map = read_tempo_map(file)
        labels, end_tick = label_notes(file)
        seconds = self._check_length(tempo_map.seconds_at(end_tick) + _TAIL_S, labels)
        found = set(labels.values())
        grid = tempo_map.grid(end_tick)
        return SongAudio(
            track=self.track,
            stems={
                name: (name, render_midi(_keep(file, labels, name), self.soundfont, seconds))
                for name in CLASSES
                if name in found
            },
            split=self.split or split_of(self.track),
            beats=grid.beats,
            downbeats=grid.downbeats,
            meter=grid.meter,
            family=self.track,
            source="midi",
            soundfont=self.soundfont.stem,
            beats_source="known" if len(grid.beats) else "",
            warnings=(f"{self.track}: {grid.problem}; beats unknown",) if grid.problem else (),
        )

    def _check_length(self, seconds: float, labels: Labels) -> float:
        if not labels:
            raise DatasetError(f"{self.path}: has no notes; remove it")
        if seconds > _LONGEST_S:
            raise DatasetError(
                f"{self.path}: {seconds / 60:.0f} minutes long; at most {_LONGEST_S / 60:.0f} "
                "are rendered, split it"
            )
        return seconds


def tasks(folder: Path, split: str | None = None, soundfont: str | None = None) -> list[Task]:
    """What makes the songs of a folder of MIDI files, sub-folders included.

    Args:
        folder: Where to look.
        split: Split for all songs; None chooses by each song's name.
        soundfont: Name of an installed soundfont, or a file. None takes the first installed.

    Raises:
        DatasetError: If there are no MIDI files.
        MissingTool: If FluidSynth or the soundfont is not installed.
    """
    tree = check_folder(folder)
    paths = [path for path in tree if path.suffix.lower() in SUFFIXES]
    if not paths:
        tree.nothing(f"{folder}: holds no MIDI files ({', '.join(SUFFIXES)})")
    find_program("fluidsynth")
    font = choose_soundfont(soundfont)
    short = Counter(path.with_suffix("") for path in paths)
    songs = []
    for path in paths:
        whole = path if short[path.with_suffix("")] > 1 else path.with_suffix("")
        origin = fingerprint([path], font.name, split)
        songs.append(
            MidiSong(readable(whole.relative_to(folder).as_posix()), path, font, split, origin)
        )
    return [*((song.track, song) for song in songs), *tree.problems]


def choose_soundfont(name: str | None) -> Path:
    """A soundfont by name or file; None takes the first that is installed.

    Raises:
        MissingTool: If it, or any, is not installed.
        DatasetError: If there is none of that name.
    """
    if name in SOUNDFONTS:
        return find_soundfont(name)
    if name is not None:
        if Path(name).is_file():
            return Path(name)
        raise DatasetError(
            f"soundfont '{name}': no such file; give a .sf2 or .sf3 file or one of "
            f"{', '.join(SOUNDFONTS)}"
        )
    for known in SOUNDFONTS:
        try:
            return find_soundfont(known)
        except MissingTool:
            continue
    package = next(iter(SOUNDFONTS.values())).package
    raise MissingTool(f"no soundfont is installed: apt-get install {package}")


def read_grid(path: Path) -> Grid:
    """Beats and bars of a MIDI file, up to its last note.

    Raises:
        DatasetError: If it is damaged.
    """
    file = _read(path)
    return read_tempo_map(file).grid(label_notes(file)[1])


def label_notes(file: "MidiFile") -> tuple[Labels, int]:
    """The instrument of each note message, and the tick at which the last note ends.

    Programs belong to channels, whichever track changes them; a note keeps the instrument
    that it was struck with.
    """
    programs: dict[int, int] = {}
    sounding: dict[tuple[int, int], list[str]] = {}
    labels: Labels = {}
    end_tick = 0
    for tick, track, place in _in_time(file):
        message = file.tracks[track][place]
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "note_on" and message.velocity > 0:
            is_drum = message.channel == _DRUM_CHANNEL
            name = from_program(programs.get(message.channel, 0), is_drum)
            sounding.setdefault((message.channel, message.note), []).append(name)
            labels[track, place] = name
        elif message.type in ("note_on", "note_off"):
            struck = sounding.get((message.channel, message.note))
            if struck:
                labels[track, place] = struck.pop(0)
                end_tick = tick
    return labels, end_tick


def _in_time(file: "MidiFile") -> Iterator[tuple[int, int, int]]:
    """Tick, track and place of every message, in the order in which they are played."""
    order = []
    for track, messages in enumerate(file.tracks):
        tick = 0
        for place, message in enumerate(messages):
            tick += message.time
            order.append((tick, track, place))
    return iter(sorted(order))


def _keep(file: "MidiFile", labels: Labels, name: str) -> bytes:
    """The same MIDI file with the notes of one instrument only."""
    from mido import MidiFile, MidiTrack

    kept = MidiFile(type=1, ticks_per_beat=file.ticks_per_beat)
    for track, messages in enumerate(file.tracks):
        wait = 0
        made = MidiTrack()
        for place, message in enumerate(messages):
            wait += message.time
            is_note = message.type in ("note_on", "note_off")
            if is_note and labels.get((track, place)) != name:
                continue
            made.append(message.copy(time=wait))
            wait = 0
        kept.tracks.append(made)
    buffer = io.BytesIO()
    kept.save(file=buffer)
    return buffer.getvalue()


def _read(path: Path) -> "MidiFile":
    from mido import MidiFile
    from mido.midifiles.meta import KeySignatureError

    damaged = (OSError, EOFError, ValueError, LookupError, TypeError, KeySignatureError)
    try:
        file = MidiFile(path, clip=True)
    except damaged as error:
        raise DatasetError(f"{path}: damaged, or not a MIDI file; export it again") from error
    if file.type == 2 or not 0 < file.ticks_per_beat < 0x8000:
        raise DatasetError(
            f"{path}: counts time in a way that is not read (type {file.type}, division "
            f"{file.ticks_per_beat}); save it as MIDI type 0 or 1"
        )
    return file
