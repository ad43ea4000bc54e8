"""Run folders, seeds, provenance, and what this machine is."""

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from accomptk.errors import RecipeError
from accomptk.recipe import dump_recipe

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch.utils.tensorboard import SummaryWriter

RECORDED = ("accomptk", "torch", "torchaudio", "numpy")


def derive_seed(seed: int, name: str, index: int = 0) -> int:
    """A 63-bit seed from the root seed, what it is for, and which one it is."""
    digest = hashlib.sha256(f"{seed}\0{name}\0{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, name: str, index: int = 0) -> "torch.Generator":
    """Torch generator of item ``index``; the same for any batch size or order of work."""
    import torch

    return torch.Generator().manual_seed(derive_seed(seed, name, index))


def numpy_generator(seed: int, name: str, index: int = 0) -> "np.random.Generator":
    """NumPy generator of item ``index``; the same for any worker count or order of work."""
    import numpy as np

    return np.random.default_rng(derive_seed(seed, name, index))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to, and rename it to ``path`` when all went well.

    The temporary name keeps the suffix, for writers that choose their format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class Run:
    """One folder of outputs with the resolved recipe, its provenance and its scalars."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed

    @classmethod
    def create(
        cls, verb: str, out: Path | None, seed: int, recipe: Any, resume: bool = True
    ) -> Self:
        """Start a run, or go on with one that was interrupted.

        Args:
            verb: What runs, for instance ``train-teacher``.
            out: Its folder; None for ``./runs/<verb>-<time>``.
            seed: Root of all random numbers.
            recipe: Dataclass that was resolved from a recipe.
            resume: Go on in a folder that has a run; False starts it over.

        Raises:
            RecipeError: If the folder holds a run of another recipe.
        """
        run = cls(_new_folder(verb) if out is None else out, seed)
        run.folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            run._forget()
        text = dump_recipe(recipe)
        recipe_file = run.folder / "recipe.toml"
        if recipe_file.exists():
            if recipe_file.read_text(encoding="utf-8") != text:
                raise RecipeError(
                    f"{run.folder}: was started with another recipe; "
                    "give another --out, or --force to start over"
                )
            return run
        with replacing(recipe_file) as temporary:
            temporary.write_text(text, encoding="utf-8")
        run._write_provenance({"verb": verb, "seed": seed, **provenance()})
        return run

    def generator(self, name: str, index: int = 0) -> "torch.Generator":
        """Torch generator of item ``index`` of this run."""
        return generator(self.seed, name, index)

    def log(self, step: int, **scalars: float) -> None:
        """Add scalars to metrics.jsonl and to the TensorBoard events."""
        line = json.dumps({"step": step, **{key: float(value) for key, value in scalars.items()}})
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        for key, value in scalars.items():
            self._events.add_scalar(key, value, step)

    def show(
        self, step: int, sounds: Mapping[str, Any], pictures: Mapping[str, Any], sample_rate: int
    ) -> None:
        """Add sounds [N] and pictures [H, W] of 0 to 1, both arrays, to the TensorBoard events."""
        for name, wav in sounds.items():
            self._events.add_audio(name, wav[None], step, sample_rate)
        for name, picture in pictures.items():
            self._events.add_image(name, picture, step, dataformats="HW")

    @property
    def is_finished(self) -> bool:
        """Whether `finish` was called on this folder."""
        path = self.folder / "provenance.json"
        return path.exists() and "finished" in json.loads(path.read_text(encoding="utf-8"))

    def finish(self) -> None:
        """Mark the run as complete and close its event file."""
        self.close()
        path = self.folder / "provenance.json"
        values = json.loads(path.read_text(encoding="utf-8"))
        self._write_provenance({**values, "finished": _now()})

    def close(self) -> None:
        """Close the event file, if there is one."""
        if "_events" in self.__dict__:
            self._events.close()
            del self.__dict__["_events"]

    @cached_property
    def _events(self) -> "SummaryWriter":
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.folder))

    def _write_provenance(self, values: dict[str, Any]) -> None:
        with replacing(self.folder / "provenance.json") as temporary:
            temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")

    def _forget(self) -> None:
        """Remove what an earlier run left, so that nothing of it is resumed."""
        names = ("recipe.toml", "provenance.json", "metrics.jsonl", "state.pt")
        for path in (*map(self.folder.joinpath, names), *self.folder.glob("events.out.tfevents.*")):
            path.unlink(missing_ok=True)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _new_folder(verb: str) -> Path:
    """A folder that does not exist yet, named by verb and time."""
    stem = Path("runs") / f"{verb}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    candidates = (stem.with_name(f"{stem.name}-{n}") for n in range(2, 1000))
    return next((path for path in (stem, *candidates) if not path.exists()), stem)


def provenance() -> dict[str, Any]:
    """Where a result comes from: time, git state, versions, machine, command line."""
    return {
        "started": _now(),
        **git_state(),
        "versions": versions(),
        "machine": machine_line(),
        "argv": sys.argv,
    }


def versions() -> dict[str, str]:
    """Versions of this package and of those that decide its numbers."""
    found = {"python": platform.python_version()}
    for name in RECORDED:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def git_state() -> dict[str, Any]:
    """Commit of the clone that runs and whether it is dirty; both None for an installed wheel."""
    clone = Path(__file__).resolve().parent.parent
    state: dict[str, Any] = {"git": None, "dirty": None}
    if (clone / ".git").exists():
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            state["git"] = _git(clone, "rev-parse", "HEAD").strip()
            state["dirty"] = bool(_git(clone, "status", "--porcelain").strip())
    return state


def _git(clone: Path, *arguments: str) -> str:
    command = ["git", "-C", str(clone), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine_line() -> str:
    """Processor, cores and torch in one line, to stand beside measured numbers."""
    torch_version = versions().get("torch", "absent")
    return f"{_processor()}, {cores()} cores, torch {torch_version}"


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def pick_device(name: str = "auto") -> "torch.device":
    """The torch device for ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        RecipeError: If this machine does not have it.
    """
    import torch

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    allowed = [kind for kind, there in present.items() if there] + ["cpu"]
    if name == "auto":
        return torch.device(allowed[0])
    if name not in allowed:
        raise RecipeError(
            f"device '{name}': not on this machine; it has {', '.join(allowed)}; "
            "choose one of them, or auto"
        )
    return torch.device(name)


def gflops(size: int = 1024, repeats: int = 8) -> float:
    """Matrix-product speed now, the best of ``repeats`` float32 products, in GFLOP/s."""
    import torch

    square = torch.ones(size, size)
    best_s = float("inf")
    for _ in range(repeats + 1):
        start_s = time.perf_counter()
        square @ square
        best_s = min(best_s, time.perf_counter() - start_s)
    return 2 * size**3 / best_s / 1e9
