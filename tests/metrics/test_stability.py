import numpy as np
import pytest

from accomptk.metrics.stability import centroid_drift, drift_apart, drifts, level_drift, tempo_drift

RATE = 8000
SECONDS = 60
TIME_S = np.arange(SECONDS * RATE) / RATE


def noise(seed=0):
    return np.random.default_rng(seed).standard_normal(TIME_S.size) * 0.1


@pytest.mark.parametrize("db_per_minute", [-12.0, 0.0, 6.0])
def test_level(db_per_minute):
    fading = noise() * 10 ** (db_per_minute * TIME_S / 60 / 20)
    assert level_drift(fading, RATE) == pytest.approx(db_per_minute, abs=0.15)


def test_centroid_of_a_rising_tone():
    rising = np.sin(2 * np.pi * 220 * 60 / np.log(2) * 2 ** (TIME_S / 60))  # an octave a minute
    assert centroid_drift(rising, RATE) == pytest.approx(1.0, abs=0.02)
    assert centroid_drift(noise(), RATE) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("percent", [-10.0, 0.0, 5.0])
def test_tempo(percent):
    beats = [0.0]
    while beats[-1] < SECONDS:
        beats.append(beats[-1] + 0.5 * (1 + percent / 100) ** (-beats[-1] / 60))
    assert tempo_drift(np.array(beats)) == pytest.approx(percent, abs=0.1)


def test_a_fill_and_a_missed_beat_do_not_matter():
    wav = noise()
    wav[RATE * 20 : RATE * 24] *= 4
    assert level_drift(wav, RATE) == pytest.approx(0.0, abs=0.5)
    assert tempo_drift(np.delete(np.arange(0, 60, 0.5), [30, 70])) == pytest.approx(0.0, abs=1e-6)


def test_silent_blocks_are_left_out():
    wav = noise()
    wav[RATE * 24 : RATE * 40] = 0
    assert level_drift(wav, RATE) == pytest.approx(0.0, abs=0.15)


def test_nothing_is_said_of_silence_and_of_short_streams():
    assert level_drift(np.zeros(SECONDS * RATE), RATE) is None
    assert centroid_drift(noise()[: 15 * RATE], RATE) is None
    assert tempo_drift(np.arange(0, 15, 0.5)) is None
    assert tempo_drift(np.zeros(0)) is None


@pytest.mark.parametrize("bad", [np.zeros((2, RATE)), np.full(RATE, np.nan)])
def test_what_is_no_signal_is_refused(bad):
    with pytest.raises(ValueError, match="stability"):
        level_drift(bad, RATE)


def test_what_are_no_beats_is_refused():
    with pytest.raises(ValueError, match="ascending"):
        tempo_drift(np.array([2.0, 1.0]))


def test_the_drift_of_the_truth_is_no_fault():
    fading = noise() * 10 ** (-9 * TIME_S / 60 / 20)
    beats = np.arange(0, 60, 0.5)
    truth = drifts(fading, RATE, beats)

    assert drift_apart(truth, truth) == dict.fromkeys(truth, 0.0)
    assert drift_apart(drifts(noise(), RATE, beats), truth)["level_drift"] == pytest.approx(9, 0.02)


def test_what_either_lacks_is_left_out():
    truth, silent = drifts(noise(), RATE, np.arange(0, 60, 0.5)), drifts(0 * noise(), RATE, None)
    assert drift_apart(silent, truth) == drift_apart(truth, silent) == {}
