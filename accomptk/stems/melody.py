"""A seeded tune or solo over the chords of a chart, in phrases with room to breathe."""

import numpy as np

from accomptk.stems.chart import Chart
from accomptk.stems.notes import Note

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}

_PHRASE_BARS = 4
_SPAN = 9  # semitones to either side of the middle of the range
_STEPS = np.array([-3, -2, -1, -1, -1, 0, 1, 1, 1, 2, 3])
# Lengths in beats, and how likely each is in a tune and in a solo.
_LENGTHS = (0.25, 0.5, 1.0, 1.5, 2.0)
_TUNE = (0.0, 0.38, 0.36, 0.14, 0.12)
_SOLO = (0.2, 0.5, 0.2, 0.06, 0.04)


def write_melody(
    rng: np.random.Generator, chart: Chart, *, middle: int, swing: float, is_solo: bool
) -> list[Note]:
    """Write a line for one voice.

    Args:
        rng: Source of all its choices.
        chart: Song to play over.
        middle: MIDI pitch around which it moves.
        swing: Where the second eighth of a beat falls, 0.5 for straight.
        is_solo: Busier, with shorter notes.
    """
    lengths = _SOLO if is_solo else _TUNE
    motifs = [_write_rhythm(rng, chart.meter, lengths) for _ in range(2)]
    pitch = middle
    notes: list[Note] = []
    for first in range(0, len(chart.bars), _PHRASE_BARS):
        if rng.random() < 0.12:
            continue
        if is_solo:
            motifs = [_write_rhythm(rng, chart.meter, lengths) for _ in range(2)]
        for bar, rhythm in enumerate(_lay_out(rng, motifs, chart.meter)):
            start = (first + bar) * chart.meter
            if first + bar >= len(chart.bars):
                break
            for offset, length in rhythm:
                pitch = _choose_pitch(rng, chart, start + offset, pitch, middle)
                notes.append(_play(rng, start, offset, length, pitch, swing))
    return notes


def _write_rhythm(
    rng: np.random.Generator, beats: int, lengths: tuple[float, ...]
) -> list[tuple[float, float]]:
    """Offsets and lengths of notes within a bar."""
    rhythm = []
    now = 0.0
    while now < beats:
        length = min(float(rng.choice(_LENGTHS, p=lengths)), beats - now)
        if rng.random() > 0.16:
            rhythm.append((now, length))
        now += length
    return rhythm


def _lay_out(
    rng: np.random.Generator, motifs: list[list[tuple[float, float]]], beats: int
) -> list[list[tuple[float, float]]]:
    """A phrase: the first motif, an answer, the first again, and a long note or a rest."""
    ending = [] if rng.random() < 0.25 else [(0.0, beats - 1.0)]
    answer = motifs[1] if rng.random() < 0.7 else motifs[0]
    return [motifs[0], answer, motifs[0], ending]


def _choose_pitch(
    rng: np.random.Generator, chart: Chart, beat: float, before: int, middle: int
) -> int:
    """A step or a leap from the pitch before; on the beat a tone of the chord."""
    chord = chart.chord_at(beat)
    classes = set(chord.tones)
    if beat % 1 != 0:
        classes |= {(chart.key + step) % 12 for step in SCALES[chart.mode]}
    scale = [p for p in range(middle - _SPAN, middle + _SPAN + 1) if p % 12 in classes]
    nearest = int(np.argmin([abs(p - before) for p in scale]))
    step = int(rng.choice(_STEPS))
    return scale[min(max(nearest + step, 0), len(scale) - 1)]


def _play(
    rng: np.random.Generator, bar: float, offset: float, length: float, pitch: int, swing: float
) -> Note:
    """The note as a player plays it: swung, a little off the grid, louder on the beat."""
    start = bar + swing_beat(offset, swing) + float(rng.normal(0, 0.012))
    end = bar + swing_beat(offset + length, swing) - float(rng.uniform(0.02, 0.12))
    accent = 8 if offset % 1 == 0 else 0
    velocity = int(np.clip(rng.normal(86 + accent, 7), 40, 120))
    return Note(max(start, 0.0), max(end, start + 0.1), pitch, velocity)


def swing_beat(beat: float, swing: float) -> float:
    """Move what lies between two beats so that their middle falls on ``swing``."""
    whole, part = divmod(beat, 1.0)
    return whole + (part * 2 * swing if part <= 0.5 else 1 - (1 - part) * 2 * (1 - swing))
