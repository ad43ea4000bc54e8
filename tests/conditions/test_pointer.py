import numpy as np
import pytest

from accomptk.conditions.pointer import PERIODS, BarPointer, BeatPointer

NOW = np.zeros(1)


def follow(pointer: BeatPointer, beats_s: np.ndarray, seconds: float) -> None:
    """Advance over activations that are peaks at the beats."""
    times = np.arange(0, seconds, 0.02)
    for time in times:
        nearest = np.abs(beats_s - time).min()
        pointer.advance(0.9 * max(0.0, 1 - nearest / 0.04))


@pytest.mark.parametrize("period_s", [0.35, 0.5, 0.613, 0.9])
def test_regular_beats_are_found_and_extrapolated(period_s):
    pointer = BeatPointer()
    follow(pointer, np.arange(0.1, 13, period_s), 12.0)
    assert pointer.period_s() == pytest.approx(period_s, rel=0.015)
    last = 11.98
    for ahead in (0.0, 0.75):
        turns = np.angle(pointer.phase_vectors(np.array([ahead])))[0] / (2 * np.pi)
        error = (turns - (last + ahead - 0.1) / period_s + 0.5) % 1 - 0.5
        assert abs(error * period_s) < 0.03


def test_belief_stays_a_distribution_over_valid_places(rng):
    pointer = BeatPointer()
    for beat in [*rng.random(50), None, None, 0.0, 1.0]:
        pointer.advance(beat)
        assert pointer.belief.sum() == pytest.approx(1.0)
    outside = np.arange(pointer.belief.shape[1]) >= PERIODS[:, None]
    assert not pointer.belief[outside].any()
    assert pointer.belief.min() >= 0


def test_agreement_falls_with_distance_and_in_silence():
    pointer = BeatPointer()
    follow(pointer, np.arange(0.1, 11, 0.5), 10.0)
    near, far = np.abs(pointer.phase_vectors(np.array([0.0, 3.0])))
    assert 1.001 > near > far
    for _ in range(200):
        pointer.advance(None)
    assert np.abs(pointer.phase_vectors(NOW))[0] < 0.9 * near


def test_nothing_heard_is_no_agreement():
    assert np.abs(BeatPointer().phase_vectors(NOW))[0] < 0.05


def test_a_new_tempo_is_followed():
    beats = np.concatenate([np.arange(0.1, 8, 0.5), np.arange(8.1, 20, 0.42)])
    pointer = BeatPointer()
    follow(pointer, beats, 16.0)
    assert pointer.period_s() == pytest.approx(0.42, rel=0.02)


def test_between_a_tempo_and_its_double_the_one_that_people_tap_is_followed():
    pointer, beats, halves = BeatPointer(), np.arange(0.1, 13, 0.7), np.arange(0.45, 13, 0.7)
    for time in np.arange(0, 12, 0.02):
        strong, weak = (max(0.0, 1 - np.abs(at - time).min() / 0.04) for at in (beats, halves))
        pointer.advance(max(0.9 * strong, 0.3 * weak))
    assert pointer.period_s() == pytest.approx(0.7, rel=0.02)


@pytest.mark.parametrize("meter", [3, 4])
def test_bars_are_counted(meter):
    beat, bar = BeatPointer(), BarPointer()
    beats = np.arange(0.1, 21, 0.5)
    numbers = []
    for time in np.arange(0, 20, 0.02):
        nearest = int(np.abs(beats - time).argmin())
        peak = 0.9 * max(0.0, 1 - abs(beats[nearest] - time) / 0.04)
        is_down = nearest % meter == 1  # the music begins with an upbeat
        shares = (0.2 * peak, 0.8 * peak) if is_down else (0.8 * peak, 0.2 * peak)
        beat.advance(peak)
        bar.advance(beat, *shares)
        if time > 15 and 0.05 < (time - 0.1) % 0.5 < 0.2:
            number, found, probability = bar.likeliest()
            numbers.append((found, number == (int((time - 0.1) // 0.5) - 1) % meter))
            assert probability > 0.5
    assert all(found == meter and right for found, right in numbers)


def test_bars_are_unknown_without_downbeats():
    assert BarPointer().likeliest()[2] < 0.2
