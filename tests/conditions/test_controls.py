"""Controls as rows, and what is usual of an instrument."""

import numpy as np
import pytest

from accomptk.conditions.controls import CONTROL_FEATURES, CONTROLS, Usual, control_rows
from accomptk.errors import StreamError


def test_rows_hold_what_is_given():
    rows = control_rows({"density": -0.5, "tension": 1.0}, 3)
    assert rows.shape == (CONTROL_FEATURES, 3)
    assert rows[:, 0].tolist() == [0, -0.5, 0, 1.0, 0, 1, 0, 1]
    assert (rows == rows[:, :1]).all()
    assert not control_rows({}, 3).any()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"loudness": 0.1}, "control 'loudness': does not exist; use energy, density"),
        ({"energy": 1.5}, "control 'energy': got 1.5; give a number from -1 to 1"),
        ({"energy": float("nan")}, "control 'energy': got nan"),
    ],
)
def test_what_is_no_control_is_refused(values, line):
    with pytest.raises(StreamError, match=line):
        control_rows(values, 3)


def test_usual_is_the_middle_and_two_deviations_are_one():
    measured = np.random.default_rng(0).normal(3.0, 2.0, (len(CONTROLS), 5000)).astype(np.float32)
    measured[:, :100] = np.nan  # silence does not count
    usual = Usual.of(measured)
    np.testing.assert_allclose(usual.mean, 3.0, atol=0.15)
    at = np.array([[3.0, 7.0, -1.0, 99.0]], np.float32).repeat(len(CONTROLS), 0)
    np.testing.assert_allclose(usual.relative(at), [[0.0, 1.0, -1.0, 1.0]] * 4, atol=0.1)


def test_an_instrument_that_never_sounds_has_harmless_numbers():
    usual = Usual.of(np.full((len(CONTROLS), 9), np.nan, np.float32))
    assert np.isfinite(usual.relative(np.zeros((len(CONTROLS), 2), np.float32))).all()
