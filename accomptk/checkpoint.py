"""Checkpoints: safetensors files whose header says what they are and where they come from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accomptk.errors import CheckpointError
from accomptk.recipe import recipe_hash
from accomptk.run import git_state, replacing, versions

if TYPE_CHECKING:
    from torch import Tensor

SCHEMA = 1
KEY = "accomptk"
COMMANDS = {
    "codec": "accomptk train codec",
    "teacher": "accomptk train teacher",
    "a_style": "accomptk train a-style",
    "student": "accomptk distill --data-free",
    "coherence": "accomptk train coherence",
    "musicnn": "accomptk weights fetch",
    "beatnet": "accomptk weights fetch",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a checkpoint is: the JSON under `KEY` in the safetensors metadata."""

    kind: str
    step: int = 0
    schema: int = SCHEMA
    recipe: dict[str, Any] = field(default_factory=dict)
    recipe_hash: str = ""
    parents: dict[str, str] = field(default_factory=dict)  # name -> sha256
    extra: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    path: Path,
    tensors: Mapping[str, "Tensor"],
    *,
    kind: str,
    recipe: Any,
    step: int = 0,
    parents: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
    half: bool = False,
) -> str:
    """Write weights under a temporary name, then rename.

    Args:
        path: File to write.
        tensors: Weights by name.
        kind: What they are (codec, teacher, ...); loading asks for the same.
        recipe: Dataclass or mapping that made them.
        step: Training steps behind them.
        parents: sha256 of each checkpoint that they depend on, by name.
        extra: Whatever else the kind needs, JSON values only.
        half: Store floating point weights as float16.

    Returns:
        sha256 of the file.
    """
    from safetensors.torch import save_file

    plain = asdict(recipe) if is_dataclass(recipe) and not isinstance(recipe, type) else recipe
    header = Header(
        kind=kind,
        step=step,
        recipe=dict(plain),
        recipe_hash=recipe_hash(plain),
        parents=dict(parents or {}),
        extra=dict(extra or {}),
        versions={**versions(), **git_state()},
    )
    stored = {name: _stored(tensor, half) for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        save_file(stored, temporary, metadata={KEY: json.dumps(asdict(header))})
        return file_sha256(temporary)


def save_like(
    path: Path, tensors: Mapping[str, "Tensor"], header: Header, *, half: bool = False
) -> str:
    """Write weights under a header that exists; ``dataclasses.replace`` changes one."""
    return save_checkpoint(
        path,
        tensors,
        kind=header.kind,
        recipe=header.recipe,
        step=header.step,
        parents=header.parents,
        extra=header.extra,
        half=half,
    )


def read_header(path: Path, kind: str | None = None) -> Header:
    """What a checkpoint says of itself, without its weights and without torch.

    Args:
        path: The file.
        kind: What it has to be; None for anything.

    Raises:
        CheckpointError: If there is no such file, or it is not one of ours, or it is damaged, or of
            another kind.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            whole = json.loads(file.read(size) if 0 < size < 100_000_000 else b"")
        values = json.loads(whole["__metadata__"][KEY])
        length = max((entry["data_offsets"][1] for entry in _tensor_entries(whole)), default=0)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file; give the path of a checkpoint") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    if path.stat().st_size != 8 + size + length:
        raise _damaged(path)
    header = _parse_header(path, values)
    if kind not in (None, header.kind):
        raise CheckpointError(
            f"{path}: is a {header.kind} checkpoint, wanted is a {kind} checkpoint; {_advice(kind)}"
        )
    return header


def load_tensors(path: Path, kind: str) -> tuple[dict[str, "Tensor"], Header]:
    """Weights as float32 on the CPU, with their header.

    Raises:
        CheckpointError: If the file is missing, damaged or of another kind.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    header = read_header(path, kind)
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise _damaged(path) from error
    return {
        name: tensor.to(torch.float32) if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }, header


def file_sha256(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stored(tensor: "Tensor", half: bool) -> "Tensor":
    """An own, contiguous copy on the CPU: safetensors refuses tensors that share memory."""
    import torch

    dtype = torch.float16 if half and tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to("cpu", dtype, copy=True).contiguous()


def _tensor_entries(whole: Mapping[str, Any]) -> list[Any]:
    return [entry for name, entry in whole.items() if name != "__metadata__"]


def _parse_header(path: Path, values: Mapping[str, Any]) -> Header:
    schema = values.get("schema")
    if schema != SCHEMA:
        raise CheckpointError(
            f"{path}: has header schema {schema}, this version reads {SCHEMA}; "
            "install the accomptk that wrote it, or train again"
        )
    known = {entry.name for entry in fields(Header)}
    return Header(**{key: value for key, value in values.items() if key in known})


def _advice(kind: str | None) -> str:
    command = COMMANDS.get(kind or "")
    return f"make one with `{command}`, or give another path" if command else "give another path"


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path}: damaged, or not an accomptk checkpoint; a .safetensors file that accomptk wrote "
        "is needed; copy it again"
    )
