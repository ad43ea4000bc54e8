import numpy as np
import pytest

from accomptk.stems.comping import PATTERNS, write_comping
from accomptk.stems.form import write_chart

RANGES = {"guitar": (40, 81), "piano": (48, 76), "strings": (52, 82)}


@pytest.mark.parametrize("instrument", PATTERNS)
@pytest.mark.parametrize("meter", [3, 4])
@pytest.mark.parametrize("swing", [0.5, 0.66])
def test_players_accompany_every_bar_with_its_chords(instrument, meter, swing):
    low, high = RANGES[instrument]
    for seed in range(12):
        rng = np.random.default_rng(seed)
        chart = write_chart(rng, meter=meter, bpm=120, seconds=30)
        notes = write_comping(rng, chart, instrument, swing=swing)
        bars = {int((note.start + 0.1) // meter) for note in notes}
        assert bars == set(range(len(chart.bars)))
        for note in notes:
            assert low <= note.pitch <= high
            assert note.end > note.start >= 0
            # the fifth of a power chord and a chord struck just before a change are let off
            assert 1 <= note.velocity <= 127
        fitting = [
            note.pitch % 12 in chart.chord_at(note.start + 0.05).tones
            or note.pitch % 12 in chart.chord_at(note.start - 0.05).tones
            for note in notes
        ]
        assert np.mean(fitting) > 0.9


def test_the_seed_repeats_a_part():
    def run(seed):
        rng = np.random.default_rng(seed)
        return write_comping(
            rng, write_chart(rng, meter=4, bpm=100, seconds=20), "guitar", swing=0.5
        )

    assert run(4) == run(4)
    assert run(4) != run(5)
