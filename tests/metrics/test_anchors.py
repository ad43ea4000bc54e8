import numpy as np
import pytest

from accomptk.metrics import anchors
from accomptk.metrics.onset import onset_times

RATE = 44_100
SECONDS = 6


def ticks(times_s, seconds):
    wav = np.zeros(round(seconds * RATE), np.float32)
    tick = np.exp(-np.arange(800) / 100).astype(np.float32)
    for start in np.round(times_s * RATE).astype(int):
        wav[start : start + tick.size] += tick[: wav.size - start]
    return wav


def tone(seconds=SECONDS, hz=440.0):
    return (0.2 * np.sin(2 * np.pi * hz * np.arange(seconds * RATE) / RATE)).astype(np.float32)


def test_click_is_on_the_beats_and_as_loud_as_the_truth():
    beats = np.arange(0.3, SECONDS, 0.6)
    click = anchors.click_track(beats, beats[::4], tone(), RATE)

    np.testing.assert_allclose(onset_times(click, RATE), beats, atol=0.03)
    assert np.sqrt(np.mean(click**2)) == pytest.approx(np.sqrt(np.mean(tone() ** 2)), rel=1e-3)


def test_click_without_beats_or_truth_is_silent():
    assert not anchors.click_track(np.zeros(0), np.zeros(0), tone(), RATE).any()
    beats = np.array([-1.0, 0.5, 100.0])
    assert not anchors.click_track(beats, beats, np.zeros(RATE, np.float32), RATE).any()


def test_click_cut_by_the_end_is_kept():
    end = SECONDS - 0.001
    click = anchors.click_track(np.array([end]), np.zeros(0), tone(), RATE)
    assert click.size == SECONDS * RATE
    assert click.any()


def test_stretch_at_speed_one_is_the_identity():
    wav = tone() * np.linspace(0, 1, SECONDS * RATE, dtype=np.float32)
    made = anchors.stretch(wav, np.arange(400.0))
    np.testing.assert_allclose(made, wav[: made.size], atol=1e-4)


def test_stretch_keeps_pitch():
    made = anchors.stretch(tone(), 0.7 * np.arange(400.0))
    spectrum = np.abs(np.fft.rfft(made[:RATE] * np.hanning(RATE)))
    assert spectrum.argmax() == pytest.approx(440, abs=1)


def test_stretch_outside_the_signal_is_silent():
    made = anchors.stretch(tone(1), np.arange(300.0))
    assert not made[RATE + 4096 :].any()


@pytest.mark.parametrize("other_period", [0.42, 0.7, 1.1])
@pytest.mark.parametrize("phase", [0.25, 0.6])
def test_other_song_lands_beside_the_beats(other_period, phase):
    other_beats = np.arange(0.1, 20, other_period)
    beats = np.arange(0.2, 8, 0.5)
    made = anchors.lay_beside(
        ticks(other_beats, 20), other_beats, beats, phase=phase, samples=6 * RATE, sample_rate=RATE
    )

    found = onset_times(made, RATE)
    assert made.size == 6 * RATE
    assert found.size >= 5
    wrong = (found[1:-1] - 0.2) / 0.5 - phase
    np.testing.assert_allclose(wrong - np.rint(wrong), 0, atol=0.08)


def test_other_song_follows_a_drifting_tempo():
    beats = np.cumsum(np.linspace(0.4, 0.6, 16))
    other_beats = np.cumsum(np.linspace(0.55, 0.45, 40))
    made = anchors.lay_beside(
        ticks(other_beats, 25), other_beats, beats, phase=0.5, samples=6 * RATE, sample_rate=RATE
    )

    halfway = (beats[1:] + beats[:-1]) / 2
    found = onset_times(made, RATE)[1:-1]
    assert np.abs(found[:, None] - halfway).min(axis=1).max() < 0.05


def test_unknown_beats_have_no_tempo_match():
    few = np.array([1.0])
    options = {"phase": 0.5, "samples": RATE, "sample_rate": RATE}
    assert anchors.lay_beside(tone(), few, np.arange(5.0), **options) is None
    assert anchors.lay_beside(tone(), np.arange(5.0), few, **options) is None
