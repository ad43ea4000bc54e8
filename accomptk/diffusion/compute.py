"""The compute ledger: what a training step of a recipe costs on this machine."""

import time
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from accomptk.conditions.prompts import Vocabulary
from accomptk.diffusion.excerpts import ExcerptSampler
from accomptk.diffusion.teacher import Size, TeacherRecipe, build_teacher, teacher_loss
from accomptk.latents.chroma import PITCH_CLASSES
from accomptk.latents.shards import SongLatents
from accomptk.latents.traits import TRAITS
from accomptk.run import generator, numpy_generator
from accomptk.stems.instruments import INSTRUMENTS

SIZES = {
    "small": Size(width=192, depth=4, heads=4, words=160),
    "pocket": Size(width=256, depth=6, heads=4, words=160),
    "large": Size(width=320, depth=6, heads=5, words=160),
}
"""The three sizes that were weighed for this machine; recipes/pocket uses the second."""

SECONDS = 60
SONGS = 4
WARM_STEPS = 1


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one size.

    Args:
        name: Its name.
        parameters: Trainable numbers.
        gflop_per_step: Matrix products and attention, forward and backward.
        s_per_step: Median wall time of a step of ``batch`` excerpts.
        batch: Excerpts a step.
        steps_per_hour: What an hour buys.
        excerpts_per_hour: The same in excerpts.
    """

    name: str
    parameters: int
    gflop_per_step: float
    s_per_step: float
    batch: int
    steps_per_hour: int
    excerpts_per_hour: int


def measure(recipe: TeacherRecipe, channels: int, steps: int = 3) -> list[Cost]:
    """Time full training steps of three sizes on random latents.

    Args:
        recipe: Geometry and batch of the teacher.
        channels: Latent channels.
        steps: Timed steps a size.
    """
    return [
        _measure_size(name, replace(recipe, size=size), channels, steps)
        for name, size in SIZES.items()
    ]


def _measure_size(name: str, recipe: TeacherRecipe, channels: int, steps: int) -> Cost:
    vocabulary = Vocabulary(tuple(f"word{index}" for index in range(recipe.size.words)))
    sampler = ExcerptSampler(
        [_random_song(index, channels) for index in range(SONGS)],
        vocabulary,
        recipe.geometry,
        recipe.drops,
        recipe.beat_noise,
    )
    denoiser = build_teacher(recipe, channels, recipe.size.words)
    optimizer = torch.optim.AdamW(denoiser.parameters(), lr=recipe.optim.lr)
    times = []
    for step in range(WARM_STEPS + steps):
        began = time.perf_counter()
        batch = sampler.batch(recipe.optim.batch, numpy_generator(0, "batch", step))
        with recipe.optim.arithmetic(torch.device("cpu")):
            loss = teacher_loss(denoiser, batch, recipe, generator(0, "noise", step))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        times.append(time.perf_counter() - began)
    seconds = float(np.median(times[WARM_STEPS:]))
    return Cost(
        name=name,
        parameters=sum(parameter.numel() for parameter in denoiser.parameters()),
        gflop_per_step=_count_flop(denoiser, sampler, recipe) / 1e9,
        s_per_step=seconds,
        batch=recipe.optim.batch,
        steps_per_hour=int(3600 / seconds),
        excerpts_per_hour=int(3600 * recipe.optim.batch / seconds),
    )


def _count_flop(denoiser: torch.nn.Module, sampler: ExcerptSampler, recipe: TeacherRecipe) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    batch = sampler.batch(recipe.optim.batch, numpy_generator(0, "batch"))
    with FlopCounterMode(display=False) as counter:
        loss = teacher_loss(denoiser, batch, recipe, generator(0, "noise"))  # type: ignore[arg-type]
        loss.backward()  # type: ignore[no-untyped-call]
    return float(counter.get_total_flops())


def _random_song(index: int, channels: int) -> SongLatents:
    """A song of noise: the cost of a step does not depend on the music."""
    rng = numpy_generator(0, "song", index)
    frames, stems = 12 * SECONDS, INSTRUMENTS
    beats = np.arange(0, SECONDS, 0.5)
    return SongLatents(
        track=f"noise-{index}",
        stems=stems,
        instruments=stems,
        latents=rng.standard_normal((len(stems), channels, frames)).astype(np.float16),
        contexts=tuple(tuple(other for other in stems if other != stem) for stem in stems),
        context_latents=rng.standard_normal((len(stems), channels, frames)).astype(np.float16),
        context_chroma=rng.random((len(stems), PITCH_CLASSES, frames)).astype(np.float16),
        traits=rng.standard_normal((len(stems), len(TRAITS), frames)).astype(np.float16),
        rms_db=(-20.0,) * len(stems),
        active=(((0.0, float(SECONDS)),),) * len(stems),
        seconds=float(SECONDS),
        beats=beats,
        downbeats=beats[::4],
        meter=4,
        chords=(),
        prompt="word1 word2",
    )


def to_rows(costs: list[Cost]) -> list[dict[str, float | int | str]]:
    """Costs as plain mappings for a table."""
    return [asdict(cost) for cost in costs]
