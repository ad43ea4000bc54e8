import numpy as np
import pytest

from accomptk.metrics.closeness import bootstrap, closeness


def test_bootstrap_of_nothing_is_none(rng):
    assert bootstrap(np.zeros(0), rng) is None
    assert bootstrap(np.full(3, np.nan), rng) is None


def test_one_song_has_no_interval(rng):
    one = bootstrap(np.array([0.5, np.nan]), rng)
    assert (one.mean, one.low, one.high, one.n) == (0.5, None, None, 1)


def test_equal_songs_have_a_point_for_an_interval(rng):
    assert bootstrap(np.full(5, 0.3), rng).low == pytest.approx(0.3)
    assert bootstrap(np.full(5, 0.3), rng).high == pytest.approx(0.3)


def test_interval_is_the_normal_one_for_many_songs(rng):
    songs = rng.standard_normal(400)
    found = bootstrap(songs, rng)

    error = songs.std() / 20
    assert found.mean == pytest.approx(songs.mean())
    assert found.low == pytest.approx(songs.mean() - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(songs.mean() + 1.96 * error, abs=0.2 * error)


def test_same_generator_same_interval():
    songs = np.array([0.1, 0.5, 0.4])
    assert bootstrap(songs, np.random.default_rng(3)) == bootstrap(songs, np.random.default_rng(3))


def test_closeness_is_a_ratio_of_means_not_a_mean_of_ratios(rng):
    random = np.array([0.1, 0.1, 0.2, 0.2])
    upper = np.array([0.9, 0.3, 0.9, 0.4])
    value = np.array([0.5, 0.3, 0.5, 0.4])

    found = closeness(value, random, upper, rng)
    expected = (value.mean() - random.mean()) / (upper.mean() - random.mean())
    assert found.mean == pytest.approx(expected)
    assert found.low < found.mean < found.high
    assert found.n == 4


def test_anchors_are_zero_and_one(rng):
    random, upper = np.array([0.1, 0.2, 0.15]), np.array([0.8, 0.7, 0.9])

    at_upper = closeness(upper, random, upper, rng)
    at_random = closeness(random, random, upper, rng)
    assert (at_upper.mean, at_upper.low, at_upper.high) == pytest.approx((1, 1, 1))
    assert (at_random.mean, at_random.low, at_random.high) == pytest.approx((0, 0, 0))


def test_joint_draws_cancel_what_songs_share(rng):
    """Songs of very different difficulty, all halfway: the interval is a point."""
    random = rng.uniform(0, 1, 20)
    found = closeness(random + 0.2, random, random + 0.4, rng)
    assert (found.low, found.high) == pytest.approx((0.5, 0.5))


def test_overlapping_anchors_have_no_closeness(rng):
    random, upper = np.array([0.2, 0.8, 0.5]), np.array([0.8, 0.2, 0.5])
    assert closeness(random, random, upper, rng) is None


@pytest.mark.parametrize("low_is_better", [False, True])
def test_anchors_in_the_wrong_order_have_no_closeness(rng, low_is_better):
    low, high = np.array([0.1, 0.2, 0.1]), np.array([0.8, 0.9, 0.7])
    random, upper = (low, high) if low_is_better else (high, low)
    assert closeness(upper, random, upper, rng, low_is_better=low_is_better) is None
    assert closeness(low, random, upper, rng, low_is_better=not low_is_better) is not None


def test_equal_anchors_have_no_closeness(rng):
    same = np.array([0.4, 0.5, 0.6])
    assert closeness(same, same, same, rng) is None


def test_lower_can_be_better(rng):
    random, upper = np.array([0.8, 0.9, 0.7]), np.array([0.1, 0.2, 0.1])
    found = closeness((random + upper) / 2, random, upper, rng, low_is_better=True)
    assert found.mean == pytest.approx(0.5)


def test_only_songs_with_all_three_count(rng):
    nan = np.nan
    value = np.array([0.5, 0.5, 0.5, nan])
    random = np.array([0.1, nan, 0.1, 0.1])
    upper = np.array([0.9, 0.9, 0.9, 0.9])
    assert closeness(value, random, upper, rng).n == 2
    assert closeness(value[1:2], random[1:2], upper[1:2], rng) is None


def test_different_lengths_are_refused(rng):
    with pytest.raises(ValueError, match="songs differ"):
        closeness(np.zeros(3), np.zeros(2), np.zeros(3), rng)
