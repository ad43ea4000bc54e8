import numpy as np
import pytest

from accomptk.stems.chart import Bar, Chart
from accomptk.stems.chords import Chord

C, F, G = Chord(0, "maj"), Chord(5, "maj"), Chord(7, "7")


@pytest.fixture
def chart() -> Chart:
    bars = (Bar("A", ((0, C),)), Bar("A", ((0, C), (2, F))), Bar("A", ((0, G),)))
    return Chart(0, "major", 4, bars, (60.0,) * 4 + (120.0,) * 8, start_s=0.5)


def test_beats_and_downbeats(chart):
    np.testing.assert_allclose(chart.beats[:6], [0.5, 1.5, 2.5, 3.5, 4.5, 5.0])
    np.testing.assert_allclose(chart.downbeats, [0.5, 4.5, 6.5])
    assert len(chart.beats) == 12
    assert chart.end_s == pytest.approx(8.5)


def test_seconds_at_any_beat(chart):
    assert chart.seconds_at(1.5) == pytest.approx(2.0)
    assert chart.seconds_at(4.5) == pytest.approx(4.75)
    assert chart.seconds_at(-0.1) == pytest.approx(0.4)
    assert chart.seconds_at(13) == pytest.approx(9.0)


def test_chord_at(chart):
    assert chart.chord_at(5.9) == C
    assert chart.chord_at(6.0) == F
    assert chart.chord_at(99) == G


def test_chord_spans_join_equal_neighbours(chart):
    assert chart.chord_spans() == [
        (0.5, 5.5, "C:maj"),
        (5.5, 6.5, "F:maj"),
        (6.5, 8.5, "G:7"),
    ]


@pytest.mark.parametrize(
    ("key", "mode", "name"),
    [(0, "minor", "C minor"), (1, "blues", "Db major"), (9, "dorian", "A dorian")],
)
def test_key_name(key, mode, name):
    assert Chart(key, mode, 4, (), ()).key_name == name
