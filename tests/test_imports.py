"""Imports point one way, and the command line starts without the heavy packages."""

import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from package_source import PACKAGE, imported, package_files

LEAVES = (
    *("errors", "window", "recipe", "run", "memory", "threads", "precision", "processes", "extras"),
    *("checkpoint", "training", "weights"),
    "metrics",
)
LAYERS = (
    *("stems", "latents", "conditions", "diffusion", "listening", "streaming", "report", "live"),
    "cli",
)
ORDER = {name: rank for rank, name in enumerate((*LEAVES, *LAYERS))}
HEAVY = (
    "torch", "torchaudio", "numpy", "pandas", "scipy", "musdb", "mir_eval", "librosa", "dask",
    "webdataset", "transformers", "frechet_audio_distance", "rich", "soundfile",
)  # fmt: skip


def part_of(module: str) -> str:
    """The part a module belongs to: ``stems`` for ``accomptk.stems.index``."""
    return module.split(".")[1]


def own_imports() -> Iterator[tuple[str, str]]:
    """Pairs (importing module, imported module) inside the package."""
    for path in package_files():
        name = ".".join(("accomptk", *path.relative_to(PACKAGE).with_suffix("").parts))
        for module in imported(path):
            if module.startswith("accomptk.") and part_of(module) in ORDER:
                yield name, module


def test_every_part_has_its_place() -> None:
    parts = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in package_files()}

    assert parts - {"__init__"} <= ORDER.keys()


def test_imports_point_one_way() -> None:
    back = [
        f"{importer} imports {module}"
        for importer, module in own_imports()
        if ORDER[part_of(module)] > ORDER[part_of(importer)]
    ]

    assert not back


def test_the_walk_sees_imports() -> None:
    pairs = set(own_imports())

    assert ("accomptk.checkpoint", "accomptk.recipe") in pairs
    assert any(
        part_of(importer) == "cli" and part_of(module) == "run" for importer, module in pairs
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from accomptk.cli import main\n"
        f"try: main({arguments!r}, prog_name='accomptk')\n"
        "except SystemExit: pass\n"
        f"heavy = sorted(set({HEAVY!r}) & sys.modules.keys())\n"
        "verbs = sorted(name for name in sys.modules if name.startswith('accomptk.cli.'))\n"
        "sys.exit(f'imported {heavy} {verbs}' if heavy or verbs else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def cpu_s(*arguments: str) -> float:
    """Processor time of a Python process, which other work on the machine does not lengthen."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_takes_less_than_half_a_second() -> None:
    assert min(cpu_s("-m", "accomptk", "--help") for _ in range(3)) < 0.5
