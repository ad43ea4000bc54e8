"""Noise levels: how training draws them and how a sampler descends them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Noise in standard deviations of the latents; the letters are those of EDM.

    Args:
        sigma_min: Lowest level of a schedule.
        sigma_max: Highest level of a schedule.
        sigma_data: Standard deviation of clean latents.
        rho: Curvature of the schedule; larger spends more steps at low noise.
        P_mean: Mean of log sigma in training.
        P_std: Standard deviation of log sigma in training.
    """

    sigma_min: float
    sigma_max: float
    sigma_data: float
    rho: float
    P_mean: float
    P_std: float

    def sigmas(self, num_steps: int) -> Tensor:
        """Descending schedule with a final 0 (Karras et al. 2022, eq. 5), [num_steps + 1]."""
        if num_steps == 1:
            return torch.tensor([self.sigma_max, 0.0])
        ramp = torch.arange(num_steps) / (num_steps - 1)
        top, bottom = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        return torch.cat([(top + ramp * (bottom - top)) ** self.rho, torch.zeros(1)])

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Log-normal training levels (EDM Table 1)."""
        normal = torch.randn(shape, generator=generator)
        return (normal * self.P_std + self.P_mean).exp()

    def weight(self, sigma: Tensor) -> Tensor:
        """Loss weight lambda(sigma) that makes every level count alike (EDM eq. 144)."""
        return (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2


def gaussian(generators: Sequence[torch.Generator], *shape: int) -> Tensor:
    """Unit noise, one CPU generator an item, so that an item is the same in any batch.

    Returns:
        [B, *shape] on the CPU.
    """
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators])
