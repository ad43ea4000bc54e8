"""The network behind coherence: how well a stem and a context go together.

Like COCOLA (Ciranni et al. 2024) it embeds both sides with one encoder and compares them by a
bilinear form, learned by contrast. Here a frame is compared with the frame of the same time,
and the similarity of two stretches is the sum over their frames, so that what goes well
together half a beat apart does not go well together.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from accomptk.metrics.spectra import LONG_BANDS, LONG_STEPS, SHORT_BANDS, SHORT_STEPS, Views

REACH = 5  # frames of a convolution
GAIN = 10.0  # of a cosine at first


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Width and depth of each encoder, and numbers in a frame's embedding."""

    width: int
    depth: int
    embedding: int


class Embedded(NamedTuple):
    """Stretches as the two encoders see them, each [B, T, E]."""

    harmonic: Tensor
    percussive: Tensor


class Similarity(nn.Module):
    """Similarity of stems and contexts in each view; of both it is the sum."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.harmonic = Encoder(LONG_STEPS * LONG_BANDS, size)
        self.percussive = Encoder(SHORT_STEPS * SHORT_BANDS, size)

    def forward(self, heard: Views) -> Embedded:
        """Embed stretches."""
        return Embedded(self.harmonic(heard.harmonic), self.percussive(heard.percussive))

    def compare(self, contexts: Embedded, stems: Embedded) -> Embedded:
        """Similarity of each context [M] to each stem [N], each [M, N]."""
        return Embedded(
            self.harmonic.compare(contexts.harmonic, stems.harmonic),
            self.percussive.compare(contexts.percussive, stems.percussive),
        )


class Encoder(nn.Module):
    """Convolutions over the frames of one view, and the bilinear form of its embeddings."""

    def __init__(self, features: int, size: Size) -> None:
        super().__init__()
        self.take = nn.Linear(features, size.width)
        self.blocks = nn.Sequential(*(Block(size.width, 2**i) for i in range(size.depth)))
        self.give = nn.Sequential(
            nn.LayerNorm(size.width), nn.Linear(size.width, size.embedding, bias=False)
        )
        self.against = nn.Linear(size.embedding, size.embedding, bias=False)
        self.gain = nn.Parameter(torch.tensor(GAIN).log())

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, features] to [B, T, E]."""
        embedded: Tensor = self.give(self.blocks(self.take(x)))
        return embedded

    def compare(self, contexts: Tensor, stems: Tensor) -> Tensor:
        """[M, T, E] and [N, T, E] to [M, N]: the mean cosine over frames, times a learned gain."""
        turned = normalize(self.against(stems).float(), dim=-1).flatten(1)
        faced = normalize(contexts.float(), dim=-1).flatten(1)
        with torch.autocast(turned.device.type, enabled=False):
            cosine: Tensor = faced @ turned.T / stems.shape[1]
        return cosine * self.gain.exp()


class Block(nn.Module):
    """A dilated convolution over time and a perceptron, beside the identity."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.nearby = nn.Conv1d(
            width, width, REACH, padding=dilation * (REACH // 2), dilation=dilation
        )
        self.perceptron = nn.Sequential(
            nn.GELU(), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, width] to the same."""
        heard = self.nearby(self.norm(x).transpose(1, 2)).transpose(1, 2)
        made: Tensor = x + self.perceptron(heard)
        return made
