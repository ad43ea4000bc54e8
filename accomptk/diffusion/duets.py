"""Duets: a teacher plays a soloist from words alone, then an accompanist that hears the soloist.

So a student learns to listen although there is no recording anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accomptk.conditions.controls import CONTROLS, control_rows
from accomptk.conditions.grid import BeatNoise, chunk_features
from accomptk.conditions.harmony import heard_harmony
from accomptk.conditions.prompts import Vocabulary
from accomptk.diffusion.briefs import Brief
from accomptk.diffusion.excerpts import Geometry, chunks_of
from accomptk.diffusion.noise import Noise
from accomptk.diffusion.samplers import heun_states
from accomptk.diffusion.trajectories import ChunkDenoiser, Plan, Trajectories, play_through
from accomptk.diffusion.transformer import Conditions
from accomptk.errors import RecipeError
from accomptk.latents.chroma import ChromaListener
from accomptk.latents.codec import Codec, decode
from accomptk.run import derive_seed, numpy_generator
from accomptk.stems.instruments import INSTRUMENTS
from accomptk.window import Chunk

Floats = NDArray[np.float32]
Role = Literal["soloist", "accompanist"]
ROLES: tuple[Role, Role] = ("soloist", "accompanist")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """Probability with which a stream is not told a condition."""

    prompt: float
    beats: float
    harmony: float
    controls: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthRecipe:
    """recipes/*/synth.toml.

    Args:
        seed: Root of all random numbers.
        streams: Duets, each of a condition tuple of its own.
        group: Duets that share hop and gap, and a shard.
        num_steps: Steps of the teacher's solver.
        guidance: Weight of its conditions (Ho & Salimans 2022); the student learns the result.
        sigma_max: Where trajectories start.
        geometry: ``excerpt`` is the length of a stream, ``cold`` the share of accompanists that
            know no beat from before their stream.
        withheld: What streams are not told.
        beat_noise: Errors of the accompanists' beats.
    """

    seed: int
    streams: int
    group: int
    num_steps: int
    guidance: float
    sigma_max: float
    geometry: Geometry
    withheld: Withheld
    beat_noise: BeatNoise

    def levels(self, noise: Noise) -> Tensor:
        """Noise levels of the states of a trajectory, descending to 0, [num_steps + 1]."""
        return replace(noise, sigma_max=self.sigma_max).sigmas(self.num_steps)

    def stream_seed(self, role: Role, index: int) -> int:
        """Root of the noise of one role of a duet."""
        return derive_seed(self.seed, role, index)


@torch.no_grad()
def play_duets(
    teacher: ChunkDenoiser,
    codec: Codec,
    recipe: SynthRecipe,
    briefs: Sequence[Brief],
    first: int,
) -> dict[Role, Trajectories]:
    """Both roles of consecutive duets of one group.

    Args:
        teacher: Who plays both.
        codec: Through which the accompanists' harmony is heard.
        recipe: How.
        briefs: What is asked of each duet.
        first: Number of the first duet.

    Raises:
        RecipeError: If the teacher's reach is not the recipe's.
    """
    if recipe.geometry.frames != teacher.frames:
        raise RecipeError(
            f"[geometry] frames = {recipe.geometry.frames}: model '{teacher.name}' reaches "
            f"{teacher.frames} frames; set that"
        )
    alone, along = _chunks(recipe, first // recipe.group)
    silence = torch.zeros(len(briefs), teacher.channels, alone[-1].end)
    asked = partial(_asked, recipe, teacher.vocabulary, briefs, first)
    solo = _play(teacher, recipe, "soloist", Plan(alone, silence, asked("soloist", alone)), first)
    heard = solo.endpoint[:, :, : along[-1].end]
    plan = Plan(along, heard, asked("accompanist", along))
    _lay_harmony(plan, codec, recipe, first)
    return {"soloist": solo, "accompanist": _play(teacher, recipe, "accompanist", plan, first)}


def _play(
    teacher: ChunkDenoiser, recipe: SynthRecipe, role: Role, plan: Plan, first: int
) -> Trajectories:
    sigmas = recipe.levels(teacher.noise).to(teacher.device)
    states = play_through(
        teacher,
        plan,
        [recipe.stream_seed(role, first + index) for index in range(len(plan.context))],
        partial(heun_states, sigmas=sigmas),
        sigma_max=recipe.sigma_max,
        guidance=recipe.guidance,
    )
    return Trajectories(plan, states.cpu())


def _chunks(recipe: SynthRecipe, group: int) -> tuple[tuple[Chunk, ...], tuple[Chunk, ...]]:
    """The chunks of both roles; the soloist's cover all that the accompanist hears."""
    rng = numpy_generator(recipe.seed, "window", group)
    window = recipe.geometry.window(rng)
    heard = int(rng.integers(1, window.hop + 1))
    along = tuple(chunks_of(window, heard, recipe.geometry.excerpt))
    starts = range(0, along[-1].end, window.hop)
    return tuple(Chunk(0, start, start + window.hop) for start in starts), along


def _asked(
    recipe: SynthRecipe,
    vocabulary: Vocabulary,
    briefs: Sequence[Brief],
    first: int,
    role: Role,
    chunks: Sequence[Chunk],
) -> Conditions:
    """What one role of each duet is told before a note is played."""
    which = [INSTRUMENTS.index(brief.players[ROLES.index(role)]) for brief in briefs]
    asked = Conditions.free(torch.tensor(which), len(vocabulary.words), chunks[-1].end)
    begin = chunks[0].start
    for index, brief in enumerate(briefs):
        rng = numpy_generator(recipe.seed, f"asked/{role}", first + index)
        if rng.random() >= recipe.withheld.prompt:
            asked.prompt[index] = torch.from_numpy(vocabulary.vector(brief.prompt))
        if rng.random() >= recipe.withheld.beats:
            beats = _beats(recipe, role, brief, chunks, rng)
            asked.beats[index, :, begin:] = torch.from_numpy(beats)
        if rng.random() >= recipe.withheld.controls:
            asked.controls[index, :, begin:] = torch.from_numpy(_controls(chunks, rng))
    return asked


def _beats(
    recipe: SynthRecipe, role: Role, brief: Brief, chunks: Sequence[Chunk], rng: np.random.Generator
) -> Floats:
    """Beat rows of all chunks; a soloist, which hears nothing, plays to a click."""
    beats, downbeats = brief.beats, brief.downbeats
    noise, known = recipe.beat_noise, [chunk.heard for chunk in chunks]
    if role == "soloist":
        noise, known = BeatNoise(), [chunk.start for chunk in chunks]
    elif rng.random() < recipe.geometry.cold:
        beats, downbeats = beats[beats >= 0], downbeats[downbeats >= 0]
    edges = ([chunk.start for chunk in chunks], [chunk.end for chunk in chunks])
    return chunk_features(beats, downbeats, known, *edges, noise=noise, rng=rng)


def _controls(chunks: Sequence[Chunk], rng: np.random.Generator) -> Floats:
    """Some controls turned at random, and turned once more at some chunk."""
    edges = [chunks[0].start, int(rng.choice([chunk.end for chunk in chunks])), chunks[-1].end]
    rows = [control_rows(_turn(rng), last - first) for first, last in pairwise(edges)]
    return np.concatenate(rows, 1)


def _turn(rng: np.random.Generator) -> dict[str, float]:
    return {name: float(rng.uniform(-1, 1)) for name in CONTROLS if rng.random() < 0.5}


def _lay_harmony(plan: Plan, codec: Codec, recipe: SynthRecipe, first: int) -> None:
    """Write the harmony rows of those accompanists that are told what their soloist plays."""
    told = [
        index
        for index in range(len(plan.context))
        if numpy_generator(recipe.seed, "harmony", first + index).random()
        >= recipe.withheld.harmony
    ]
    if not told:
        return
    for index, wav in zip(told, decode(codec, plan.context[told])[:, 0].numpy(), strict=True):
        listener = ChromaListener(codec.frame_samples)
        listener.hear(wav)
        for chunk in plan.chunks:
            made = (index, slice(None), slice(chunk.start, chunk.end))
            beats = plan.conditions.beats[made].numpy()
            plan.conditions.harmony[made] = torch.from_numpy(heard_harmony(listener, chunk, beats))
