"""Accompaniment patterns for players that a groove leaves out: strums, chords, arpeggios, pads."""

from typing import NamedTuple

import numpy as np

from accomptk.stems.chart import Chart
from accomptk.stems.chords import Chord
from accomptk.stems.melody import swing_beat
from accomptk.stems.notes import Note


class Hit(NamedTuple):
    """A stroke: its beat in the bar, its length in beats, and what it adds to the velocity."""

    beat: float
    length: float
    accent: int


class Pattern(NamedTuple):
    """A bar of accompaniment.

    Attributes:
        way: ``block`` strikes all tones, ``strum`` rolls them, ``pick`` plays them in turn,
            ``power`` plays root and fifth, ``pad`` holds each chord as long as it lasts.
        hits: Its strokes, each the fields of a `Hit`.
        feel: ``straight``, ``swing``, or ``any``.
    """

    way: str
    hits: tuple[tuple[float, float, int], ...] = ()
    feel: str = "any"


def _even(step: float, length: float, accent: int = 10) -> tuple[tuple[float, float, int], ...]:
    """Hits at equal distances, louder on the beat."""
    beats = np.arange(0, 4, step)
    return tuple((float(b), length, accent if b % 1 == 0 else 0) for b in beats)


PATTERNS = {
    "guitar": (
        Pattern("strum", ((0, 0.9, 12), (1, 0.4, 4), (1.5, 0.4, 0), (2.5, 0.4, 0), (3, 0.9, 6))),
        Pattern("strum", ((0, 1.4, 10), (1.5, 0.4, 0), (2, 0.9, 8), (3, 0.4, 2), (3.5, 0.4, 0))),
        Pattern("strum", _even(0.5, 0.4), "straight"),
        Pattern("strum", ((0.5, 0.25, 6), (1.5, 0.25, 6), (2.5, 0.25, 6), (3.5, 0.25, 6))),
        Pattern("strum", _even(1, 0.5, 0), "swing"),
        Pattern("strum", ((1, 0.3, 8), (3, 0.3, 8))),
        Pattern("pick", _even(0.5, 0.9)),
        Pattern("pick", _even(0.25, 0.5), "straight"),
        Pattern("power", _even(0.5, 0.42), "straight"),
        Pattern("block", ((0, 0.7, 6), (1.5, 0.4, 0), (2.5, 0.4, 4), (3.5, 0.4, 0)), "straight"),
    ),
    "piano": (
        Pattern("block", ((0, 1.4, 8), (1.5, 1.2, 0), (3, 0.8, 2)), "straight"),
        Pattern("block", ((0, 0.9, 6), (1.5, 0.4, 2))),
        Pattern("block", ((0.5, 0.4, 4), (2, 0.4, 6), (3.5, 0.4, 0)), "swing"),
        Pattern("block", _even(1, 0.9)),
        Pattern("block", ((0, 3.8, 0),)),
        Pattern("pick", _even(0.5, 1.0)),
        Pattern("block", ((0, 0.4, 8), (0.75, 0.4, 0), (1.5, 0.4, 4), (2.5, 0.8, 2)), "straight"),
    ),
    "strings": (
        Pattern("pad"),
        Pattern("pad"),
        Pattern("block", ((0, 1.9, 4), (2, 1.9, 0))),
        Pattern("block", _even(1, 0.35, 6)),
        Pattern("pick", _even(1, 0.95, 2)),
    ),
}
_LOWEST = {"guitar": (47, 55), "piano": (50, 60), "strings": (53, 66)}
_ROLL_BEATS = 0.02


def write_comping(
    rng: np.random.Generator, chart: Chart, instrument: str, *, swing: float
) -> list[Note]:
    """Accompany a chart with one pattern, and another one from some bar on.

    Args:
        rng: Source of all its choices.
        chart: Song to accompany.
        instrument: A key of PATTERNS.
        swing: Where the second eighth of a beat falls, 0.5 for straight.
    """
    feel = "swing" if swing > 0.56 else "straight"
    fitting = [p for p in PATTERNS[instrument] if p.feel in ("any", feel)]
    first, second = (fitting[int(i)] for i in rng.integers(len(fitting), size=2))
    lowest = int(rng.integers(*_LOWEST[instrument]))
    sections = list(dict.fromkeys(bar.section for bar in chart.bars))
    notes: list[Note] = []
    for index, bar in enumerate(chart.bars):
        pattern = second if bar.section in sections[2::2] else first
        start = index * chart.meter
        for hit in _hits(pattern, chart, index):
            tones = _voice(pattern, chart.chord_at(start + hit.beat), lowest, len(notes))
            at = start + swing_beat(hit.beat, swing)
            notes += _strike(rng, pattern.way, tones, at, hit)
    return notes


def _hits(pattern: Pattern, chart: Chart, index: int) -> list[Hit]:
    """Strokes of one bar, cut to the meter and the end of the bar."""
    if pattern.way == "pad":
        starts = [beat for beat, _ in chart.bars[index].chords]
        ends = [*starts[1:], chart.meter]
        return [Hit(start, end - start - 0.03, 0) for start, end in zip(starts, ends, strict=True)]
    return [
        Hit(beat, min(length, chart.meter - beat), accent)
        for beat, length, accent in pattern.hits
        if beat < chart.meter
    ]


def _voice(pattern: Pattern, chord: Chord, lowest: int, turn: int) -> list[int]:
    """Pitches of the chord within an octave from ``lowest``, so that voices move little."""
    if pattern.way == "power":
        root = 40 + (chord.root - 40) % 12
        return [root, root + 7, root + 12]
    pitches = sorted(lowest + (tone - lowest) % 12 for tone in chord.tones)
    if pattern.way == "strum":
        return [*pitches, *(pitch + 12 for pitch in pitches[:2])]
    if pattern.way == "pick":
        ladder = [*pitches, pitches[0] + 12, *reversed(pitches[1:])]
        return [ladder[turn % len(ladder)]]
    return pitches


def _strike(
    rng: np.random.Generator, way: str, tones: list[int], at: float, hit: Hit
) -> list[Note]:
    """One stroke as a player plays it: a little off the grid, down on the beat and up off it."""
    roll = _ROLL_BEATS if way == "strum" else 0.0
    start = at + float(rng.normal(0, 0.01))
    velocity = float(rng.normal(76 + hit.accent, 5))
    return [
        Note(
            max(start + i * roll, 0.0),
            at + hit.length,
            pitch,
            int(np.clip(velocity + rng.normal(0, 3), 25, 120)),
        )
        for i, pitch in enumerate(tones if hit.beat % 1 == 0 else tones[::-1])
    ]
