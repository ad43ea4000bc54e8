"""Each declared package has a job in the code, and each import is declared."""

import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from package_source import imported, package_files

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# distribution -> (module that must be imported, its job)
JOBS = {
    "accelerate": ("accelerate", "processes that share the work"),
    "click": ("click", "the command line"),
    "torch": ("torch", "the models"),
    "torchaudio": ("torchaudio", "resampling, mel and Griffin-Lim transforms"),
    "musdb": ("musdb", "MUSDB18"),
    "mir_eval": ("mir_eval", "beat and onset scores"),
    "frechet-audio-distance": ("frechet_audio_distance", "the Frechet distance"),
    "pandas": ("pandas", "the index and the tables"),
    "python-osc": ("pythonosc", "live control"),
    "dask": ("distributed", "songs in parallel"),
    "jinja2": ("jinja2", "the pages of report"),
    "madmom-infer": ("madmom_infer", "beat features and the offline beat judge"),
    "matplotlib": ("matplotlib", "pictures of what was measured"),
    "mido": ("mido", "MIDI files"),
    "numpy": ("numpy", "arrays"),
    "peft": ("peft", "adapters of the student"),
    "pyarrow": ("pyarrow", "index.parquet"),
    "pyyaml": ("yaml", "the metadata of Slakh"),
    "rich": ("rich", "progress and tables on a terminal"),
    "safetensors": ("safetensors", "checkpoints"),
    "scipy": ("scipy", "filters and statistics"),
    "soundfile": ("soundfile", "reading and writing audio"),
    "soxr": ("soxr", "resampling of whole files"),
    "stempeg": ("stempeg", "the real excerpt of MUSDB18"),
    "tensorboard": ("torch.utils.tensorboard", "training curves"),
    "universal-pathlib": ("upath", "sets at the URLs that fsspec knows"),
    "webdataset": ("webdataset", "latent shards"),
}
WITH_OTHERS = {"laion_clap"}  # part of frechet-audio-distance
OPTIONAL = {"librosa", "sounddevice", "transformers"}  # for COCOLA; of extras


def declared() -> set[str]:
    names = (re.match(r"[A-Za-z0-9_.-]+", line) for line in PROJECT["dependencies"])
    return {name.group() for name in names if name}


@cache
def third_party() -> set[str]:
    """Modules from outside the standard library that the package imports, dotted."""
    found = {module for path in package_files() for module in imported(path)}
    ours_or_standard = {"accomptk", *sys.stdlib_module_names}
    return {module for module in found if module.split(".")[0] not in ours_or_standard}


@pytest.mark.parametrize("package", sorted(JOBS))
def test_each_package_is_declared_and_does_its_job(package: str) -> None:
    module, job = JOBS[package]
    is_used = any(f"{name}.".startswith(f"{module}.") for name in third_party())

    assert package in declared()
    assert is_used, f"{package} is declared for {job}, and nothing imports {module}"


def test_nothing_is_declared_without_a_job() -> None:
    assert declared() == JOBS.keys()


def test_each_import_is_declared() -> None:
    known = {module.split(".")[0] for module, _ in JOBS.values()}

    assert {module.split(".")[0] for module in third_party()} - known <= WITH_OTHERS | OPTIONAL


def test_the_frechet_package_cannot_fall_back_to_an_old_one() -> None:
    assert "frechet-audio-distance>=0.3.4" in PROJECT["dependencies"]


def test_constraints_satisfy_what_is_declared() -> None:
    from packaging.requirements import Requirement

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    versions = {
        pin.name.lower().replace("_", "-"): str(pin.specifier).removeprefix("==") for pin in pinned
    }
    for line in PROJECT["dependencies"]:
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"python_version": "3.11"}):
            version = versions[wanted.name.lower().replace("_", "-")]
            assert wanted.specifier.contains(version, prereleases=True), line
