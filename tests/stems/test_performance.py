from dataclasses import replace

import numpy as np
import pytest

from accomptk.stems.chart import Bar, Chart
from accomptk.stems.chords import Chord
from accomptk.stems.notes import Note, Part
from accomptk.stems.performance import add_fills, perform
from accomptk.stems.players import Sound

BARS = 4
PIANO = Sound(4, "electric piano", 1)


@pytest.fixture
def part():
    return Part("Chord", "guitar", 27, tuple(Note(b, b + 1.5, 60, 80) for b in range(4 * BARS)))


def play(part, *changes: tuple[int, dict], name="piano"):
    bars = [Bar("A", ((0, Chord(0, "maj")),)) for _ in range(BARS)]
    for index, change in changes:
        bars[index] = replace(bars[index], **change)
    chart = Chart(0, "major", 4, tuple(bars), (120.0,) * (4 * BARS))
    (played,) = perform(np.random.default_rng(0), chart, name, [part], PIANO)
    return played


def starts(part):
    return [note.start for note in part.notes]


def test_the_sound_is_that_of_the_class(part):
    played = play(part)
    assert (played.instrument, played.program) == ("piano", 4)
    assert starts(played) == starts(part)


def test_who_rests_is_silent_and_does_not_ring_on(part):
    played = play(part, (1, {"playing": frozenset({"drums"})}))
    assert starts(played) == [0, 1, 2, 3, *range(8, 16)]
    assert max(n.end for n in played.notes if n.start < 4) == 4


def test_in_a_stop_one_goes_on_and_others_strike_once(part):
    stopped = play(part, (2, {"stop": "bass"}))
    assert starts(stopped) == [*range(9), *range(12, 16)]
    assert next(n.end for n in stopped.notes if n.start == 8) == pytest.approx(8.8)
    assert starts(play(part, (2, {"stop": "piano"}))) == starts(part)


def test_levels_scale_velocities(part):
    played = play(part, (0, {"level": 0.5}), (1, {"level": 2.0}))
    assert [n.velocity for n in played.notes] == [40] * 4 + [127] * 4 + [80] * 8


def test_the_last_bar_is_held(part):
    played = play(part, (3, {"is_last": True}))
    assert starts(played) == list(range(13))
    assert played.notes[-1].end == pytest.approx(12 + 3.8)


def test_a_ringing_note_ends_at_a_chord_it_does_not_belong_to():
    notes = (Note(0, 16, 60, 80), Note(0, 16, 64, 80), Note(3.8, 16, 65, 80))
    bars = [Bar("A", ((0, chord),)) for chord in (Chord(0, "maj"), Chord(5, "maj"))]
    bars += [Bar("A", ((0, Chord(7, "maj")),))] * 2
    chart = Chart(0, "major", 4, tuple(bars), (120.0,) * 16)
    part = Part("Plectrum", "guitar", 27, notes)
    (played,) = perform(np.random.default_rng(0), chart, "guitar", [part], PIANO)
    assert [(n.pitch, n.end) for n in played.notes] == [(60, 8.0), (64, 4.0), (65, 8.0)]
    (sung,) = perform(np.random.default_rng(0), chart, "melody", [part], PIANO)
    assert [n.end for n in sung.notes] == [16, 16, 16]


def test_fills_replace_the_end_of_marked_bars():
    drums = Part("Drum", "drums", 0, tuple(Note(b / 2, b / 2 + 0.1, 42, 80) for b in range(32)))
    bars = tuple(Bar("A", ((0, Chord(0, "maj")),), fill=i == 1) for i in range(BARS))
    chart = Chart(0, "major", 4, bars, (120.0,) * 16)
    filled = add_fills(np.random.default_rng(1), chart, drums)
    hats = [n.start for n in filled.notes if n.pitch == 42]
    assert not any(6.96 <= start < 7.9 for start in hats)
    assert {start for start in hats if not 6 <= start < 8} == {
        b / 2 for b in range(32) if not 12 <= b < 16
    }
    assert any(6 <= n.start < 8 and n.pitch in (38, 43, 45, 47, 48, 50) for n in filled.notes)
