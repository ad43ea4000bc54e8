import numpy as np
import pytest

from accomptk.conditions.grid import BEAT_FEATURES, BeatNoise, chunk_features, grid_features

BEATS = np.arange(-8, 60) * 0.5 + 0.1  # 120 bpm
DOWNBEATS = BEATS[::4]
RATE = 12.0


def true_rows(start: int, end: int) -> np.ndarray:
    seconds = (np.arange(start, end) + 0.5) / RATE - 0.1
    beat, bar = 2 * np.pi * seconds / 0.5, 2 * np.pi * seconds / 2.0
    return np.stack([np.sin(beat), np.cos(beat), np.sin(bar), np.cos(bar)])


@pytest.mark.parametrize("start", [30, 72, 90])
def test_regular_beats_are_extrapolated_exactly(start):
    features = grid_features(BEATS, DOWNBEATS, 72, start, start + 18)
    assert features.shape == (BEAT_FEATURES, 18)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features[:4], true_rows(start, start + 18), atol=1e-5)
    np.testing.assert_allclose(features[4], 0.0, atol=1e-6)


def test_only_heard_beats_count():
    moved = np.where(BEATS >= 72 / RATE, BEATS + 0.2, BEATS)
    bars = np.where(DOWNBEATS >= 72 / RATE, DOWNBEATS + 0.2, DOWNBEATS)
    known = grid_features(BEATS, DOWNBEATS, 72, 60, 108)
    assert np.array_equal(known, grid_features(moved, bars, 72, 60, 108))
    assert not np.array_equal(known, grid_features(moved, bars, 90, 60, 108))


def test_tempo_row_is_octaves_from_120_bpm():
    for bpm in (60, 120, 180):
        beats = np.arange(40) * 60 / bpm
        tempo = grid_features(beats, [], 60, 60, 61)[4, 0]
        assert tempo == pytest.approx(np.log2(bpm / 120), abs=1e-5)


def test_a_waltz_has_three_beats_a_bar():
    beats = np.arange(40) * 0.5
    features = grid_features(beats, beats[::3], 96, 96, 132)
    bar = 2 * np.pi * (np.arange(96, 132) + 0.5) / RATE / 1.5
    np.testing.assert_allclose(features[2], np.sin(bar), atol=1e-5)


def test_nothing_known_is_all_zeros():
    assert not grid_features([], [], 72, 72, 90).any()
    assert not grid_features([0.1, 0.6], [0.1], 6, 6, 24).any()  # one beat heard
    features = grid_features(BEATS, [], 72, 72, 90)
    assert features[:2].any()
    assert not features[2:4].any()


def test_confidence_falls_with_distance_and_irregularity():
    rng = np.random.default_rng(0)
    wobbly = BEATS + 0.03 * rng.standard_normal(len(BEATS))
    regular = grid_features(BEATS, DOWNBEATS, 72, 60, 108)[5]
    irregular = grid_features(wobbly, DOWNBEATS, 72, 60, 108)[5]
    assert regular[0] == 1.0
    assert np.all(np.diff(regular) <= 0)
    assert 0 < irregular[-1] < regular[-1] < 1


def test_one_missed_beat_leaves_the_period():
    beats = np.delete(BEATS, np.searchsorted(BEATS, 5.0))
    tempo = grid_features(beats, [], 72, 72, 90)[4]
    np.testing.assert_allclose(tempo, 0.0, atol=1e-6)


def test_chunks_of_an_excerpt_equal_single_calls():
    rng = np.random.default_rng(0)
    beats = np.cumsum(0.4 + 0.05 * rng.random(60)) - 1.0
    start = np.arange(0, 216, 9)
    heard, end = np.maximum(start - 12, 0), start + 9
    batched = chunk_features(beats, beats[::3], heard, start, end)
    single = [
        grid_features(beats, beats[::3], *map(int, chunk))
        for chunk in zip(heard, start, end, strict=True)
    ]
    assert np.array_equal(batched, np.concatenate(single, axis=1))


def chunks(noise: BeatNoise, seed: int = 0) -> np.ndarray:
    start = np.arange(72, 216, 18)
    rng = np.random.default_rng(seed)
    return chunk_features(BEATS, DOWNBEATS, start - 18, start, start + 18, noise=noise, rng=rng)


def test_no_noise_changes_nothing_and_noise_repeats():
    start = np.arange(72, 216, 18)
    clean = chunk_features(BEATS, DOWNBEATS, start - 18, start, start + 18)
    assert np.array_equal(chunks(BeatNoise()), clean)
    noise = BeatNoise(jitter_s=0.03, tempo_error=0.02)
    assert np.array_equal(chunks(noise), chunks(noise))
    assert not np.array_equal(chunks(noise), chunks(noise, seed=1))


def test_jitter_has_the_spread_asked_for():
    clean = chunks(BeatNoise())
    errors = []
    for seed in range(300):
        noisy = chunks(BeatNoise(jitter_s=0.02), seed)
        phase = np.angle((noisy[1] + 1j * noisy[0]) * (clean[1] - 1j * clean[0]))
        errors.append(phase / (2 * np.pi) * 0.5)
        assert np.all(noisy[5] <= clean[5])
    assert np.std(errors) == pytest.approx(0.02 * 2 / np.sqrt(3), rel=0.1)


def test_each_error_touches_its_own_rows():
    clean = chunks(BeatNoise())
    assert np.abs(chunks(BeatNoise(octave=1.0))[4]).min() == pytest.approx(1.0)
    np.testing.assert_allclose(chunks(BeatNoise(offbeat=1.0))[:2], -clean[:2], atol=1e-4)
    shifted = chunks(BeatNoise(bar_shift=1.0))
    np.testing.assert_allclose(shifted[:2], clean[:2], atol=1e-4)
    assert not np.allclose(shifted[2:4], clean[2:4], atol=0.1)
    assert not chunks(BeatNoise(dropout=1.0)).any()
    assert not chunks(BeatNoise(chunk_dropout=1.0)).any()
    silent_bars = chunks(BeatNoise(bar_dropout=1.0))
    assert silent_bars[:2].any()
    assert not silent_bars[2:4].any()


def test_noise_needs_a_generator():
    with pytest.raises(ValueError, match="rng="):
        chunk_features(BEATS, [], [72], [72], [90], noise=BeatNoise())
