"""Third-party weights: where they come from, under which licence, and where they are kept.

Nothing of them is shipped. ``fetch`` lets pip download the wheel in which the authors published
them, checks its sha256, reads the weights without installing or running anything, and keeps
them as safetensors in the user's cache.
"""

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accomptk.checkpoint import file_sha256, read_header, save_checkpoint
from accomptk.errors import CheckpointError, MissingTool

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED_DIR = Path(__file__).parent
DOWNLOAD_S = 900
RETRIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the weights of one model come from."""

    requirement: str  # as pip writes it
    sha256: str  # of the wheel
    licence: str
    credit: str
    url: str
    converter: str  # module:function, from the wheel's path to tensors by name
    layout: int = 1  # counts up when the converter makes other tensors


THIRD_PARTY: Mapping[str, Source] = {
    "musicnn": Source(
        requirement="musicnn==0.1.0",
        sha256="f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
        licence="ISC",
        credit="Music Technology Group, Universitat Pompeu Fabra (Jordi Pons)",
        url="https://pypi.org/project/musicnn/0.1.0/",
        converter="accomptk.weights.folding:convert",
    ),
    "beatnet": Source(
        requirement="BeatNet==1.1.3",
        sha256="1ecfa17bdcbe899975a88bdb6efebd6970d846a4f3b6cfd5c6f320647c641c7e",
        licence="CC-BY-4.0",
        credit="Mojtaba Heydari, Frank Cwitkowitz, Zhiyao Duan",
        url="https://pypi.org/project/BeatNet/1.1.3/",
        converter="accomptk.weights.beatnet:convert",
    ),
}


def cache_dir() -> Path:
    """Folder of fetched weights: ``$ACCOMPTK_CACHE``, or ``accomptk/weights`` in the user's."""
    chosen = os.environ.get("ACCOMPTK_CACHE")
    if chosen:
        return Path(chosen)
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "accomptk" / "weights"


def source(name: str) -> Source:
    """Where the weights ``name`` come from.

    Raises:
        MissingTool: If no such weights are known.
    """
    if name not in THIRD_PARTY:
        raise MissingTool(f"weights '{name}': not known; there are {', '.join(THIRD_PARTY)}")
    return THIRD_PARTY[name]


def stored(name: str) -> Path:
    """File that holds the weights ``name`` once they were fetched from their present source."""
    origin = source(name)
    return cache_dir() / f"{name}-{origin.sha256[:8]}-{origin.layout}.safetensors"


def is_fetched(name: str) -> bool:
    """Whether the weights are in the cache, whole."""
    try:
        return read_header(stored(name)).kind == name
    except CheckpointError:
        return False


def path(name: str) -> Path:
    """File of fetched weights, to be loaded with their own kind.

    Raises:
        MissingTool: If they were not fetched yet.
    """
    if not stored(name).is_file():
        raise MissingTool(f"weights '{name}' are not fetched: run `accomptk weights fetch {name}`")
    return stored(name)


def fetch(name: str, download: Callable[[Source, Path], Path] | None = None) -> Path:
    """Download, check, convert and keep weights, replacing what was kept before.

    Args:
        name: One of `THIRD_PARTY`.
        download: Gets a source's wheel into a folder; pip unless given.

    Returns:
        The file in the cache.

    Raises:
        MissingTool: If pip is absent or cannot download.
        CheckpointError: If what it downloaded is not what is expected.
    """
    origin = source(name)
    with tempfile.TemporaryDirectory(prefix="accomptk-") as folder:
        wheel = (download or pip_download)(origin, Path(folder))
        found = file_sha256(wheel)
        if found != origin.sha256:
            raise CheckpointError(
                f"{wheel.name}: sha256 is {found}, must be {origin.sha256}; "
                "it is not the published file: look where pip gets its packages from"
            )
        tensors = _converter(origin)(wheel)
    extra = {"licence": origin.licence, "credit": origin.credit, "url": origin.url}
    parents = {origin.requirement: origin.sha256}
    save_checkpoint(stored(name), tensors, kind=name, recipe={}, parents=parents, extra=extra)
    return stored(name)


def pip_download(origin: Source, folder: Path) -> Path:
    """Let pip download the wheel of a source; nothing is installed and no code of it runs.

    Raises:
        MissingTool: If pip is absent or fails.
    """
    # A source archive would run its own code, so only wheels are allowed.
    options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--retries", str(RETRIES)]
    command = [sys.executable, "-m", "pip", "download", "-q", *options, "-d", str(folder)]
    command.append(origin.requirement)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DOWNLOAD_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _not_downloaded(origin, f"no answer within {DOWNLOAD_S} s") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise _not_downloaded(origin, _reason(done.stderr))
    return wheels[0]


def _not_downloaded(origin: Source, reason: str) -> MissingTool:
    return MissingTool(
        f"{origin.requirement}: pip could not download it ({reason}); connect to the network, or "
        "set PIP_FIND_LINKS to a folder that holds the wheel"
    )


def _reason(stderr: str) -> str:
    """The line of pip's complaint that says why."""
    if "No module named pip" in stderr:
        return f"{sys.executable} has no pip: run `{sys.executable} -m ensurepip`"
    if "NewConnectionError" in stderr:
        return "the package index does not answer"
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    return lines[0].removeprefix("ERROR:").strip() if lines else "it said nothing"


def _converter(origin: Source) -> Callable[[Path], "dict[str, Tensor]"]:
    module, _, function = origin.converter.partition(":")
    found: Callable[[Path], dict[str, Tensor]] = getattr(importlib.import_module(module), function)
    return found
