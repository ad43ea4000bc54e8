"""Bands: a teacher plays a soloist from words alone, then players who join one after another.

Each hears all who joined before, so a student learns to listen although there is no recording
anywhere. Two players make a duet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from accomptk.conditions.controls import CONTROLS, control_rows
from accomptk.conditions.grid import BeatNoise, chunk_features
from accomptk.conditions.harmony import heard_harmony
from accomptk.diffusion.briefs import Brief
from accomptk.diffusion.excerpts import Geometry, chunks_of
from accomptk.diffusion.noise import Noise
from accomptk.diffusion.samplers import heun_states
from accomptk.diffusion.trajectories import ChunkDenoiser, Plan, Trajectories, play_through
from accomptk.diffusion.transformer import Conditions
from accomptk.errors import RecipeError
from accomptk.latents.chroma import ChromaListener
from accomptk.latents.codec import Codec, decode, encode
from accomptk.run import derive_seed, numpy_generator
from accomptk.stems.instruments import INSTRUMENTS
from accomptk.window import Chunk

Floats = NDArray[np.float32]


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
        streams: Bands, each of a condition tuple of its own.
        group: Bands that share hop and gap, and a shard.
        players: Of a band; the first hears nothing, each other one all before it.
        num_steps: Steps of the teacher's solver.
        guidance: Weight of its conditions (Ho & Salimans 2022); the student learns the result.
        sigma_max: Where trajectories start.
        geometry: ``excerpt`` is the length of a stream, ``cold`` the share of players that know no
            beat from before it.
        withheld: What streams are not told.
        beat_noise: Errors of the beats of those who listen.
    """

    seed: int
    streams: int
    group: int
    players: int
    num_steps: int
    guidance: float
    sigma_max: float
    geometry: Geometry
    withheld: Withheld
    beat_noise: BeatNoise

    def levels(self, noise: Noise) -> Tensor:
        """Noise levels of the states of a trajectory, descending to 0, [num_steps + 1]."""
        return replace(noise, sigma_max=self.sigma_max).sigmas(self.num_steps)

    def stream_seed(self, player: int, index: int) -> int:
        """Root of the noise of one player of a band."""
        return derive_seed(self.seed, f"player/{player}", index)


@torch.no_grad()
def play_bands(
    teacher: ChunkDenoiser,
    codec: Codec,
    recipe: SynthRecipe,
    briefs: Sequence[Brief],
    first: int,
) -> list[Trajectories]:
    """All players of consecutive bands of one group.

    Args:
        teacher: Who plays them.
        codec: Through which they are mixed, and their harmony is heard.
        recipe: How.
        briefs: What is asked of each band.
        first: Number of the first band.

    Returns:
        One a player.

    Raises:
        RecipeError: If the teacher's reach is not the recipe's.
    """
    if recipe.geometry.frames != teacher.frames:
        raise RecipeError(
            f"[geometry] frames = {recipe.geometry.frames}: model '{teacher.name}' reaches "
            f"{teacher.frames} frames; set that"
        )
    alone, along = _chunks(recipe, first // recipe.group)
    length = along[-1].end
    asked = partial(_asked, recipe, teacher, briefs, first)
    silence = torch.zeros(len(briefs), teacher.channels, alone[-1].end)
    played = [_play(teacher, recipe, 0, Plan(alone, silence, asked(0, alone)), first)]
    heard, wav = played[0].endpoint[:, :, :length], _sound(codec, played[0], length)
    for player in range(1, recipe.players):
        plan = Plan(along, heard, asked(player, along))
        _lay_harmony(plan, wav, codec.frame_samples, recipe, first)
        played.append(_play(teacher, recipe, player, plan, first))
        if player + 1 < recipe.players:
            wav = wav + _sound(codec, played[-1], length)
            heard = encode(codec, wav.unsqueeze(1))
    return played


def _play(
    teacher: ChunkDenoiser, recipe: SynthRecipe, player: int, plan: Plan, first: int
) -> Trajectories:
    sigmas = recipe.levels(teacher.noise).to(teacher.device)
    states = play_through(
        teacher,
        plan,
        [recipe.stream_seed(player, first + index) for index in range(len(plan.context))],
        partial(heun_states, sigmas=sigmas),
        sigma_max=recipe.sigma_max,
        guidance=recipe.guidance,
    )
    return Trajectories(plan, states.cpu())


def _sound(codec: Codec, played: Trajectories, length: int) -> Tensor:
    """Audio of the first frames, [B, length * frame_samples]; silent before the first chunk."""
    begin = played.plan.chunks[0].start
    wav = decode(codec, played.endpoint[:, :, begin:length])[:, 0]
    return pad(wav, (begin * codec.frame_samples, 0))


def _chunks(recipe: SynthRecipe, group: int) -> tuple[tuple[Chunk, ...], tuple[Chunk, ...]]:
    """The soloist's chunks, which cover all that is heard, and those of everyone else."""
    rng = numpy_generator(recipe.seed, "window", group)
    window = recipe.geometry.window(rng)
    heard = int(rng.integers(1, window.hop + 1))
    along = tuple(chunks_of(window, heard, recipe.geometry.excerpt))
    starts = range(0, along[-1].end, window.hop)
    return tuple(Chunk(0, start, start + window.hop) for start in starts), along


def _asked(
    recipe: SynthRecipe,
    teacher: ChunkDenoiser,
    briefs: Sequence[Brief],
    first: int,
    player: int,
    chunks: Sequence[Chunk],
) -> Conditions:
    """What one player of each band is told before a note is played."""
    which = [INSTRUMENTS.index(brief.players[player]) for brief in briefs]
    asked = Conditions.free(torch.tensor(which), len(teacher.vocabulary.words), chunks[-1].end)
    begin = chunks[0].start
    for index, brief in enumerate(briefs):
        rng = numpy_generator(recipe.seed, f"asked/{player}", first + index)
        prompt = brief.prompt if rng.random() >= recipe.withheld.prompt else None
        asked.prompt[index] = torch.from_numpy(teacher.vocabulary.vector(prompt))
        seed = recipe.stream_seed(player, first + index)
        sound = teacher.sounds.choose(brief.players[player], prompt, seed)
        asked.sound[index] = torch.from_numpy(sound)
        if rng.random() >= recipe.withheld.beats:
            beats = _beats(recipe, brief, chunks, rng)
            asked.beats[index, :, begin:] = torch.from_numpy(beats)
        if rng.random() >= recipe.withheld.controls:
            asked.controls[index, :, begin:] = torch.from_numpy(_controls(chunks, rng))
    return asked


def _beats(
    recipe: SynthRecipe, brief: Brief, chunks: Sequence[Chunk], rng: np.random.Generator
) -> Floats:
    """Beat rows of all chunks; who hears nothing plays to a click."""
    beats, downbeats = brief.beats, brief.downbeats
    noise, known = recipe.beat_noise, [chunk.heard for chunk in chunks]
    if not any(known):
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


def _lay_harmony(
    plan: Plan, wav: Tensor, frame_samples: int, recipe: SynthRecipe, first: int
) -> None:
    """Write the harmony rows of those that are told what the others play, from audio [B, N]."""
    for index, heard in enumerate(wav.numpy()):
        rng = numpy_generator(recipe.seed, "harmony", first + index)
        if rng.random() < recipe.withheld.harmony:
            continue
        listener = ChromaListener(frame_samples)
        listener.hear(heard)
        for chunk in plan.chunks:
            made = (index, slice(None), slice(chunk.start, chunk.end))
            rows = heard_harmony(listener, chunk, plan.conditions.beats[made].numpy())
            plan.conditions.harmony[made] = torch.from_numpy(rows)
