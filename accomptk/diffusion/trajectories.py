"""Trajectories: what a model plays chunk by chunk, every state of its ODE kept."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from accomptk.diffusion.accompanist import Accompanist
from accomptk.diffusion.noise import Noise, gaussian
from accomptk.diffusion.samplers import Denoise
from accomptk.diffusion.transformer import Conditions, Layout
from accomptk.run import generator
from accomptk.window import Chunk

Path = Callable[[Denoise, Tensor], Iterable[Tensor]]
"""path(denoise, x): the latents from noise ``x`` to a clean chunk."""


class ChunkDenoiser(Accompanist, Protocol):
    """A teacher that can be asked for its denoiser: a causal one, or a window by outpainting."""

    noise: Noise
    device: torch.device

    def bind(
        self,
        memory: Any,
        chunk: Chunk,
        conditions: Conditions,
        generators: Sequence[torch.Generator],
        guidance: float = 1.0,
    ) -> Denoise:
        """The denoiser of a chunk x [B, C, hop], everything else given."""
        ...

    def remember(self, memory: Any, chunk: Chunk, latents: Tensor, conditions: Conditions) -> None:
        """Add a chunk [B, C, hop] to what was played."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What streams that share their chunks hear and are asked.

    Args:
        chunks: In order, without a hole between them.
        context: Latents, [B, C, T]; T is the end of the last chunk.
        conditions: Rows of all T frames.
    """

    chunks: tuple[Chunk, ...]
    context: Tensor
    conditions: Conditions

    def asked(self, chunk: Chunk) -> Conditions:
        """The conditions of one chunk."""
        frames = slice(chunk.start, chunk.end)
        return self.conditions.map(lambda part: part[..., frames] if part.dim() == 3 else part)

    def layout(self) -> Layout:
        """The chunks as one pass over all frames wants them."""
        batch, _, length = self.context.shape
        start, end, heard = (torch.zeros(length, dtype=torch.long) for _ in range(3))
        start -= 1
        for chunk in self.chunks:
            made = slice(chunk.start, chunk.end)
            start[made], end[made], heard[made] = chunk.start, chunk.end, chunk.heard
        start, end, heard = (row.expand(batch, -1) for row in (start, end, heard))
        first = torch.full((batch,), self.chunks[0].start)
        return Layout(start, end, heard, first).to(self.context.device)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Plan":
        """The same with each tensor changed."""
        return Plan(self.chunks, change(self.context), self.conditions.map(change))


class Trajectories(NamedTuple):
    """Streams and the states of their chunks at each noise level, [B, K + 1, C, T]."""

    plan: Plan
    states: Tensor

    @property
    def endpoint(self) -> Tensor:
        """What was played, [B, C, T]; zeros before the first chunk."""
        return self.states[:, -1]

    def map(self, change: Callable[[Tensor], Tensor]) -> "Trajectories":
        """The same with each tensor changed, for instance moved or with some streams alone."""
        return Trajectories(self.plan.map(change), change(self.states))


def play_through(
    player: ChunkDenoiser,
    plan: Plan,
    seeds: Sequence[int],
    path: Path,
    *,
    sigma_max: float,
    guidance: float = 1.0,
) -> Tensor:
    """Stream through a plan, chunk by chunk with cached context and the player's own history.

    Args:
        player: Who plays.
        plan: What is heard and asked.
        seeds: Of the noise of each stream.
        path: The states of a chunk from noise on; the last is played.
        sigma_max: Level of the noise.
        guidance: Weight of the conditions.

    Returns:
        The states of all chunks, [B, S, C, T]; zeros before the first.
    """
    memory, heard, parts = player.open(), 0, []
    for chunk in plan.chunks:
        if chunk.heard > heard:
            player.hear(memory, plan.context[:, :, heard : chunk.heard])
            heard = chunk.heard
        asked = plan.asked(chunk)
        generators = [generator(seed, "chunk", chunk.start) for seed in seeds]
        noise = gaussian(generators, player.channels, chunk.hop).to(player.device)
        denoise = player.bind(memory, chunk, asked, generators, guidance)
        states = torch.stack(list(path(denoise, sigma_max * noise)), 1)
        player.remember(memory, chunk, states[:, -1], asked)
        parts.append(states)
    before = parts[0].new_zeros(*parts[0].shape[:3], plan.chunks[0].start)
    return torch.cat([before, *parts], 3)
