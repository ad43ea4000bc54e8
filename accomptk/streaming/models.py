"""Shipped models by name, any model by path."""

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import torch

from accomptk.checkpoint import read_header
from accomptk.diffusion.accompanist import Accompanist, Sampling
from accomptk.errors import CheckpointError

SHIPPED = ("teacher", "student", "a_style")


def shipped_path(name: str) -> Path:
    """Where a shipped model lies."""
    return Path(str(files("accomptk.weights") / f"{name}.safetensors"))


def quickest() -> str:
    """The shipped model that costs least: the student, or the teacher where there is none yet."""
    return "student" if shipped_path("student").is_file() else "teacher"


def load_model(name_or_path: str, device: torch.device | None = None) -> Accompanist:
    """A model that can accompany.

    Args:
        name_or_path: ``teacher``, ``student``, ``a_style``, or the path of such a checkpoint.
        device: Where it computes; None for the CPU.

    Raises:
        CheckpointError: If there is no such model, or the file is of another kind.
    """
    from accomptk.diffusion.a_style import AStyle
    from accomptk.diffusion.student import load_student
    from accomptk.diffusion.teacher import Teacher

    is_path = name_or_path.endswith(".safetensors")
    if not is_path and name_or_path not in SHIPPED:
        raise CheckpointError(
            f"model '{name_or_path}': not shipped; give {', '.join(SHIPPED)} or the path of a "
            ".safetensors file"
        )
    path = Path(name_or_path) if is_path else shipped_path(name_or_path)
    kinds: dict[str, Callable[[Path, torch.device | None], Accompanist]] = {
        "teacher": Teacher,
        "a_style": AStyle,
        "student": load_student,
    }
    kind = read_header(path).kind
    if kind not in kinds:
        raise CheckpointError(
            f"{path}: is a {kind} checkpoint; a stream needs a teacher, a student or an "
            "a_style; give another path"
        )
    return kinds[kind](path, device)


def sampling_of(model: Accompanist, num_steps: int | None, anticipates: bool = True) -> Sampling:
    """The model's own sampling, with another number of steps where one is asked for."""
    own = replace(model.sampling, anticipates=anticipates)
    return own if num_steps is None else replace(own, num_steps=num_steps)
