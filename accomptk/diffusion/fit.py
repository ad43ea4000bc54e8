"""Training runs: from prepared latents and a recipe to a checkpoint that a stream can play."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from accomptk.checkpoint import file_sha256, load_tensors, read_header, save_checkpoint
from accomptk.conditions.grid import BeatNoise
from accomptk.conditions.prompts import Vocabulary
from accomptk.conditions.sounds import SoundBank
from accomptk.diffusion.a_style import AStyleRecipe, a_style_loss, build_a_style
from accomptk.diffusion.adapters import AdapterRecipe, adapt, settle
from accomptk.diffusion.denoiser import Denoiser
from accomptk.diffusion.excerpts import (
    Astray,
    Drops,
    ExcerptSampler,
    Geometry,
    Sampler,
    portraits,
)
from accomptk.diffusion.teacher import TeacherRecipe, build_teacher, fill, teacher_loss
from accomptk.errors import DatasetError, RecipeError
from accomptk.latents.codec import check_space
from accomptk.latents.shards import SongLatents, read_latents
from accomptk.processes import Team
from accomptk.recipe import parse_recipe
from accomptk.run import Run
from accomptk.stems.index import StemSet
from accomptk.training import Optim, Trainer, step_generators

VALIDATE_EVERY = 200
AUDITION_EVERY = 600
VALIDATION_BATCHES = 4

Songs = Literal["train", "valid", "astray"]
"""Training songs, validation songs, or these with each excerpt hearing another's context."""


class Fitting(Protocol):
    """One kind of model being trained: how to build it, its loss, what its header adds."""

    kind: str
    recipe: Any
    space: str
    extra: dict[str, Any]
    adapter: AdapterRecipe | None
    unknown: tuple[str, ...]

    @property
    def optim(self) -> Optim:
        """How it is optimised."""
        ...

    def build(self) -> Denoiser:
        """A denoiser with fresh weights from torch's global RNG, which the caller forks."""
        ...

    def loss(self, denoiser: Denoiser, run: Run, step: int, songs: Songs = "train") -> Tensor:
        """Loss of a step."""
        ...


class TeacherFitting:
    """Trains the teacher on a prepared set.

    Args:
        recipe: What to train.
        data: Prepared set with latents.
        space: Latent space of the codec whose latents are used.
        init: Teacher whose network and words are kept, where training starts from its weights.

    Attributes:
        unknown: Words of the songs that this teacher does not know.

    Raises:
        CodecError: If the set has no latents in this space, or the teacher is of another.
        DatasetError: If none are long enough.
        RecipeError: If there is nothing to adapt.
    """

    kind = "teacher"

    def __init__(
        self, recipe: TeacherRecipe, data: Path, space: str, init: Path | None = None
    ) -> None:
        if init is not None:
            recipe = _of_network(recipe, init, space)
        elif recipe.adapter is not None:
            raise RecipeError("[adapter]: adapts a teacher that exists; give one with --init")
        songs = read_songs(data, space, "train", recipe.geometry.excerpt)
        prompts = [song.prompt for song in songs]
        self.unknown: tuple[str, ...] = ()
        known = SoundBank()
        if init is None:
            vocabulary = Vocabulary.of(prompts, recipe.size.words)
        else:
            extra = read_header(init).extra
            vocabulary = Vocabulary(tuple(extra["words"]))
            known = SoundBank.of_json(extra.get("sounds"))
            unknown = [word for prompt in prompts for word in vocabulary.unknown(prompt)]
            self.unknown = tuple(dict.fromkeys(unknown))
        self.recipe, self.space, self.adapter = recipe, space, recipe.adapter
        bank = known.show(portraits(songs))
        self.words = len(vocabulary.words)
        self.channels = songs[0].latents.shape[1]
        self.extra = {
            "space": space,
            "channels": self.channels,
            "words": list(vocabulary.words),
            "sounds": bank.to_json(),
            "data": StemSet.open(data).index_hash,
        }
        valid = read_songs(data, space, "valid", recipe.geometry.excerpt, needed=False)
        self.samplers = samplers(
            *(
                ExcerptSampler(
                    some,
                    vocabulary,
                    recipe.geometry,
                    recipe.drops,
                    recipe.beat_noise,
                    bank.space,
                )
                for some in (songs, valid or songs)
            )
        )

    @property
    def optim(self) -> Optim:
        """The recipe's."""
        return self.recipe.optim

    def build(self) -> Denoiser:
        """A fresh teacher."""
        return build_teacher(self.recipe, self.channels, self.words)

    def loss(self, denoiser: Denoiser, run: Run, step: int, songs: Songs = "train") -> Tensor:
        """EDM's loss on a batch of excerpts."""
        rng, noise = step_generators(run, step)
        device = next(denoiser.parameters()).device
        batch = self.samplers[songs].batch(self.optim.batch, rng).to(device)
        return teacher_loss(denoiser, batch, self.recipe, noise)


class AStyleFitting:
    """Trains the A-style baseline on the same songs; arguments as ``TeacherFitting``."""

    kind = "a_style"
    adapter: AdapterRecipe | None = None
    unknown: tuple[str, ...] = ()

    def __init__(
        self, recipe: AStyleRecipe, data: Path, space: str, init: Path | None = None
    ) -> None:
        songs = read_songs(data, space, "train", recipe.frames)
        self.recipe, self.space = recipe, space
        self.channels = songs[0].latents.shape[1]
        self.extra = {
            "space": space,
            "channels": self.channels,
            "data": StemSet.open(data).index_hash,
        }
        valid = read_songs(data, space, "valid", recipe.frames, needed=False)
        geometry = Geometry(
            frames=recipe.frames,
            excerpt=recipe.frames,
            hop_min=1,
            hop_max=1,
            gap_max=0,
            ahead_max=1,
            cold=0,
        )
        drops = Drops(context=0, history=0, prompt=1, beats=1, harmony=1, controls=1)
        self.samplers = samplers(
            *(
                ExcerptSampler(some, Vocabulary(()), geometry, drops, BeatNoise())
                for some in (songs, valid or songs)
            )
        )

    @property
    def optim(self) -> Optim:
        """The recipe's."""
        return self.recipe.optim

    def build(self) -> Denoiser:
        """A fresh baseline."""
        return build_a_style(self.recipe, self.channels)

    def loss(self, denoiser: Denoiser, run: Run, step: int, songs: Songs = "train") -> Tensor:
        """EDM's loss on a batch of windows."""
        rng, noise = step_generators(run, step)
        return a_style_loss(denoiser, self.samplers[songs], self.recipe, rng, noise)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of an audition.

    Args:
        scores: Metrics as they are, and their closeness to the anchors.
        sounds: What was made, and what its player heard, each an array [N].
        pictures: Levels of the same over bands and time, 0 to 1, [bands, T], low bands last.
        sample_rate: Of the sounds.
    """

    scores: Mapping[str, float]
    sounds: Mapping[str, Any]
    pictures: Mapping[str, Any]
    sample_rate: int


def fit(
    run: Run,
    fitting: Fitting,
    *,
    init: Path | None = None,
    device: torch.device | None = None,
    minutes: float | None = None,
    team: Team | None = None,
    audition: Callable[[Path], Heard] | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Path:
    """Train in a run folder, or go on with what is there.

    Args:
        run: Folder to write.
        fitting: What to train.
        init: Checkpoint to start from instead of fresh weights.
        device: Where to compute; None for the CPU.
        minutes: Stop soundly after this time; the same command goes on later.
        team: The processes that train it together; None for this one alone.
        audition: Plays with the averaged weights from time to time.
        on_step: Called with step and loss.

    Returns:
        The checkpoint with averaged weights.
    """
    denoiser = begin(run, fitting, init).to(device or torch.device("cpu"))
    parents = {} if init is None else {"init": file_sha256(init)}

    def save(path: Path, weights: dict[str, Tensor], step: int) -> None:
        save_checkpoint(
            path,
            settle(weights, fitting.adapter),
            kind=fitting.kind,
            recipe=fitting.recipe,
            step=step,
            parents=parents,
            extra=fitting.extra,
            half=True,
        )

    trainer = Trainer(run, denoiser, fitting.optim, save, team)

    def report(step: int, loss: float) -> None:
        if step % VALIDATE_EVERY == 0 and trainer.team.leads:
            run.log(step, **validate(fitting, trainer, run))
        if audition and step % AUDITION_EVERY == 0 and trainer.team.leads:
            trainer.checkpoint()
            heard = audition(run.folder / "ema.safetensors")
            run.log(step, **heard.scores)
            run.show(step, heard.sounds, heard.pictures, heard.sample_rate)
        if on_step:
            on_step(step, loss)

    trainer.train(lambda step: fitting.loss(denoiser, run, step), minutes=minutes, on_step=report)
    return run.folder / "ema.safetensors"


def begin(run: Run, fitting: Fitting, init: Path | None = None) -> Denoiser:
    """The model before its first step; what is random of it depends on the run's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.generator("weights").initial_seed())
        denoiser = fitting.build()
        if init is not None:
            fill(denoiser, load_tensors(init, fitting.kind)[0])
        if fitting.adapter is not None:
            adapt(denoiser, fitting.adapter)
        return denoiser


@torch.inference_mode()
def validate(fitting: Fitting, trainer: Trainer, run: Run) -> dict[str, float]:
    """Of the averaged weights, on the same validation batches every time.

    Returns:
        ``valid_loss``; and ``listening``, the share by which it grows when each excerpt hears
        another's context: 0 of a model that does not listen, however low its loss.
    """
    averaged = copy.deepcopy(trainer.model)
    averaged.load_state_dict(trainer.ema)
    assert isinstance(averaged, Denoiser)
    batches = [-1 - index for index in range(VALIDATION_BATCHES)]
    own = sum(fitting.loss(averaged, run, number, "valid").item() for number in batches)
    other = sum(fitting.loss(averaged, run, number, "astray").item() for number in batches)
    return {"valid_loss": own / len(batches), "listening": other / own - 1}


def samplers(train: Sampler, valid: Sampler) -> dict[Songs, Sampler]:
    """What each kind of songs is drawn by."""
    return {"train": train, "valid": valid, "astray": Astray(valid)}


def _of_network(recipe: TeacherRecipe, init: Path, space: str) -> TeacherRecipe:
    """The recipe with the size and the reach of a teacher that exists.

    Raises:
        CheckpointError: If it is no teacher.
        CodecError: If it works in another latent space.
    """
    header = read_header(init, "teacher")
    check_space(str(init), header.extra["space"], space)
    own = parse_recipe(header.recipe, TeacherRecipe, str(init))
    reach = replace(recipe.geometry, frames=own.geometry.frames)
    return replace(recipe, size=own.size, geometry=reach)


def read_songs(
    data: Path, space: str, split: str, frames: int, *, needed: bool = True
) -> list[SongLatents]:
    """Songs of a split that are long enough for an excerpt.

    Raises:
        DatasetError: If they are needed and there are none.
    """
    songs = read_latents(data, space, split)
    long_enough = [song for song in songs if song.latents.shape[2] >= frames]
    if needed and not long_enough:
        raise DatasetError(
            f"{data}: none of {len(songs)} songs in split '{split}' has the {frames} frames of an "
            "excerpt; prepare longer songs, or set a shorter excerpt in the recipe"
        )
    return long_enough
