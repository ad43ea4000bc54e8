"""Consistency distillation: the losses of both ways, with recordings and without."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from accomptk.diffusion.denoiser import Denoiser
from accomptk.diffusion.excerpts import Batch
from accomptk.diffusion.samplers import Denoise, heun_states, to_d
from accomptk.diffusion.trajectories import Plan
from accomptk.diffusion.transformer import Conditions, Layout, StreamTransformer, repeat
from accomptk.window import Chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWeights:
    """Weights of the terms of the data-free loss.

    Args:
        latent: Of the mean square.
        spectral: Of the mean difference of ``|rFFT over time|``, chunk by chunk.
        temporal: Of the mean difference of first differences in time.
    """

    latent: float
    spectral: float
    temporal: float


@dataclass(frozen=True, slots=True)
class OnePass:
    """All chunks of an excerpt at once; what streaming them gives, at the cost of one pass.

    Args:
        denoiser: Called as the teacher's is in training.
        context: Latents, [B, C, T].
        history: What was played, [B, C, T].
        layout: The chunks.
        conditions: Rows of all frames.
    """

    denoiser: Callable[..., Tensor]
    context: Tensor
    history: Tensor
    layout: Layout
    conditions: Conditions

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Denoised latents; x [n B, C, T] and sigma [n B] or [n B, T], any number n of draws."""
        told = (self.context, self.history, self.layout, self.conditions)
        return self.denoiser(x, sigma, *told)


class ManyPasses:
    """A teacher asked about the same excerpts at many noise levels; its towers are built once.

    Args:
        view: Excerpts as the teacher, a ``Denoiser``, sees them.
        guidance: Weight of the conditions (Ho & Salimans 2022).
    """

    def __init__(self, view: OnePass, guidance: float = 1.0) -> None:
        assert isinstance(view.denoiser, Denoiser)
        assert isinstance(view.denoiser.net, StreamTransformer)
        self.view, self.guidance = view, guidance
        self.denoiser, self.net = view.denoiser, view.denoiser.net
        instrument, words = view.conditions.instrument, view.conditions.prompt.shape[-1]
        self.deaf = replace(view.layout, heard=torch.zeros_like(view.layout.heard))
        self.free = Conditions.free(instrument, words, view.context.shape[2])
        self.towers = self.net.listen(view.context, view.history, view.layout, instrument)

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Denoised latents, as ``OnePass``, guided."""
        informed = self._denoise(x, sigma, self.view.layout, self.view.conditions)
        if self.guidance == 1:
            return informed
        alone = self._denoise(x, sigma, self.deaf, self.free)
        return alone + self.guidance * (informed - alone)

    def _denoise(self, x: Tensor, sigma: Tensor, layout: Layout, conditions: Conditions) -> Tensor:
        return self.denoiser.precondition(
            lambda scaled, c_noise: self.net.make(scaled, c_noise, self.towers, layout, conditions),
            x,
            sigma,
        )


def endpoint_loss(
    made: Tensor, goal: Tensor, chunks: Sequence[Chunk], weights: EndpointWeights
) -> Tensor:
    """Distance of what a student makes in one step from the trajectories' ends, both [B, C, T]."""
    total = made.new_zeros(())
    for chunk in chunks:
        a, b = (part[:, :, chunk.start : chunk.end].float() for part in (made, goal))
        latent = (a - b).square().mean()
        spectral = (rhythm(a) - rhythm(b)).abs().mean()
        temporal = (a.diff() - b.diff()).abs().mean() if chunk.hop > 1 else 0.0
        terms = weights.latent * latent + weights.spectral * spectral + weights.temporal * temporal
        total = total + chunk.hop * terms
    return total / (chunks[-1].end - chunks[0].start)


def rhythm(x: Tensor) -> Tensor:
    """Magnitudes of the Fourier transform over time, [B, C, T] -> [B, C, T / 2 + 1]."""
    magnitudes: Tensor = torch.fft.rfft(x, norm="ortho").abs()
    return magnitudes


def requery(
    teacher: Denoiser, plan: Plan, history: Tensor, start: Tensor, sigmas: Tensor, guidance: float
) -> Tensor:
    """The teacher's trajectories from the same noise under a history of somebody else's.

    Args:
        teacher: Its denoiser.
        plan: What is heard and asked.
        history: What was played, [B, C, T].
        start: The noise, [B, C, T].
        sigmas: Levels, [K + 1].
        guidance: Weight of the conditions.

    Returns:
        States, [B, K + 1, C, T].
    """
    view = OnePass(teacher, plan.context, history, plan.layout(), plan.conditions)
    return torch.stack(list(heun_states(ManyPasses(view, guidance), start, sigmas)), 1)


def data_free_loss(
    student: Denoiser,
    plan: Plan,
    history: Tensor,
    states: Tensor,
    sigmas: Tensor,
    weights: EndpointWeights,
    which: Tensor,
) -> Tensor:
    """From any state of a trajectory to its end.

    Args:
        student: What is trained.
        plan: What is heard and asked.
        history: What was played before each chunk, [B, C, T].
        states: Trajectories under that history, [B, K + 1, C, T].
        sigmas: Their levels, [K + 1].
        weights: Of the loss's terms.
        which: Number of the state that each chunk starts from, [n B, T]; n draws.
    """
    layout = plan.layout()
    draws = len(which) // len(states)
    which = which.gather(1, repeat(layout.start, draws).clamp(min=0))
    paths = repeat(states, draws)
    index = which[:, None, None, :].expand(-1, 1, paths.shape[2], -1)
    x = paths.gather(1, index)[:, 0]
    asked = OnePass(student, plan.context, history, layout, plan.conditions)
    return endpoint_loss(asked(x, sigmas[which]), paths[:, -1], plan.chunks, weights)


@dataclass(frozen=True, slots=True)
class Pair:
    """A point of a teacher's trajectory, and the next lower one, x [n B, C, T], sigma [n B, T]."""

    x: Tensor
    sigma: Tensor
    x_next: Tensor
    sigma_next: Tensor


@torch.no_grad()
def adjacent(
    teacher: Denoise, batch: Batch, sigmas: Tensor, draws: int, generator: torch.Generator
) -> Pair:
    """A noised target and where one Heun step of the teacher takes it (Song et al. 2023, eq. 7).

    Args:
        teacher: The teacher over the batch.
        batch: Excerpts.
        sigmas: Descending levels above 0, [N].
        draws: Pairs an excerpt.
        generator: Of levels and noise.
    """
    target, start = repeat(batch.target, draws), repeat(batch.layout.start, draws)
    which = torch.randint(len(sigmas) - 1, (len(target), target.shape[2]), generator=generator)
    which = which.to(start.device).gather(1, start.clamp(min=0))
    sigma, sigma_next = sigmas[which], sigmas[which + 1]
    noise = torch.randn(target.shape, generator=generator).to(target.device)
    x = target + sigma.unsqueeze(1) * noise
    step = (sigma_next - sigma).unsqueeze(1)
    d = to_d(x, sigma.unsqueeze(1), teacher(x, sigma))
    x_next = x + step * d
    d_next = to_d(x_next, sigma_next.unsqueeze(1), teacher(x_next, sigma_next))
    return Pair(x, sigma, x + step * (d + d_next) / 2, sigma_next)


def paired_loss(
    student: OnePass, average: OnePass, pair: Pair, is_made: Tensor, huber: float
) -> Tensor:
    """Both points of a pair must lead to the same end (Song et al. 2023, eq. 8).

    Args:
        student: What is trained, over the batch.
        average: The average of its weights, likewise.
        pair: From ``adjacent``.
        is_made: 1 where a chunk is, [B, T].
        huber: Width of the pseudo-Huber metric over a frame's channels; 0 for the mean square.
    """
    with torch.no_grad():
        goal = average(pair.x_next, pair.sigma_next)
    square = (student(pair.x, pair.sigma) - goal).square()
    error = ((square.sum(1) + huber**2).sqrt() - huber) if huber else square.mean(1)
    counts = repeat(is_made, len(error) // len(is_made))
    return (error * counts).sum() / counts.sum()
