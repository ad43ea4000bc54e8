import itertools

import pytest
import torch

from accomptk.diffusion.denoiser import Denoiser
from accomptk.diffusion.noise import Noise, gaussian
from accomptk.diffusion.samplers import heun, heun_evaluations, inpaint

NOISE = Noise(sigma_min=0.02, sigma_max=20.0, sigma_data=0.7, rho=7.0, P_mean=-0.4, P_std=1.2)


class Zero(torch.nn.Module):
    """F = 0: the denoiser is then exact for N(0, sigma_data^2)."""

    def forward(self, x, c_noise):
        return torch.zeros_like(x)


def exact(x, sigma_from, sigma_to, sigma_data):
    """Closed-form probability flow of a Gaussian: x scales with the total deviation."""
    return x * ((sigma_data**2 + sigma_to**2) / (sigma_data**2 + sigma_from**2)) ** 0.5


def test_heun_converges_at_order_two():
    denoiser = Denoiser(Zero(), NOISE.sigma_data).double()
    x = torch.ones(1, 1, 1, dtype=torch.float64)
    errors = []
    for steps in (8, 16, 32, 64):
        sigmas = torch.linspace(4.0, 0.5, steps + 1, dtype=torch.float64)
        found = heun(denoiser, x, sigmas)
        errors.append((found - exact(x, 4.0, 0.5, NOISE.sigma_data)).abs().item())
    ratios = [a / b for a, b in itertools.pairwise(errors)]
    assert ratios == pytest.approx([4, 4, 4], abs=0.6)


def test_schedule_ends_at_zero_and_descends():
    sigmas = NOISE.sigmas(6)
    assert sigmas[0] == pytest.approx(20.0)
    assert sigmas[-2] == pytest.approx(0.02, rel=1e-4)
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()
    assert NOISE.sigmas(1).tolist() == [20.0, 0.0]


def test_evaluations_are_counted_as_made():
    calls = []

    def denoise(x, sigma):
        calls.append(sigma)
        return 0 * x

    heun(denoise, torch.ones(1, 1, 4), NOISE.sigmas(5))
    assert len(calls) == heun_evaluations(5) == 9


def test_inpainting_returns_known_frames_as_given():
    known = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(1))
    is_known = (torch.arange(8) < 5).float().expand(2, 1, 8)
    made = inpaint(
        lambda x, sigma: 0.5 * x,
        torch.ones(2, 3, 8),
        NOISE.sigmas(3),
        known,
        is_known,
        lambda: torch.ones(2, 3, 8),
    )
    assert torch.equal(made[:, :, :5], known[:, :, :5])
    assert torch.isfinite(made).all()


def test_noise_of_an_item_is_independent_of_the_batch():
    def generators(indices):
        return [torch.Generator().manual_seed(index) for index in indices]

    both = gaussian(generators([3, 4]), 2, 5)
    assert torch.equal(both[1:], gaussian(generators([4]), 2, 5))


def test_training_levels_are_log_normal():
    levels = NOISE.draw((20000,), torch.Generator().manual_seed(0)).log()
    assert levels.mean() == pytest.approx(-0.4, abs=0.03)
    assert levels.std() == pytest.approx(1.2, abs=0.03)


def test_weight_balances_the_output_scale():
    sigma = torch.tensor([0.1, 1.0, 10.0])
    c_out = sigma * 0.7 / (sigma**2 + 0.49).sqrt()
    assert torch.allclose(NOISE.weight(sigma) * c_out**2, torch.ones(3))
