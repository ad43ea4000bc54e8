import numpy as np
import pytest

from accomptk.errors import DatasetError
from accomptk.metrics.frechet import fad
from accomptk.metrics.frechet_infinite import fad_inf

DIMS = 6


def draw(rng, count, shift=0.0):
    return rng.standard_normal((count, DIMS)) + shift


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_is_nearer_to_the_truth_than_the_distance_itself(shift):
    wanted = DIMS * shift**2  # of two Gaussians of one covariance
    errors = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        reference, estimate = draw(rng, 20_000), draw(rng, 80, shift)
        errors.append(
            (fad_inf(reference, estimate, rng) - wanted, fad(reference, estimate) - wanted)
        )
    extrapolated, plain = np.mean(errors, axis=0)

    assert plain > 0.1
    assert abs(extrapolated) < plain / 2


def test_known_value(rng):
    reference, estimate = draw(rng, 400), draw(rng, 200, 1.0)
    assert fad_inf(reference, estimate, rng) == pytest.approx(6.2, abs=0.6)


def test_same_set_is_about_zero(rng):
    together = draw(rng, 200)
    assert fad_inf(together, together, rng) == pytest.approx(0.0, abs=0.1)


def test_same_generator_gives_the_same(rng):
    reference, estimate = draw(rng, 50), draw(rng, 50, 0.5)
    values = {fad_inf(reference, estimate, np.random.default_rng(3)) for _ in range(2)}
    assert len(values) == 1


def test_too_few_patches_have_none(rng):
    assert fad_inf(draw(rng, 50), draw(rng, 2 * DIMS - 1), rng) is None
    assert fad_inf(draw(rng, DIMS - 1), draw(rng, 50), rng) is None
    assert fad_inf(draw(rng, 50), draw(rng, 2 * DIMS), rng) is not None


def test_bad_sets_are_refused(rng):
    with pytest.raises(DatasetError, match="features"):
        fad_inf(draw(rng, 50), draw(rng, 50)[:, :3], rng)
