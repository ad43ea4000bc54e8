"""The baseline of every table: the source system's way at our size.

A bidirectional window; the context, masked from where it was not heard, is concatenated to the
noisy target; the known past enters by inpainting at inference only; no beats, no prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from accomptk.checkpoint import file_sha256, load_tensors
from accomptk.conditions.prompts import Vocabulary
from accomptk.conditions.sounds import SoundBank
from accomptk.diffusion.accompanist import Sampling
from accomptk.diffusion.denoiser import Denoiser
from accomptk.diffusion.excerpts import Sampler
from accomptk.diffusion.noise import Noise, gaussian
from accomptk.diffusion.samplers import Denoise, heun_evaluations, inpaint
from accomptk.diffusion.teacher import SamplingRecipe, Size
from accomptk.diffusion.transformer import (
    Blocks,
    Conditions,
    append,
    fourier,
    repeat,
    rotate,
    turns,
)
from accomptk.recipe import parse_recipe
from accomptk.stems.instruments import INSTRUMENTS
from accomptk.training import Optim
from accomptk.window import Chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class AStyleRecipe:
    """recipes/*/a-style.toml; ``masked`` lists how many last context frames training hides."""

    seed: int
    frames: int
    masked: tuple[int, ...]
    size: Size
    noise: Noise
    optim: Optim
    sampling: SamplingRecipe


class WindowTransformer(nn.Module):
    """F over a whole window: context concatenated to the noisy target, all frames see all.

    Args:
        channels: Latent channels C.
        size: Width, depth and heads.
    """

    def __init__(self, channels: int, size: Size) -> None:
        super().__init__()
        self.width = size.width
        self.inward = nn.Linear(2 * channels + 1, size.width)
        self.instrument = nn.Embedding(len(INSTRUMENTS), size.width)
        self.sigma = nn.Sequential(
            nn.Linear(64, size.width), nn.SiLU(), nn.Linear(size.width, size.width)
        )
        self.modulation = nn.Linear(size.width, 6 * size.width)
        self.head = size.width // size.heads
        self.blocks = Blocks(size.depth, size.width, size.heads)
        self.norm_out = nn.LayerNorm(size.width, elementwise_affine=False)
        self.out = nn.Linear(size.width, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, x: Tensor, c_noise: Tensor, context: Tensor, is_heard: Tensor, instrument: Tensor
    ) -> Tensor:
        """F of a window.

        Args:
            x: Scaled noisy target, [B, C, T].
            c_noise: EDM's noise input, [B, T].
            context: Context latents, [B, C, T]; frames that were not heard do not count.
            is_heard: 1 where the context was heard, [B, 1, T].
            instrument: Index into INSTRUMENTS, [B].

        Returns:
            [B, C, T].
        """
        inputs = torch.cat([x, context * is_heard, is_heard], 1)
        tokens = self.inward(inputs.transpose(1, 2))
        condition = self.sigma(fourier(c_noise)) + self.instrument(instrument).unsqueeze(1)
        modulation = self.modulation(silu(condition)).unflatten(-1, (6, self.width))
        by = turns(torch.arange(x.shape[2]), self.head)
        for block in self.blocks:
            table = modulation + block.offsets
            q, k, v = block.qkv(tokens, table)
            attended = scaled_dot_product_attention(rotate(q, by), rotate(k, by), v)
            tokens = block.finish(tokens, attended, table)
        emitted: Tensor = self.out(self.norm_out(tokens))
        return emitted.transpose(1, 2)


def build_a_style(recipe: AStyleRecipe, channels: int) -> Denoiser:
    """A denoiser with fresh weights; call it under a forked, seeded RNG."""
    return Denoiser(WindowTransformer(channels, recipe.size), recipe.noise.sigma_data)


def a_style_loss(
    denoiser: Denoiser,
    sampler: Sampler,
    recipe: AStyleRecipe,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> Tensor:
    """Denoising loss over the full window, the end of the context masked."""
    device = next(denoiser.parameters()).device
    target, context, instrument = (
        part.to(device) for part in sampler.windows(recipe.optim.batch, recipe.frames, rng)
    )
    hidden = rng.choice(recipe.masked, recipe.optim.batch)
    heard = torch.from_numpy(recipe.frames - hidden)
    is_heard = (torch.arange(recipe.frames) < heard[:, None]).to(target).unsqueeze(1)
    sigma = recipe.noise.draw((recipe.optim.batch,), generator).to(device)
    x = target + sigma[:, None, None] * torch.randn(target.shape, generator=generator).to(device)
    denoised = denoiser(x, sigma, context, is_heard, instrument)
    error = (denoised - target).square().mean((1, 2)) * recipe.noise.weight(sigma)
    loss: Tensor = error.mean()
    return loss


@dataclass(slots=True)
class Memory:
    """The last frames heard and made, and where they end; latents [B, C, n] or None."""

    context: Tensor | None = None
    heard: int = 0
    made: Tensor | None = None
    end: int = 0


class AStyle:
    """The trained baseline as an ``Accompanist``.

    Args:
        path: Checkpoint of kind ``a_style``.
        device: Where it computes; what it is given and returns is on the CPU.
    """

    hears_beats = False

    def __init__(self, path: Path, device: torch.device | None = None) -> None:
        tensors, header = load_tensors(path, "a_style")
        recipe = parse_recipe(header.recipe, AStyleRecipe, str(path))
        self.name, self.sha8 = "a_style", file_sha256(path)[:8]
        self.space = header.extra["space"]
        self.vocabulary, self.sounds = Vocabulary(()), SoundBank()
        self.channels, self.frames = header.extra["channels"], recipe.frames
        self.noise = recipe.noise
        self.sampling = Sampling(recipe.sampling.num_steps, recipe.sampling.guidance)
        self.denoiser = build_a_style(recipe, self.channels)
        self.denoiser.load_state_dict(tensors)
        self.device = device or torch.device("cpu")
        self.denoiser.to(self.device).eval().requires_grad_(False)

    def open(self) -> Memory:
        """A memory that has heard and made nothing."""
        return Memory()

    def hear(self, memory: Memory, latents: Tensor) -> None:
        """Add context frames [Bc, C, n]; the last ``frames`` are kept."""
        memory.context = append(memory.context, latents, self.frames)
        memory.heard += latents.shape[2]

    def evaluations(self, sampling: Sampling) -> int:
        """NFE of one chunk."""
        return heun_evaluations(sampling.num_steps)

    def play(
        self,
        memory: Memory,
        chunk: Chunk,
        conditions: Conditions,
        generators: Sequence[torch.Generator],
        sampling: Sampling,
    ) -> Tensor:
        """Inpaint the window that ends with the chunk and keep the chunk of it."""
        seen = self._see(memory, chunk, conditions)
        sigmas = self.noise.sigmas(sampling.num_steps).to(self.device)

        def draw() -> Tensor:
            return gaussian(generators, *seen.known.shape[1:]).to(self.device)

        x = sampling.temperature * sigmas[0] * draw()
        window = inpaint(self._denoise(seen), x, sigmas, seen.known, seen.is_known, draw)
        latents = window[:, :, -chunk.hop :].cpu()
        self.remember(memory, chunk, latents, conditions)
        return latents

    def bind(
        self,
        memory: Memory,
        chunk: Chunk,
        conditions: Conditions,
        generators: Sequence[torch.Generator],
        guidance: float = 1.0,
    ) -> Denoise:
        """The denoiser of one chunk by outpainting: the window before it is noised alike.

        Its noise is drawn here, once, so that the chunk follows an ordinary differential equation.
        """
        seen = self._see(memory, chunk, conditions)
        noise = gaussian(generators, *seen.known.shape[1:]).to(self.device)
        before, denoise = seen.known.shape[2] - chunk.hop, self._denoise(seen)

        def denoise_chunk(x: Tensor, sigma: Tensor) -> Tensor:
            window = seen.known + sigma.reshape(-1, 1, 1) * noise
            return denoise(torch.cat([window[:, :, :before], x], 2), sigma)[:, :, before:]

        return denoise_chunk

    def remember(
        self, memory: Memory, chunk: Chunk, latents: Tensor, conditions: Conditions
    ) -> None:
        """Keep what was made, [B, C, hop]; the last ``frames`` of it."""
        memory.made, memory.end = append(memory.made, latents.cpu(), self.frames), chunk.end

    def _denoise(self, seen: "_Seen") -> Denoise:
        return lambda x, sigma: self.denoiser(
            x, sigma, seen.context, seen.is_heard, seen.instrument
        )

    def _see(self, memory: Memory, chunk: Chunk, conditions: Conditions) -> "_Seen":
        first = max(chunk.end - self.frames, 0)
        shape = (len(conditions.instrument), self.channels, chunk.end - first)
        heard = memory.context if chunk.heard > 0 else None
        parts = (
            *_place(heard, memory.heard, first, shape),
            *_place(memory.made, memory.end, first, shape),
            conditions.instrument,
        )
        return _Seen(*(part.to(self.device) for part in parts))


class _Seen(NamedTuple):
    """The window that ends with a chunk, its frames [B, ., T]."""

    context: Tensor
    is_heard: Tensor
    known: Tensor
    is_known: Tensor
    instrument: Tensor


def _place(
    latents: Tensor | None, end: int, first: int, shape: tuple[int, int, int]
) -> tuple[Tensor, Tensor]:
    """Latents that end at frame ``end`` laid into a window from ``first``, and where they lie."""
    laid, where = torch.zeros(shape), torch.zeros(shape[0], 1, shape[2])
    if latents is not None:
        count = min(end - first, latents.shape[2], shape[2])
        if count > 0:
            stop = end - first
            part = repeat(latents[:, :, -count:], shape[0] // latents.shape[0])
            laid[:, :, stop - count : stop] = part
            where[:, :, stop - count : stop] = 1
    return laid, where
