"""A chart played by the mma program with the grooves of a family."""

import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from accomptk.errors import DatasetError
from accomptk.stems.chart import Bar, Chart
from accomptk.stems.grooves import Family
from accomptk.stems.instruments import from_program
from accomptk.stems.notes import DRUM_CHANNEL, Note, Part
from accomptk.stems.render import find_program

if TYPE_CHECKING:
    import mido

_TIMEOUT_S = 120


def spell_chart(
    chart: Chart, family: Family, grooves: Mapping[str, str], *, fill: str, seed: int
) -> str:
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
    now, is_drum = 0, False
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
    return notes, next(iter(programs), 0), is_drum
