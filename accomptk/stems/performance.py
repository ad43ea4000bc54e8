"""A chart as it is played: rests, stops, fills, levels and the last bar."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from accomptk.stems.chart import Bar, Chart
from accomptk.stems.instruments import MELODY
from accomptk.stems.notes import Note, Part
from accomptk.stems.players import Sound

_EARLY_BEATS = 0.12  # how much before a bar its first notes may start
_ANTICIPATION_BEATS = 0.6  # how long before a chord a note may belong to it
_LONGEST_BEATS = 8.0
_REVERBS = (0, 15, 30, 50)
_SNARE, _CRASH, _KICK, _TOMS = 38, 49, 36, (50, 48, 47, 45, 43)


def add_fills(rng: np.random.Generator, chart: Chart, part: Part) -> Part:
    """The drums with a fill of one or two beats at the end of each marked bar."""
    notes = list(part.notes)
    for index, bar in enumerate(chart.bars):
        if not bar.fill:
            continue
        end = (index + 1) * chart.meter
        start = end - int(rng.integers(1, 3))
        notes = [n for n in notes if not start - 0.05 <= n.start < end - 0.05]
        notes += _write_fill(rng, start, end)
        if rng.random() < 0.7:
            notes.append(Note(end, end + 0.5, _CRASH, 105))
            notes.append(Note(end, end + 0.5, _KICK, 105))
    return part.with_notes(notes)


def _write_fill(rng: np.random.Generator, start: int, end: int) -> Iterator[Note]:
    """Strokes that run from the snare down the toms, louder towards the end."""
    step = float(rng.choice([0.25, 0.5, 1 / 3]))
    count = round((end - start) / step)
    drums = (_SNARE, *_TOMS)
    for i in range(count):
        if rng.random() < 0.15 and i > 0:
            continue
        pitch = drums[min(int(i / count * len(drums) + rng.random()), len(drums) - 1)]
        velocity = int(np.clip(75 + 35 * i / count + rng.normal(0, 6), 40, 127))
        beat = start + i * step + float(rng.normal(0, 0.008))
        yield Note(beat, beat + 0.1, pitch, velocity)


def perform(
    rng: np.random.Generator, chart: Chart, name: str, parts: Sequence[Part], sound: Sound
) -> Iterator[Part]:
    """Parts with the sound of their class, playing only where and as loud as the chart says."""
    reverb = 0 if name == "bass" else int(rng.choice(_REVERBS))
    for part in parts:
        notes = [note for source in part.notes for note in _play_note(chart, name, source)]
        player = replace(part, instrument=name, program=sound.program, reverb=reverb)
        yield player.with_notes(notes)


def _play_note(chart: Chart, name: str, note: Note) -> Iterator[Note]:
    """The note as the chart has it: left out, cut short, held, or with another velocity."""
    index = min(int((note.start + _EARLY_BEATS) // chart.meter), len(chart.bars) - 1)
    bar, start = chart.bars[index], index * chart.meter
    offset = note.start - start
    if not _is_heard(bar, name, offset):
        return
    end = note.end if name in (MELODY, "drums") else _let_go(chart, note)
    if bar.is_last:
        end = start + chart.meter * 0.95
    elif bar.stop and bar.stop != name:
        end = min(end, start + 0.8)
    elif not _plays_through(chart, name, index + 1):
        end = min(end, start + chart.meter)
    velocity = int(np.clip(round(note.velocity * bar.level), 1, 127))
    yield Note(note.start, max(end, note.start + 0.01), note.pitch, velocity)


def _let_go(chart: Chart, note: Note) -> float:
    """Where a note that rings on has to end: at a chord that it does not belong to."""
    end = min(note.end, note.start + _LONGEST_BEATS)
    for beat, chord in chart.changes:
        if beat >= end:
            break
        if beat > note.start + _ANTICIPATION_BEATS and note.pitch % 12 not in chord.tones:
            return float(beat)
    return end


def _is_heard(bar: Bar, name: str, offset: float) -> bool:
    """Whether a note at ``offset`` beats in a bar is played."""
    if bar.is_last:
        return offset < 0.5
    if bar.stop and bar.stop != name:
        return name in bar.playing and offset < 0.3
    return name in bar.playing


def _plays_through(chart: Chart, name: str, index: int) -> bool:
    """Whether notes may ring on into a bar."""
    return index >= len(chart.bars) or name in chart.bars[index].playing
