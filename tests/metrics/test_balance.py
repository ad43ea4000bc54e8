import numpy as np
import pytest

from accomptk.metrics.balance import balance, balance_apart
from signals import RATE, sine

END_S = 12.0
SHARES = ("low_apart", "mid_apart", "high_apart")
LOW, MIDDLE, HIGH = (sine(hz, END_S) for hz in (110.0, 1000.0, 8000.0))
TRUTH = LOW + MIDDLE + HIGH


def apart(made, truth=TRUTH):
    return balance_apart(balance(made, RATE), balance(truth, RATE))


def test_the_truth_is_not_apart_from_itself():
    assert set(apart(TRUTH).values()) == {0.0}


def test_a_louder_stem_is_apart_in_level_alone():
    found = apart(2 * TRUTH)
    assert found["level_apart"] == pytest.approx(6.02, abs=0.01)
    assert [found[key] for key in SHARES] == pytest.approx([0, 0, 0])


@pytest.mark.parametrize(
    ("made", "louder"),
    [
        (2 * LOW + MIDDLE + HIGH, "low_apart"),
        (LOW + 2 * MIDDLE + HIGH, "mid_apart"),
        (LOW + MIDDLE + 2 * HIGH, "high_apart"),
    ],
)
def test_a_band_that_is_louder_takes_its_share_from_the_others(made, louder):
    """Of three equal bands one has twice the amplitude: 4 of 6 parts, the others 1 of 6."""
    found = apart(made)
    for key in SHARES:
        assert found[key] == pytest.approx(3.01 if key == louder else -3.01, abs=0.02)


def test_blocks_in_which_only_the_truth_plays_count_as_silent():
    made = TRUTH.copy()
    made[: 4 * RATE] = 0
    assert apart(made)["silent"] == pytest.approx(100 / 3)
    assert apart(TRUTH, made)["silent"] == 0


def test_a_very_soft_block_is_silent_and_a_soft_one_is_not():
    soft, gone = TRUTH.copy(), TRUTH.copy()
    soft[: 4 * RATE] *= 0.03
    gone[: 4 * RATE] *= 0.003
    assert (apart(soft)["silent"], apart(gone)["silent"]) == (0, pytest.approx(100 / 3))


def test_silence_has_no_level_and_a_silent_truth_says_nothing():
    nothing = np.zeros_like(TRUTH)
    assert apart(nothing) == {"silent": 100.0}
    assert apart(TRUTH, nothing) == {}


@pytest.mark.parametrize("wav", [np.zeros((2, RATE)), np.full(RATE, np.nan)])
def test_what_is_no_stem_is_refused(wav):
    with pytest.raises(ValueError, match="balance: a stem of shape"):
        balance(wav, RATE)
