"""The teacher: EDM training of the stream transformer, and the chunks it plays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from accomptk.checkpoint import file_sha256, load_tensors
from accomptk.conditions.bars import bar_frames
from accomptk.conditions.grid import BeatNoise
from accomptk.conditions.prompts import Vocabulary
from accomptk.conditions.repetition import expected
from accomptk.conditions.sounds import SoundBank
from accomptk.diffusion.accompanist import Sampling
from accomptk.diffusion.adapters import AdapterRecipe
from accomptk.diffusion.denoiser import Denoiser
from accomptk.diffusion.excerpts import Batch, Drops, Geometry
from accomptk.diffusion.noise import Noise, gaussian
from accomptk.diffusion.samplers import Denoise, heun, heun_evaluations
from accomptk.diffusion.transformer import Cache, Conditions, Past, StreamTransformer, repeat
from accomptk.recipe import parse_recipe
from accomptk.stems.instruments import INSTRUMENTS
from accomptk.training import Optim
from accomptk.window import Chunk

SOUND_INPUT = "net.sound.weight"

FORGETS_FRAMES = 144
"""After so many a stream forgets what it played (12 s, twice the reach of attention). Each chunk
that goes on from the ones before adds its errors to theirs: a stream of minutes drifted ever
further from the sound of its instrument, and one that forgets does not (results/LOG.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Size of a transformer; ``words`` is how many words of the captions it learns."""

    width: int
    depth: int
    heads: int
    words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRecipe:
    """Default sampling of the trained model."""

    num_steps: int
    guidance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherRecipe:
    """recipes/*/teacher.toml.

    ``history_noise`` is the largest noise level added to the history in training: a stream
    conditions on its own, imperfect past. Each excerpt is noised ``draws`` times a step.
    ``adapter`` is what is trained of a teacher that exists; without it, all of it is.
    """

    seed: int
    history_noise: float
    draws: int
    size: Size
    noise: Noise
    geometry: Geometry
    drops: Drops
    beat_noise: BeatNoise
    optim: Optim
    sampling: SamplingRecipe
    adapter: AdapterRecipe | None = None


def build_teacher(recipe: TeacherRecipe, channels: int, words: int) -> Denoiser:
    """A denoiser with fresh weights; call it under a forked, seeded RNG."""
    net = StreamTransformer(
        channels=channels,
        width=recipe.size.width,
        depth=recipe.size.depth,
        heads=recipe.size.heads,
        frames=recipe.geometry.frames,
        instruments=len(INSTRUMENTS),
        words=words,
    )
    return Denoiser(net, recipe.noise.sigma_data)


def fill(denoiser: Denoiser, weights: Mapping[str, Tensor]) -> None:
    """Load weights; those of a teacher older than sounds lack that input, and ignore it."""
    new = {name: part for name, part in denoiser.state_dict().items() if name == SOUND_INPUT}
    denoiser.load_state_dict({**new, **weights})


def teacher_loss(
    denoiser: Denoiser, batch: Batch, recipe: TeacherRecipe, generator: torch.Generator
) -> Tensor:
    """Denoising loss over all chunks of the excerpts (Karras et al. 2022, eq. 108).

    Each chunk has a noise level of its own in each of the ``draws``, which share the towers'
    work; frames outside the chunks do not count.
    """
    shape, device = batch.target.shape, batch.target.device
    target, start = repeat(batch.target, recipe.draws), repeat(batch.layout.start, recipe.draws)
    levels = recipe.noise.draw((len(target), shape[2]), generator).to(device)
    sigma = levels.gather(1, start.clamp(min=0))
    x = target + sigma.unsqueeze(1) * torch.randn(target.shape, generator=generator).to(device)
    spread = recipe.history_noise * torch.rand((shape[0], 1, 1), generator=generator)
    history = batch.target + (spread * torch.randn(shape, generator=generator)).to(device)
    denoised = denoiser(x, sigma, batch.context, history, batch.layout, batch.conditions)
    error = (denoised - target).square().mean(1) * recipe.noise.weight(sigma)
    is_made = repeat(batch.is_made, recipe.draws)
    loss: Tensor = (error * is_made).sum() / is_made.sum()
    return loss


@dataclass(slots=True)
class Memory:
    """What a stream has heard and played, as keys and values.

    Args:
        context: What was heard.
        history: What was played.
        unread: The last chunk [B, C, hop] and its instrument, as long as the history lacks it.
        begun: Start of the first chunk of the history; None before there is one.
    """

    context: Cache = field(default_factory=Cache)
    history: Cache = field(default_factory=Cache)
    unread: tuple[Tensor, Tensor] | None = None
    begun: int | None = None


class Teacher:
    """A trained teacher as an ``Accompanist``.

    Args:
        path: Checkpoint of kind ``teacher``, or of a student that holds its whole network.
        device: Where it computes; what it is given and returns is on the CPU.
        kind: Which of them.
    """

    hears_beats = True

    def __init__(
        self, path: Path, device: torch.device | None = None, kind: str = "teacher"
    ) -> None:
        tensors, header = load_tensors(path, kind)
        own = header.recipe if kind == "teacher" else header.extra["teacher_recipe"]
        recipe = parse_recipe(own, TeacherRecipe, str(path))
        self.name, self.sha8 = "teacher", file_sha256(path)[:8]
        self.space = header.extra["space"]
        self.vocabulary = Vocabulary(tuple(header.extra["words"]))
        self.sounds = SoundBank.of_json(header.extra.get("sounds"))
        self.channels, self.frames = header.extra["channels"], recipe.geometry.frames
        self.noise = recipe.noise
        self.sampling = Sampling(recipe.sampling.num_steps, recipe.sampling.guidance)
        self.denoiser = build_teacher(recipe, self.channels, len(self.vocabulary.words))
        fill(self.denoiser, tensors)
        self.device = device or torch.device("cpu")
        self.denoiser.to(self.device).eval().requires_grad_(False)

    @property
    def net(self) -> StreamTransformer:
        """The network inside the denoiser."""
        net = self.denoiser.net
        assert isinstance(net, StreamTransformer)
        return net

    def open(self) -> Memory:
        """A memory that has heard and played nothing."""
        return Memory()

    def hear(self, memory: Memory, latents: Tensor) -> None:
        """Add context frames [Bc, C, n]."""
        self._read(memory)
        self.net.extend_context(memory.context, latents.to(self.device))

    def evaluations(self, sampling: Sampling) -> int:
        """NFE of one chunk; guidance doubles the forward passes, not the evaluations."""
        return heun_evaluations(sampling.num_steps)

    def play(
        self,
        memory: Memory,
        chunk: Chunk,
        conditions: Conditions,
        generators: Sequence[torch.Generator],
        sampling: Sampling,
    ) -> Tensor:
        """Sample a chunk with Heun's method and add it to the history."""
        self.forget(memory, chunk, conditions.beats)
        conditions = conditions.to(self.device)
        sigmas = self.noise.sigmas(sampling.num_steps).to(self.device)
        noise = gaussian(generators, self.channels, chunk.hop).to(self.device)
        hearing = self.anticipate(memory, chunk, conditions.beats, sampling)
        denoise = self.bind(*hearing, conditions, generators, sampling.guidance)
        latents = heun(denoise, sampling.temperature * sigmas[0] * noise, sigmas)
        self.remember(memory, chunk, latents, conditions)
        return latents.cpu()

    def bind(
        self,
        memory: Memory,
        chunk: Chunk,
        conditions: Conditions,
        generators: Sequence[torch.Generator],
        guidance: float = 1.0,
    ) -> Denoise:
        """The denoiser of one chunk, everything but the noisy latents given; draws nothing."""
        self._read(memory)
        context = memory.context if chunk.heard > 0 else Cache()
        steering = conditions.to(self.device)
        past = self.net.recall(context, memory.history, chunk, steering.beats)
        deaf = None
        if guidance != 1:
            unheard = Chunk(0, chunk.start, chunk.end)
            no_beats = torch.zeros_like(steering.beats)
            deaf = self.net.recall(Cache(), memory.history, unheard, no_beats)
        return _Step(self.denoiser, self.net, past, deaf, steering, guidance).denoise

    def anticipate(
        self, memory: Memory, chunk: Chunk, beats: Tensor, sampling: Sampling
    ) -> tuple[Memory, Chunk]:
        """A memory that also heard what the context is expected to do until the chunk ends.

        It goes with a chunk that has heard so much, and is of use for this one chunk.

        Args:
            memory: What was heard and played.
            chunk: The chunk.
            beats: Its beat rows, [B, BEAT_FEATURES, hop].
            sampling: Whether to.
        """
        context, missing = memory.context, chunk.end - chunk.heard
        hears = chunk.heard > 0 and sampling.anticipates
        if context.latents is None or not hears or missing <= 0:
            return memory, chunk
        self._read(memory)
        each = len(beats) // len(context.latents)
        bars = bar_frames(beats[::each], torch.zeros_like(beats[::each, 0], dtype=torch.long))
        hearing = Cache(context.end, list(context.blocks), context.latents)
        self.net.extend_context(hearing, expected(context.latents, bars[:, 0], missing))
        return replace(memory, context=hearing), replace(chunk, heard=chunk.end)

    def forget(self, memory: Memory, chunk: Chunk, beats: Tensor) -> None:
        """Begin the history anew once it is ``FORGETS_FRAMES`` long; what was heard stays.

        A stream that neither hears nor knows a beat keeps its history: it has no other tempo.
        """
        if memory.begun is None:
            memory.begun = chunk.start
        has_tempo = chunk.heard > 0 or bool(beats.any())
        if has_tempo and chunk.start - memory.begun >= FORGETS_FRAMES:
            memory.history, memory.unread, memory.begun = Cache(), None, chunk.start

    def remember(
        self, memory: Memory, chunk: Chunk, latents: Tensor, conditions: Conditions
    ) -> None:
        """Keep what was played, [B, C, hop]; the history tower reads it once the chunk is out."""
        if not memory.history.blocks:
            memory.history.end = chunk.start
        memory.unread = latents.to(self.device), conditions.instrument.to(self.device)

    def _read(self, memory: Memory) -> None:
        if memory.unread is not None:
            self.net.extend_history(memory.history, *memory.unread)
            memory.unread = None


@dataclass(frozen=True, slots=True)
class _Step:
    """One chunk's denoiser with its conditions bound; ``deaf`` is its past without context."""

    denoiser: Denoiser
    net: StreamTransformer
    past: Past
    deaf: Past | None
    conditions: Conditions
    guidance: float

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Denoised latents [B, C, hop], guided (Ho & Salimans 2022, eq. 6) where asked for."""
        informed = self._denoise(x, sigma, self.past, self.conditions)
        if self.deaf is None:
            return informed
        words, frames = self.conditions.prompt.shape[1], x.shape[2]
        free = Conditions.free(self.conditions.instrument, words, frames)
        alone = self._denoise(x, sigma, self.deaf, free)
        return alone + self.guidance * (informed - alone)

    def _denoise(self, x: Tensor, sigma: Tensor, past: Past, conditions: Conditions) -> Tensor:
        return self.denoiser.precondition(
            lambda scaled, c_noise: self.net.play(scaled, c_noise, past, conditions), x, sigma
        )
