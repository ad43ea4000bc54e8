import numpy as np
import pytest

from accomptk.metrics import onset

RATE = 44_100
BEATS = np.arange(0.5, 7.9, 0.5)
DOWNBEATS = np.arange(0.5, 9, 2.0)


def plucks(times_s, hz=220.0, seconds=8.0, level=0.3):
    """Decaying tones that start at the given times."""
    wav = np.zeros(round(seconds * RATE), np.float32)
    time_s = np.arange(round(0.4 * RATE)) / RATE
    tone = level * np.exp(-time_s * 8) * np.sin(2 * np.pi * hz * time_s)
    for start in np.round(np.asarray(times_s) * RATE).astype(int):
        end = min(start + tone.size, wav.size)
        wav[start:end] += tone[: end - start].astype(np.float32)
    return wav


@pytest.mark.parametrize("hz", [55.0, 220.0, 1500.0])
def test_finds_the_onsets_of_plucked_notes(hz):
    found = onset.onset_times(plucks(BEATS, hz), RATE)

    assert found.size == BEATS.size
    np.testing.assert_allclose(found, BEATS, atol=0.03)


def test_level_does_not_matter():
    quiet = onset.onset_times(plucks(BEATS, level=0.01), RATE)
    loud = onset.onset_times(plucks(BEATS, level=0.6), RATE)

    np.testing.assert_allclose(quiet, loud, atol=0.02)


@pytest.mark.parametrize("samples", [0, 100, RATE])
def test_silence_has_no_onset(samples):
    assert onset.onset_times(np.zeros(samples, np.float32), RATE).size == 0


def test_noise_floor_has_no_onset(rng):
    hiss = 1e-4 * rng.standard_normal(RATE).astype(np.float32)
    assert onset.onset_times(hiss, RATE).size == 0


def test_steady_tone_has_at_most_its_start():
    tone = 0.3 * np.sin(2 * np.pi * 330 * np.arange(4 * RATE) / RATE).astype(np.float32)
    assert onset.onset_times(tone, RATE).size <= 1


def test_f1_of_a_perfect_estimate_is_one():
    assert onset.onset_f1(BEATS, BEATS) == 1.0


def test_f1_with_an_empty_side_is_zero():
    nothing = np.zeros(0)
    assert onset.onset_f1(BEATS, nothing) == 0.0
    assert onset.onset_f1(nothing, BEATS) == 0.0
    assert onset.onset_f1(nothing, nothing) == 0.0


def test_f1_known_value():
    # two of three found within 50 ms, one false: precision 2/3, recall 2/3
    assert onset.onset_f1(np.array([1.0, 2.0, 3.0]), np.array([1.04, 2.0, 3.06])) == pytest.approx(
        2 / 3
    )


def test_f1_refuses_unsorted_onsets():
    with pytest.raises(ValueError, match="increasing"):
        onset.onset_f1(np.array([2.0, 1.0]), BEATS)


def test_f1_falls_as_onsets_move(rng):
    scores = [
        np.mean(
            [
                onset.onset_f1(BEATS, np.sort(BEATS + s * rng.standard_normal(BEATS.size)))
                for _ in range(20)
            ]
        )
        for s in (0.0, 0.03, 0.1)
    ]
    assert scores[0] > scores[1] > scores[2]


def test_density_is_made_over_truth():
    assert onset.onset_density(BEATS, BEATS[::3]) == pytest.approx(5 / 15)
    assert onset.onset_density(BEATS, np.zeros(0)) == 0.0
    assert onset.onset_density(np.zeros(0), BEATS) is None


def test_bar_histogram_counts_positions():
    shares = onset.bar_histogram(BEATS, DOWNBEATS, bins=4)
    assert shares == pytest.approx(np.full(4, 0.25), abs=0.05)
    late = onset.bar_histogram(DOWNBEATS[:-1] + 0.5, DOWNBEATS, bins=4)
    np.testing.assert_array_equal(late, [0, 1, 0, 0])


def test_bar_histogram_wraps_just_before_the_downbeat():
    shares = onset.bar_histogram(DOWNBEATS[1:3] - 0.01, DOWNBEATS)
    assert shares[0] == 1.0


def test_bar_histogram_needs_a_whole_bar():
    assert onset.bar_histogram(BEATS, np.zeros(0)) is None
    assert onset.bar_histogram(np.zeros(0), DOWNBEATS) is None
    assert onset.bar_histogram(np.array([0.1]), DOWNBEATS) is None


def test_bar_distance_from_perfect_to_disjoint():
    assert onset.bar_distance(BEATS, BEATS, DOWNBEATS) == 0.0
    assert onset.bar_distance(BEATS, BEATS + 0.25, DOWNBEATS) == pytest.approx(1.0)
    assert onset.bar_distance(BEATS, np.zeros(0), DOWNBEATS) == 1.0
    assert onset.bar_distance(np.zeros(0), BEATS, DOWNBEATS) is None


def test_a_metronome_is_far_from_a_syncopated_part():
    part = np.sort(np.concatenate([DOWNBEATS[:-1] + t for t in (0.0, 0.75, 1.25, 1.75)]))
    assert onset.bar_distance(part, BEATS, DOWNBEATS) >= 0.7
