"""The nonlinear code: an autoencoder around the principal components.

Features are described by many principal components. The leading ones pass as they are; two causal
networks add to them what makes the most of so few numbers: the encoder hides hints in the latents,
the decoder guesses the components that were left out, from what sounds now and sounded before.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from accomptk.latents.code import LinearCode, Memory

TAPS = 3
GAIN = 0.3  # of a network's output, in standard deviations of each component
QUIET, AUDIBLE = 0.003, 0.006
"""Root mean square of linear features below which a frame is silent, above which it is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Size of an autoencoder.

    Attributes:
        channels: Numbers a frame.
        components: Principal components that features are described by.
        width: Of both networks.
        hidden: Of their MLPs.
        encoder: Mixers of the encoder.
        decoder: Mixers of the decoder.
    """

    channels: int
    components: int
    width: int
    hidden: int
    encoder: int
    decoder: int


class Mixer(nn.Module):
    """A residual block: a causal filter over frames for each channel, then an MLP.

    Args:
        width: Channels W.
        hidden: Of the MLP.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, TAPS, groups=width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Next frames [B, n, W] after a past of [B, TAPS - 1, W]: the same shapes."""
        y = self.norm(x)
        heard = torch.cat([past.to(y.dtype), y], 1)
        y = y + self.conv(heard.transpose(1, 2)).transpose(1, 2)
        return x + self.down(functional.relu(self.up(y))), heard[:, 1 - TAPS :]


class Mixers(nn.Module):
    """A stack of mixers between two linear maps.

    Args:
        inputs: Numbers a frame that come in.
        outputs: Numbers a frame that go out.
        width: Of the mixers.
        hidden: Of their MLPs.
        depth: How many.
    """

    def __init__(self, inputs: int, outputs: int, width: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.width = width
        self.into = nn.Linear(inputs, width)
        self.mixers = nn.ModuleList(Mixer(width, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, outputs)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def memory(self, batch: int) -> Memory:
        """Memory of streams that begin."""
        past = torch.zeros(batch, TAPS - 1, self.width)
        return {f"mixer{index}": past for index in range(len(self.mixers))}

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Frames [B, n, inputs] that follow those before: [B, n, outputs]."""
        x = self.into(x)
        for index, mixer in enumerate(self.mixers):
            x, memory[f"mixer{index}"] = mixer(x, memory[f"mixer{index}"])
        return cast("Tensor", self.out(self.norm(x)))


class NeuralCode(nn.Module):
    """The autoencoder as a code.

    Args:
        base: Principal components, K of them.
        deviation: Standard deviation of each scaled component, [K].
        size: Of the code and its networks.
    """

    basis: Tensor
    mean: Tensor
    scale: Tensor
    deviation: Tensor

    def __init__(self, base: LinearCode, deviation: Tensor, size: Size) -> None:
        super().__init__()
        self.channels = size.channels
        self.register_buffer("basis", base.basis)
        self.register_buffer("mean", base.mean)
        self.register_buffer("scale", base.scale)
        self.register_buffer("deviation", deviation)
        inside, net = base.channels, (size.width, size.hidden)
        self.encoder = Mixers(inside, size.channels, *net, size.encoder)
        self.decoder = Mixers(size.channels, inside, *net, size.decoder)

    @property
    def base(self) -> LinearCode:
        """The principal components."""
        return LinearCode(self.basis, self.mean, self.scale)

    def encode_memory(self, batch: int) -> Memory:
        """Memory of streams that have heard nothing."""
        return self.encoder.memory(batch)

    def encode(self, features: Tensor, memory: Memory) -> Tensor:
        """[B, n, F] to [B, C, n]."""
        components = self.base.encode(features, {}).transpose(1, 2)
        linear = components[..., : self.channels]
        latents = self.compress(components, memory)
        energy = features.square().mean(-1, keepdim=True)
        return torch.lerp(linear, latents, audibility(energy)).transpose(1, 2)

    def decode_memory(self, batch: int) -> Memory:
        """Memory of streams that have played nothing."""
        return self.decoder.memory(batch)

    def decode(self, latents: Tensor, memory: Memory) -> Tensor:
        """[B, C, n] to [B, n, F]; silence is silent."""
        # The basis is orthonormal: coefficients have the energy of the features that they make.
        coefficients = self.base.leading(self.channels).coefficients(latents)
        energy = coefficients.square().sum(-1, keepdim=True).float() / self.basis.shape[1]
        components = self.expand(latents.transpose(1, 2), memory)
        features = self.base.decode(components.transpose(1, 2), {})
        return features * audibility(energy)

    def compress(self, components: Tensor, memory: Memory) -> Tensor:
        """Scaled components [B, n, K] to latents [B, n, C]."""
        hints: Tensor = self.encoder(components / self.deviation, memory).float()
        leading = slice(self.channels)
        return components[..., leading] + GAIN * self.deviation[leading] * hints

    def expand(self, latents: Tensor, memory: Memory) -> Tensor:
        """Latents [B, n, C] to scaled components [B, n, K]."""
        guess: Tensor = self.decoder(latents / self.deviation[: self.channels], memory).float()
        left_out = self.basis.shape[0] - self.channels
        return functional.pad(latents, (0, left_out)) + GAIN * self.deviation * guess


def audibility(energy: Tensor) -> Tensor:
    """0 for silent frames, 1 for those that are heard; energy: mean square of features."""
    level = (energy + 1e-12).sqrt()
    return ((level - QUIET) / (AUDIBLE - QUIET)).clamp(0, 1)
