import numpy as np
import pytest

from accomptk.stems.chords import Chord
from accomptk.stems.harmony import COLOURS, MODES, spell, tonic, write_degrees


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bars", [1, 4, 8, 12])
def test_every_mode_fills_its_bars_with_chords_that_can_be_spelt(mode, bars):
    for seed in range(30):
        degrees = write_degrees(np.random.default_rng(seed), mode, bars)
        assert len(degrees) == bars
        for degree in degrees:
            for colour in COLOURS:
                assert isinstance(spell(degree, 3, colour), Chord)


def test_spell_transposes():
    assert spell("ii", 0, "triad") == Chord(2, "min")
    assert spell("ii", 10, "seventh") == Chord(0, "min7")
    assert spell("V", 9, "rich") == Chord(4, "9")


def test_tonics():
    assert [tonic(mode) for mode in MODES] == ["I", "i", "i", "I", "I7"]


def test_twelve_bar_blues_starts_on_the_tonic_and_reaches_the_subdominant():
    degrees = write_degrees(np.random.default_rng(0), "blues", 12)
    assert degrees[0] == "I7"
    assert degrees[4] == "IV7"


def test_the_seed_decides():
    def draw(seed: int) -> list[str]:
        return write_degrees(np.random.default_rng(seed), "major", 16)

    assert draw(1) == draw(1)
    assert len({tuple(draw(seed)) for seed in range(20)}) > 10
