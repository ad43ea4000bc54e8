"""Samplers as free functions over (denoise, x, sigmas); each says its evaluations."""

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]
"""denoise(x [B, C, T], sigma [B]) -> denoised [B, C, T]."""


def to_d(x: Tensor, sigma: Tensor, denoised: Tensor) -> Tensor:
    """Derivative dx/dsigma of the probability-flow ODE (Karras et al. 2022, eq. 3)."""
    return (x - denoised) / sigma


def heun(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Tensor:
    """Heun's second-order method (Karras et al. 2022, Algorithm 1).

    Args:
        denoise: The denoiser with its conditions bound.
        x: Latents at ``sigmas[0]``, [B, C, T].
        sigmas: Descending levels; at a final 0 the last step is Euler's.

    Returns:
        Latents at ``sigmas[-1]``, [B, C, T], after ``heun_evaluations(sigmas)`` evaluations.
    """
    *_, x = heun_states(denoise, x, sigmas)
    return x


def heun_states(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Iterator[Tensor]:
    """The trajectory of ``heun``: the latents at each level, from ``x`` itself on."""
    yield x
    for sigma, sigma_next in itertools.pairwise(sigmas):
        d = to_d(x, sigma, denoise(x, sigma.expand(x.shape[0])))
        x_next = x + (sigma_next - sigma) * d
        if sigma_next > 0:
            d_next = to_d(x_next, sigma_next, denoise(x_next, sigma_next.expand(x.shape[0])))
            x_next = x + (sigma_next - sigma) * (d + d_next) / 2
        x = x_next
        yield x


def heun_evaluations(num_steps: int) -> int:
    """Network evaluations of ``heun`` over a schedule of ``num_steps`` that ends at 0."""
    return 2 * num_steps - 1


def inpaint(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    known: Tensor,
    is_known: Tensor,
    draw: Callable[[], Tensor],
) -> Tensor:
    """Heun steps with the known frames re-noised before each (Lugmayr et al. 2022).

    Args:
        denoise: The denoiser with its conditions bound.
        x: Latents at ``sigmas[0]``, [B, C, T].
        sigmas: Descending levels with a final 0.
        known: Clean latents where they are known, [B, C, T].
        is_known: 1 where ``known`` holds, [B, 1, T].
        draw: Unit noise for the known frames, [B, C, T], anew at each call.

    Returns:
        Clean latents, [B, C, T]; known frames are returned as they were given.
    """
    for pair in itertools.pairwise(sigmas):
        x = torch.where(is_known > 0, known + pair[0] * draw(), x)
        x = heun(denoise, x, torch.stack(pair))
    return torch.where(is_known > 0, known, x)


def consistency(
    denoise: Denoise, x: Tensor, sigmas: Tensor, floor: float, draw: Callable[[], Tensor]
) -> Tensor:
    """Multistep consistency sampling (Song et al. 2023, Algorithm 1), one evaluation a level.

    Args:
        denoise: A consistency model: any point of a trajectory to its end.
        x: Latents at ``sigmas[0]``, [B, C, T].
        sigmas: Descending levels with a final 0.
        floor: Level of the clean latents, at which the model is the identity.
        draw: Unit noise, [B, C, T], anew at each call.

    Returns:
        Clean latents, [B, C, T].
    """
    for sigma, sigma_next in itertools.pairwise(sigmas):
        x = denoise(x, sigma.expand(x.shape[0]))
        if sigma_next > floor:
            x = x + (sigma_next**2 - floor**2).sqrt() * draw()
    return x
