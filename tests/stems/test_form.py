import numpy as np
import pytest

from accomptk.stems.form import FASTEST_BPM, SLOWEST_BPM, write_chart, write_tempo
from accomptk.stems.instruments import INSTRUMENTS, MELODY

SEEDS = range(60)


def draw(seed, meter=4, bpm=120.0, seconds=60.0, is_blues=False):
    rng = np.random.default_rng(seed)
    return write_chart(rng, meter=meter, bpm=bpm, seconds=seconds, is_blues=is_blues)


@pytest.mark.parametrize("meter", [3, 4])
@pytest.mark.parametrize("bpm", [70.0, 118.0, 180.0])
@pytest.mark.parametrize("seconds", [8.0, 45.0, 75.0])
def test_bars_fill_the_time_asked_for(meter, bpm, seconds):
    for seed in range(8):
        chart = draw(seed, meter, bpm, seconds)
        assert len(chart.bpm) == len(chart.bars) * meter == len(chart.beats)
        assert chart.end_s == pytest.approx(seconds, rel=0.25, abs=4.5)
        assert chart.bars[-1].is_last
        assert sum(bar.is_last for bar in chart.bars) == 1
        assert all(0 <= beat < meter for bar in chart.bars for beat, _ in bar.chords)
        assert all(bar.chords[0][0] == 0 for bar in chart.bars)


def test_songs_differ_and_a_seed_repeats():
    charts = [draw(seed) for seed in SEEDS]
    assert draw(3) == charts[3]
    assert {chart.mode for chart in charts} == {"major", "minor", "dorian", "mixolydian"}
    assert len({chart.key for chart in charts}) == 12
    assert len({tuple(chart.chord_spans()) for chart in charts}) == len(charts)


def test_songs_have_fills_stops_rests_and_changes_of_level():
    charts = [draw(seed) for seed in SEEDS]
    bars = [bar for chart in charts for bar in chart.bars]
    assert sum(bar.fill for bar in bars) > len(charts)
    assert sum(bool(bar.stop) for bar in bars) > len(charts) / 3
    assert all(bar.stop in bar.playing for bar in bars if bar.stop)
    for name in (*INSTRUMENTS, MELODY):
        assert 0.02 < np.mean([name not in bar.playing for bar in bars]) < 0.5
    assert all(len({bar.level for bar in chart.bars}) > 1 for chart in charts)


def test_blues_is_in_dominant_sevenths():
    chart = draw(0, is_blues=True)
    assert chart.mode == "blues"
    assert chart.bars[-1].chords[0][1].quality in ("7", "9")


def test_tempo_drifts_slowly_and_stays_in_range():
    for seed in SEEDS:
        tempo = write_tempo(np.random.default_rng(seed), 100.0, 120, 4)
        assert tempo.shape == (120,)
        assert np.abs(np.diff(tempo)).max() < 4.0
        assert SLOWEST_BPM * 0.9 <= tempo.min() <= tempo.max() <= FASTEST_BPM * 1.05
    endings = [write_tempo(np.random.default_rng(s), 100.0, 120, 4)[-1] for s in SEEDS]
    assert min(endings) < 85
    assert np.median(endings) == pytest.approx(100, abs=5)
