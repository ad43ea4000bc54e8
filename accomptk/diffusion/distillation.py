"""Distillation runs: from a teacher and its trajectories, or from recordings, to a student."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.func import functional_call

from accomptk.checkpoint import read_header
from accomptk.diffusion.adapters import AdapterRecipe, adapt
from accomptk.diffusion.consistency import (
    EndpointWeights,
    ManyPasses,
    OnePass,
    adjacent,
    data_free_loss,
    paired_loss,
    requery,
)
from accomptk.diffusion.excerpts import ExcerptSampler
from accomptk.diffusion.fit import read_songs
from accomptk.diffusion.student import Student, save_student
from accomptk.diffusion.teacher import Teacher, TeacherRecipe, teacher_loss
from accomptk.diffusion.trajectories import Trajectories, play_through
from accomptk.diffusion.trajectory_shards import TrajectorySet
from accomptk.errors import DatasetError
from accomptk.processes import Team
from accomptk.recipe import parse_recipe
from accomptk.run import Run, derive_seed
from accomptk.training import Optim, Trainer, step_generators


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillRecipe:
    """recipes/*/distill.toml: without data.

    Args:
        seed: Root of all random numbers.
        synth: Recipe of the trajectories, where none are given.
        soloists: Share of the steps that are about a player who hears nothing.
        self_rollout: Share of the steps in which the history is the student's own.
        requery: Whether its targets are then the teacher's under that same history, or the
            stored ones, which belong to the teacher's own history.
        first: Share of chunks that start from the first level; the others from any.
        draws: Times a step that each stream is trained on.
        weights: Of the terms of the loss.
        adapter: What is trained.
        optim: How; ``batch`` streams of one group a step.
        temperature: Of the first noise when the student plays along; not used in training.
    """

    seed: int
    synth: str
    soloists: float
    self_rollout: float
    requery: bool
    first: float
    draws: int
    weights: EndpointWeights
    adapter: AdapterRecipe
    optim: Optim
    temperature: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedRecipe:
    """recipes/*/distill-paired.toml: with recordings, as paper A.

    Args:
        seed: Root of all random numbers.
        scales: Levels of the schedule from which adjacent pairs are drawn.
        sigma_max: The highest.
        guidance: Weight of the teacher's conditions, folded into the student.
        huber: Width of the pseudo-Huber metric; 0 for the mean square.
        dsm: Weight of the teacher's own, denoising loss.
        draws: Pairs an excerpt.
        adapter: What is trained.
        optim: How.
    """

    seed: int
    scales: int
    sigma_max: float
    guidance: float
    huber: float
    dsm: float
    draws: int
    adapter: AdapterRecipe
    optim: Optim


class Distilling(Protocol):
    """One way of distilling: what the student must know, and the loss of a step."""

    adapter: AdapterRecipe
    optim: Optim
    sigmas: Tensor

    def loss(self, student: Student, average: dict[str, Tensor], run: Run, step: int) -> Tensor:
        """Loss of a step; ``average`` are the averaged weights of the student's denoiser."""
        ...


class DataFree:
    """Distils from trajectories alone; opens no audio, no stem and no latents of any.

    Args:
        recipe: How.
        teacher: Whose trajectories they are.
        trajectories: What it played.

    Raises:
        DatasetError: If another teacher played them and targets are asked for again.
    """

    def __init__(
        self, recipe: DistillRecipe, teacher: Teacher, trajectories: TrajectorySet
    ) -> None:
        player = trajectories.details.teacher
        if recipe.requery and recipe.self_rollout > 0 and player != teacher.sha8:
            raise DatasetError(
                f"{trajectories.folder}: was played by model {player}, the teacher is "
                f"{teacher.sha8}; give that teacher, or set requery=false"
            )
        self.recipe, self.teacher, self.trajectories = recipe, teacher, trajectories
        self.adapter, self.optim = recipe.adapter, recipe.optim
        self.sigmas = trajectories.sigmas.to(teacher.device)

    def loss(self, student: Student, average: dict[str, Tensor], run: Run, step: int) -> Tensor:
        """From the states of trajectories to their ends, under whose history the recipe says."""
        rng, noise = step_generators(run, step)
        details = self.trajectories.details
        listens = details.players > 1 and rng.random() >= self.recipe.soloists
        player = int(rng.integers(1, details.players)) if listens else 0
        given = self.trajectories.read(int(rng.integers(len(details.shards))))[player]
        chosen = torch.from_numpy(rng.permutation(len(given.states))[: self.optim.batch])
        given = given.map(lambda part: part[chosen].to(student.device))
        history, states = given.endpoint, given.states
        if rng.random() < self.recipe.self_rollout:
            history, states = self._own(student, given, run, step)
        shape = (self.recipe.draws * len(states), states.shape[3])
        which = torch.randint(len(self.sigmas) - 1, shape, generator=noise)
        which[torch.rand(shape, generator=noise) < self.recipe.first] = 0
        return data_free_loss(
            student.denoiser,
            given.plan,
            history,
            states,
            self.sigmas,
            self.recipe.weights,
            which.to(student.device),
        )

    @torch.no_grad()
    def _own(
        self, student: Student, given: Trajectories, run: Run, step: int
    ) -> tuple[Tensor, Tensor]:
        """What the student plays in one step a chunk, and the trajectories to be had there."""
        count = range(len(given.states))
        # A chunk is too small to be worth casting the weights for.
        with torch.autocast(student.device.type, enabled=False):
            played = play_through(
                student,
                given.plan,
                [derive_seed(run.seed, f"rollout/{step}", index) for index in count],
                lambda denoise, x: (x, denoise(x, self.sigmas[:1].expand(len(x)))),
                sigma_max=float(self.sigmas[0]),
            )
        if not self.recipe.requery:
            return played[:, -1], given.states
        guidance = self.trajectories.details.guidance
        asked = (given.plan, played[:, -1], played[:, 0], self.sigmas, guidance)
        return played[:, -1], requery(self.teacher.denoiser, *asked)


class Paired:
    """Distils on recordings, from adjacent pairs of noise levels.

    Args:
        recipe: How.
        teacher: Whose steps are followed.
        path: The teacher's checkpoint.
        data: Prepared set with latents of the teacher's codec.
    """

    def __init__(self, recipe: PairedRecipe, teacher: Teacher, path: Path, data: Path) -> None:
        header = read_header(path)
        own = parse_recipe(header.recipe, TeacherRecipe, str(path))
        songs = read_songs(data, header.extra["space"], "train", own.geometry.excerpt)
        self.recipe, self.teacher, self.own = recipe, teacher, own
        self.adapter, self.optim = recipe.adapter, recipe.optim
        self.sampler = ExcerptSampler(
            songs,
            teacher.vocabulary,
            own.geometry,
            own.drops,
            own.beat_noise,
            teacher.sounds.space,
        )
        schedule = replace(own.noise, sigma_max=recipe.sigma_max).sigmas(recipe.scales)
        self.sigmas = schedule.to(teacher.device)

    def loss(self, student: Student, average: dict[str, Tensor], run: Run, step: int) -> Tensor:
        """Consistency of adjacent pairs, and the teacher's own loss."""
        rng, noise = step_generators(run, step)
        batch = self.sampler.batch(self.optim.batch, rng).to(student.device)
        spread = self.own.history_noise * torch.rand((len(batch.target), 1, 1), generator=noise)
        dirt = spread * torch.randn(batch.target.shape, generator=noise)
        history = batch.target + dirt.to(batch.target)

        def over(denoiser: Callable[..., Tensor]) -> OnePass:
            return OnePass(denoiser, batch.context, history, batch.layout, batch.conditions)

        with torch.no_grad():
            teacher = ManyPasses(over(self.teacher.denoiser), self.recipe.guidance)
        pair = adjacent(teacher, batch, self.sigmas[:-1], self.recipe.draws, noise)
        mean = over(lambda *given: functional_call(student.denoiser, average, given))
        loss = paired_loss(over(student.denoiser), mean, pair, batch.is_made, self.recipe.huber)
        if self.recipe.dsm:
            loss = loss + self.recipe.dsm * teacher_loss(student.denoiser, batch, self.own, noise)
        return loss


def distil(
    run: Run,
    way: Distilling,
    teacher: Teacher,
    path: Path,
    recipe: DistillRecipe | PairedRecipe,
    *,
    minutes: float | None = None,
    team: Team | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Path:
    """Distil in a run folder, or go on with what is there.

    Args:
        run: Folder to write.
        way: With data or without.
        teacher: What is distilled.
        path: Its checkpoint.
        recipe: What the student's header says.
        minutes: Stop soundly after this time; the same command goes on later.
        team: The processes that distil together; None for this one alone.
        on_step: Called with step and loss.

    Returns:
        The student with averaged weights.
    """
    denoiser = copy.deepcopy(teacher.denoiser)
    denoiser.sigma_floor = teacher.noise.sigma_min
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.generator("weights").initial_seed())
        adapt(denoiser, way.adapter)

    def save(file: Path, weights: dict[str, Tensor], step: int) -> None:
        save_student(
            file,
            weights,
            teacher=path,
            recipe=recipe,
            adapter=way.adapter,
            sigmas=way.sigmas,
            step=step,
        )

    student = Student(teacher, denoiser, way.sigmas)
    trainer = Trainer(run, denoiser, way.optim, save, team)
    trainer.train(
        lambda step: way.loss(student, trainer.ema, run, step), minutes=minutes, on_step=on_step
    )
    return run.folder / "ema.safetensors"
