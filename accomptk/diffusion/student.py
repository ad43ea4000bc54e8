"""The consistency student: the teacher's network, from noise to a chunk in one evaluation."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from accomptk.checkpoint import file_sha256, load_tensors, read_header, save_checkpoint
from accomptk.conditions.sounds import SoundBank
from accomptk.diffusion.accompanist import Sampling
from accomptk.diffusion.adapters import AdapterRecipe, adapter_state, merge
from accomptk.diffusion.denoiser import Denoiser
from accomptk.diffusion.noise import gaussian
from accomptk.diffusion.samplers import consistency
from accomptk.diffusion.teacher import Memory, Teacher
from accomptk.diffusion.transformer import Conditions
from accomptk.errors import CheckpointError, StreamError
from accomptk.window import Chunk

SHIPPED_TEACHER = Path(__file__).parent.parent / "weights" / "teacher.safetensors"


class Student(Teacher):
    """A student as an ``Accompanist``; guidance is folded into it.

    Args:
        teacher: Whose words, codec and reach it has.
        denoiser: Its own; differs from the teacher's in weights and in its boundary.
        sigmas: Levels that it knows, descending, the last 0.
        sha8: Of its checkpoint.
        temperature: Of its first noise where it hears something; what plays alone stays as
            lively as it was trained, or falls silent.
    """

    def __init__(
        self,
        teacher: Teacher,
        denoiser: Denoiser,
        sigmas: Tensor,
        sha8: str = "",
        temperature: float = 1.0,
    ) -> None:
        vars(self).update(vars(teacher))
        self.name, self.sha8, self.sampling = "student", sha8, Sampling(1)
        self.denoiser, self.sigmas = denoiser, sigmas.to(self.device)
        self.temperature = temperature

    def evaluations(self, sampling: Sampling) -> int:
        """NFE of one chunk: one a step."""
        return sampling.num_steps

    def levels(self, num_steps: int) -> Tensor:
        """Levels of a sampling, spread over those that it knows, and a final 0.

        Raises:
            StreamError: If there are not as many.
        """
        known = len(self.sigmas) - 1
        if num_steps > known:
            raise StreamError(f"{num_steps} steps: this student knows {known}; ask for fewer")
        chosen = [index * known // num_steps for index in range(num_steps)]
        return self.sigmas[[*chosen, known]]

    def play(
        self,
        memory: Memory,
        chunk: Chunk,
        conditions: Conditions,
        generators: Sequence[torch.Generator],
        sampling: Sampling,
    ) -> Tensor:
        """Sample a chunk in a few steps and add it to the history."""
        self.forget(memory, chunk, conditions.beats)
        sigmas = self.levels(sampling.num_steps)

        def draw() -> Tensor:
            return gaussian(generators, self.channels, chunk.hop).to(self.device)

        hearing = self.anticipate(memory, chunk, conditions.beats, sampling)
        denoise = self.bind(*hearing, conditions, generators)
        own = self.temperature if chunk.heard > 0 else 1.0
        x = own * sampling.temperature * sigmas[0] * draw()
        latents = consistency(denoise, x, sigmas, self.denoiser.sigma_floor, draw)
        self.remember(memory, chunk, latents, conditions)
        return latents.cpu()


def save_student(
    path: Path,
    weights: Mapping[str, Tensor],
    *,
    teacher: Path,
    recipe: Any,
    adapter: AdapterRecipe,
    sigmas: Tensor,
    step: int,
) -> None:
    """Write a student: its whole network, or adapters, which need the teacher's file.

    Args:
        path: File to write.
        weights: Of its denoiser, adapted or not.
        teacher: Checkpoint that it was distilled from.
        recipe: What it was distilled by.
        adapter: How it was adapted.
        sigmas: Levels that it knows.
        step: Training steps behind it.
    """
    header = read_header(teacher)
    save_checkpoint(
        path,
        adapter_state(weights) if adapter.rank else weights,
        kind="student",
        recipe=recipe,
        step=step,
        parents={**header.parents, "teacher": file_sha256(teacher)},
        extra={
            **header.extra,
            "teacher": os.path.relpath(teacher, path.parent),
            "teacher_recipe": header.recipe,
            "adapter": asdict(adapter),
            "sigmas": sigmas.tolist(),
        },
        half=True,
    )


def load_student(path: Path, device: torch.device | None = None) -> Student:
    """A student; adapters are merged into the weights of their teacher.

    Raises:
        CheckpointError: If the file is of another kind, or its teacher is needed and not found.
    """
    tensors, header = load_tensors(path, "student")
    adapter = AdapterRecipe(**header.extra["adapter"])
    if adapter.rank:
        teacher = Teacher(find_teacher(path), device)
        weights = {name: part.to(teacher.device) for name, part in tensors.items()}
        merged = merge(teacher.denoiser.state_dict(), weights, adapter.scale)
        teacher.denoiser.load_state_dict(merged)
    else:
        teacher = Teacher(path, device, kind="student")
    teacher.denoiser.sigma_floor = teacher.noise.sigma_min
    sigmas = torch.tensor(header.extra["sigmas"])
    teacher.sounds = SoundBank.of_json(header.extra.get("sounds"))  # others may have been lent
    temperature = header.recipe.get("temperature", 1.0)  # older ones and paired ones have none
    return Student(teacher, teacher.denoiser, sigmas, file_sha256(path)[:8], temperature)


def merge_student(path: Path, merged: Path) -> None:
    """Write a student of adapters as whole weights."""
    header, student = read_header(path), load_student(path)
    adapter = AdapterRecipe(**{**header.extra["adapter"], "rank": 0})
    save_student(
        merged,
        student.denoiser.state_dict(),
        teacher=find_teacher(path),
        recipe=header.recipe,
        adapter=adapter,
        sigmas=student.sigmas,
        step=header.step,
    )


def find_teacher(path: Path) -> Path:
    """The teacher that a student was distilled from: the shipped one, or where it lay then.

    The way to it is kept relative to the student, so both may be moved together.

    Raises:
        CheckpointError: If neither is it.
    """
    header = read_header(path)
    then = Path(os.path.normpath(path.parent / header.extra["teacher"]))
    wanted, places = header.parents["teacher"], (SHIPPED_TEACHER, then)
    for place in places:
        if place.is_file() and file_sha256(place) == wanted:
            return place
    raise CheckpointError(
        f"{path}: adapts teacher {wanted[:8]}, which is neither the shipped one nor at "
        f"{places[1]}; put it there"
    )
