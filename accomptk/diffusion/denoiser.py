"""The preconditioned denoiser, one class for teacher and consistency student."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Denoiser(nn.Module):
    """D(x; sigma) of Karras et al. (2022), eq. 7, around any network.

    With ``sigma_floor > 0`` the output is exactly ``x`` at that noise level: the boundary
    condition of a consistency model (Song et al. 2023, App. C). The teacher has
    ``sigma_floor = 0``, a student ``sigma_floor = sigma_min``; nothing else differs.

    Args:
        net: Called as ``net(c_in * x, c_noise, *conditions)``.
        sigma_data: Standard deviation of clean latents.
        sigma_floor: Noise level at which the output is the input.
    """

    def __init__(self, net: nn.Module, sigma_data: float, sigma_floor: float = 0.0) -> None:
        super().__init__()
        self.net = net
        self.sigma_data = sigma_data
        self.sigma_floor = sigma_floor

    def forward(self, x: Tensor, sigma: Tensor, *conditions: Any) -> Tensor:
        """Estimate the clean latents ``x0``.

        Args:
            x: Noisy latents, [B, C, T].
            sigma: Noise level of each item, [B], or of each frame, [B, T].
            conditions: Passed on to the network.

        Returns:
            Denoised latents, [B, C, T].
        """
        return self.precondition(
            lambda scaled, c_noise: self.net(scaled, c_noise, *conditions), x, sigma
        )

    def precondition(
        self, net: Callable[[Tensor, Tensor], Tensor], x: Tensor, sigma: Tensor
    ) -> Tensor:
        """EDM's scalings around ``net(c_in * x, c_noise [B, T])``, for a network with a cache."""
        per_frame = sigma.to(torch.float32).reshape(x.shape[0], -1).expand(-1, x.shape[2])
        level = per_frame.unsqueeze(1)
        above = level - self.sigma_floor
        norm = (level**2 + self.sigma_data**2).sqrt()

        c_skip = self.sigma_data**2 / (above**2 + self.sigma_data**2)
        c_out = above * self.sigma_data / norm
        c_in = 1 / norm
        c_noise = per_frame.log() / 4

        f_x = net(c_in * x, c_noise)
        return c_skip * x + c_out * f_x
