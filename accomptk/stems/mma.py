"""Grooves of the mma program: their families, and a chart played with one of them."""

import hashlib
import re
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems.chart import Bar, Chart
from accomptk.stems.instruments import from_program
from accomptk.stems.notes import DRUM_CHANNEL, Note, Part
from accomptk.stems.render import find_program

if TYPE_CHECKING:
    import mido

_LIBRARIES = (Path("/usr/share/mma/lib"), Path("/usr/local/share/mma/lib"))
_DRUMS_ONLY = "zoom"
# Compound and odd meters, and what is no accompaniment.
_LEFT_OUT = re.compile(r"68|^metronome|^none$|jazz-54|afro-cuban|^count$")
_SPECIAL = re.compile(r"intro|end|fill|break|count|triple", re.IGNORECASE)
_FILL = re.compile(r"fill", re.IGNORECASE)
_GROOVE = re.compile(r"^\s*defgroove\s+(\S+)", re.IGNORECASE | re.MULTILINE)
_TIME = re.compile(r"^\s*time\s+(\d+)", re.IGNORECASE | re.MULTILINE)
_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Family:
    """One file of the groove library with its variants.

    Attributes:
        name: Library and file, for instance ``stdlib/bossanova``.
        path: The file.
        meter: Beats in a bar.
        grooves: Variants to play sections with.
        fills: Variants that lead over to another section.
    """

    name: str
    path: Path
    meter: int
    grooves: tuple[str, ...]
    fills: tuple[str, ...]

    @property
    def split(self) -> str:
        """Its split, fixed by its name for ever."""
        return split_of(self.name)


def split_of(family: str) -> str:
    """The split of a family: 80 % train, 8 % valid, 12 % test.

    Files that differ by a number or by their library only (``casio/rock1``, ``pflib/rock1``)
    share one.
    """
    stem = family.rpartition("/")[2].rstrip("0123456789").lower()
    place = int(hashlib.sha256(stem.encode()).hexdigest(), 16) % 100
    return "train" if place < 80 else "valid" if place < 88 else "test"


def find_library() -> Path:
    """Folder of the groove library.

    Raises:
        MissingTool: If mma is not installed.
    """
    for folder in _LIBRARIES:
        if folder.is_dir():
            return folder
    raise MissingTool("mma's groove library is not installed: apt-get install mma")


@cache
def families(library: Path) -> tuple[Family, ...]:
    """Families in 3/4 and 4/4 with more than drums, sorted by name."""
    found = (
        _read_family(path)
        for path in sorted(library.glob("*/*.mma"))
        if path.parent.name != _DRUMS_ONLY and not _LEFT_OUT.search(path.stem)
    )
    return tuple(family for family in found if family.grooves and family.meter in (3, 4))


def _read_family(path: Path) -> Family:
    text = path.read_text(errors="replace")
    names = tuple(dict.fromkeys(_GROOVE.findall(text)))
    time = _TIME.search(text)
    return Family(
        name=f"{path.parent.name}/{path.stem}",
        path=path,
        meter=int(time.group(1)) if time else 4,
        grooves=tuple(name for name in names if not _SPECIAL.search(name)),
        fills=tuple(name for name in names if _FILL.search(name)),
    )


def write_song(chart: Chart, family: Family, grooves: dict[str, str], fill: str, seed: int) -> str:
    """The chart as text for mma.

    Args:
        chart: What to play.
        family: Where the grooves are.
        grooves: Name of the groove of each section.
        fill: Groove of bars with a fill; empty to leave them alone.
        seed: Of mma's own choices.
    """
    lines = [f"RndSeed {seed % 2**31}", f"Include {family.path}"]
    current = ""
    for number, bar in enumerate(chart.bars, start=1):
        groove = fill if bar.fill and fill else grooves[bar.section]
        if groove != current:
            lines.append(f"Groove {groove}")
            current = groove
        lines.append(f"{number} {_spell_bar(bar, chart.meter)}")
    return "\n".join(lines) + "\n"


def _spell_bar(bar: Bar, meter: int) -> str:
    chords = dict(bar.chords)
    return " ".join(chords[beat].symbol if beat in chords else "/" for beat in range(meter))


def play(song: str) -> list[Part]:
    """Let mma play a song.

    Args:
        song: Text of an .mma file.

    Returns:
        Its tracks; drum tracks are one part. ``instrument`` is what the program says.

    Raises:
        MissingTool: If mma is not installed.
        DatasetError: If mma refuses the song.
    """
    import mido

    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "song.mma", Path(folder) / "song.mid"
        source.write_text(song)
        command = [find_program("mma"), "-w", "-f", str(out), str(source)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=folder,
            timeout=_TIMEOUT_S,
        )
        if done.returncode != 0 or not out.is_file():
            raise DatasetError(f"mma refuses the song: {' '.join(done.stdout.split()[-30:])}")
        return read_parts(mido.MidiFile(out))


def read_parts(midi: "mido.MidiFile") -> list[Part]:
    """Tracks with notes as parts, all drums in one; starts and ends in beats."""
    parts = []
    drums: list[Note] = []
    for track in midi.tracks:
        notes, program, is_drum = _read_track(track, midi.ticks_per_beat)
        if is_drum:
            drums += notes
        elif notes:
            empty = Part(track.name, from_program(program, False), program, ())
            parts.append(empty.with_notes(notes))
    if drums:
        parts.insert(0, Part("Drum", "drums", 0, ()).with_notes(drums))
    return parts


def _read_track(track: "mido.MidiTrack", ticks: int) -> tuple[list[Note], int, bool]:
    """Notes, first program, and whether it is on the drum channel."""
    now, program, is_drum = 0, 0, False
    programs: list[int] = []
    sounding: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    notes = []
    for message in track:
        now += message.time
        if message.type == "program_change":
            programs.append(message.program)
        if message.type not in ("note_on", "note_off"):
            continue
        is_drum = message.channel == DRUM_CHANNEL
        if message.type == "note_on" and message.velocity > 0:
            sounding[message.note].append((now, message.velocity))
        elif sounding[message.note]:
            start, velocity = sounding[message.note].pop(0)
            notes.append(Note(start / ticks, now / ticks, message.note, velocity))
    program = programs[0] if programs else program
    return notes, program, is_drum
