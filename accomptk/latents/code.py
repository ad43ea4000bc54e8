"""Codes: features of frames to latents and back, with what a stream must remember in between."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Memory = dict[str, Tensor]
"""What one direction of a code remembers, batch first; steps replace its entries."""


class Code(Protocol):
    """Features [B, n, F] to latents [B, C, n] and back, frame by frame, never looking ahead."""

    @property
    def channels(self) -> int:
        """Numbers a frame."""

    @property
    def base(self) -> "LinearCode":
        """The principal components that it is made of."""

    def encode_memory(self, batch: int) -> Memory:
        """Memory of streams that have heard nothing."""

    def encode(self, features: Tensor, memory: Memory) -> Tensor:
        """Latents [B, C, n] of the next features [B, n, F]."""

    def decode_memory(self, batch: int) -> Memory:
        """Memory of streams that have played nothing."""

    def decode(self, latents: Tensor, memory: Memory) -> Tensor:
        """Features [B, n, F] of the next latents [B, C, n]."""


@dataclass(frozen=True, slots=True)
class LinearCode:
    """Latents are ``(features @ basis.T - mean) / scale``; it remembers nothing.

    Attributes:
        basis: Orthonormal rows, [C, F].
        mean: Of the training frames' coefficients, [C].
        scale: What coefficients are divided by, [C].
    """

    basis: Tensor
    mean: Tensor
    scale: Tensor

    @property
    def channels(self) -> int:
        """Numbers a frame."""
        return self.basis.shape[0]

    @property
    def base(self) -> "LinearCode":
        """Itself."""
        return self

    def leading(self, components: int) -> "LinearCode":
        """The code of the first components alone."""
        return LinearCode(*(part[:components] for part in (self.basis, self.mean, self.scale)))

    def encode_memory(self, batch: int) -> Memory:
        """Nothing."""
        return {}

    def encode(self, features: Tensor, memory: Memory) -> Tensor:
        """[B, n, F] to [B, C, n]."""
        # Double precision: the result must not depend on how many frames come at once.
        coefficients = features.double() @ self.basis.double().T
        return ((coefficients - self.mean) / self.scale).float().transpose(1, 2)

    def decode_memory(self, batch: int) -> Memory:
        """Nothing."""
        return {}

    def decode(self, latents: Tensor, memory: Memory) -> Tensor:
        """[B, C, n] to [B, n, F]."""
        return (self.coefficients(latents) @ self.basis.double()).float()

    def coefficients(self, latents: Tensor) -> Tensor:
        """[B, C, n] to what multiplies the basis, [B, n, C]."""
        return latents.transpose(1, 2).double() * self.scale + self.mean


def scales(deviation: Tensor, power: float, components: int) -> Tensor:
    """What coefficients are divided by: a multiple of their standard deviation to a power.

    The leading components have a mean variance of 1 then.

    Args:
        deviation: Of the coefficients, [K].
        power: 1 whitens, 0 keeps all proportions.
        components: How many lead.
    """
    scale = deviation**power
    leading = (deviation / scale)[:components]
    return scale * torch.sqrt((leading**2).mean())
