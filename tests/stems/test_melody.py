import numpy as np
import pytest

from accomptk.stems.form import write_chart
from accomptk.stems.melody import SCALES, swing_beat, write_melody


def draw(seed, meter=4, is_solo=False, swing=0.5):
    rng = np.random.default_rng(seed)
    chart = write_chart(rng, meter=meter, bpm=120, seconds=30)
    return chart, write_melody(rng, chart, middle=70, swing=swing, is_solo=is_solo)


@pytest.mark.parametrize("meter", [3, 4])
@pytest.mark.parametrize("is_solo", [False, True])
def test_a_tune_fits_chords_key_and_range(meter, is_solo):
    for seed in range(10):
        chart, notes = draw(seed, meter, is_solo)
        for note in notes:
            assert 61 <= note.pitch <= 79
            assert 0 <= note.start < note.end <= len(chart.bpm) + 0.1
            assert 1 <= note.velocity <= 127
        on_beat = [n for n in notes if abs(n.start - round(n.start)) < 0.05 and round(n.start)]
        inside = [n.pitch % 12 in chart.chord_at(round(n.start)).tones for n in on_beat]
        assert np.mean(inside) > 0.97


def test_off_the_beat_the_scale_of_the_mode_is_used():
    chart, notes = draw(1, is_solo=True)
    scale = {(chart.key + step) % 12 for step in SCALES[chart.mode]}
    allowed = scale | {tone for bar in chart.bars for _, c in bar.chords for tone in c.tones}
    assert {note.pitch % 12 for note in notes} <= allowed


def test_a_tune_breathes_and_a_solo_is_busier():
    tunes = [draw(seed)[1] for seed in range(10)]
    solos = [draw(seed, is_solo=True)[1] for seed in range(10)]
    assert sum(map(len, solos)) > 1.3 * sum(map(len, tunes))
    for chart, notes in (draw(seed) for seed in range(10)):
        sung = sum(note.end - note.start for note in notes)
        assert 0.15 < sung / len(chart.bpm) < 0.95


def test_swing_moves_what_is_between_beats():
    assert swing_beat(2.0, 0.66) == 2.0
    assert swing_beat(2.5, 0.66) == pytest.approx(2.66)
    assert swing_beat(2.75, 0.5) == pytest.approx(2.75)
    assert swing_beat(2.75, 0.66) == pytest.approx(2.83)
    _, notes = draw(2, is_solo=True, swing=0.66)
    offbeats = np.array([n.start % 1 for n in notes if 0.4 < n.start % 1 < 0.75])
    assert np.median(offbeats) == pytest.approx(0.66, abs=0.03)
