"""``accomptk doctor``: is this machine ready, and what installs what is missing."""

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import click

from accomptk.cli.options import echo_json, json_option
from accomptk.errors import MissingTool

PROGRAMS = {  # program -> (Debian package, what it is for)
    "ffmpeg": ("ffmpeg", "prep musdb"),
    "fluidsynth": ("fluidsynth", "prep band, prep midi"),
    "mma": ("mma", "prep band"),
    "pd": ("puredata-core", "playing live through Pure Data"),
}
PACKAGES = ("torch", "torchaudio", "musdb", "mir_eval", "frechet_audio_distance", "dask")
SHIPPED = ("codec", "teacher", "a_style")
REINSTALL = "pip install --force-reinstall accomptk"
NEEDED_GB = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report."""

    name: str
    ok: bool
    found: str
    install: str = ""  # the command that mends it; empty when nothing has to be done


@click.command(epilog="Example: accomptk doctor --json")
@json_option
def doctor(as_json: bool) -> None:
    """Tell whether this machine is ready, and which command installs what is missing."""
    checks = [
        *_python(),
        *_speed(),
        *_programs(),
        *_soundfonts(),
        *_weights(),
        *_network(),
        *_disk(),
    ]
    if as_json:
        ready = all(check.ok for check in checks)
        echo_json({"ready": ready, "checks": [asdict(check) for check in checks]})
        return
    width = max(len(check.name) for check in checks)
    for check in checks:
        state = "ok     " if check.ok else "missing"
        advice = f"  ->  {check.install}" if check.install and not check.ok else ""
        click.echo(f"{state}  {check.name:{width}}  {check.found}{advice}")


def _python() -> Iterator[Check]:
    yield Check("python", sys.version_info >= (3, 11), platform.python_version())
    for name in PACKAGES:
        there = find_spec(name) is not None
        found = metadata.version(name) if there else "not installed"
        yield Check(name, there, found, "" if there else f"pip install {name}")


def _speed() -> Iterator[Check]:
    import torch

    from accomptk.run import gflops, machine_line, pick_device

    yield Check("machine", True, machine_line())
    yield Check("device", True, str(pick_device("auto")))
    yield Check("threads", True, str(torch.get_num_threads()))
    yield Check("speed", True, f"{gflops():.0f} GFLOP/s")


def _programs() -> Iterator[Check]:
    for program, (package, purpose) in PROGRAMS.items():
        path = shutil.which(program)
        found = path or f"not installed (needed for {purpose})"
        yield Check(program, path is not None, found, f"apt-get install {package}")


def _soundfonts() -> Iterator[Check]:
    from accomptk.stems.render import SOUNDFONTS, find_soundfont

    for name, font in SOUNDFONTS.items():
        try:
            found, there = str(find_soundfont(name)), True
        except MissingTool:
            found, there = "not installed (needed for prep band)", False
        yield Check(f"soundfont {name}", there, found, f"apt-get install {font.package}")


def _weights() -> Iterator[Check]:
    from accomptk.weights.registry import SHIPPED_DIR, THIRD_PARTY, is_fetched

    for name in SHIPPED:
        path = SHIPPED_DIR / f"{name}.safetensors"
        there = path.is_file()
        found = f"{path.stat().st_size / 1e6:.1f} MB" if there else "not shipped"
        yield Check(f"weights {name}", there, found, REINSTALL)
    for name in THIRD_PARTY:
        there = is_fetched(name)
        found = "fetched" if there else "not fetched"
        yield Check(f"weights {name}", there, found, f"accomptk weights fetch {name}")


def _network() -> Iterator[Check]:
    """Whether a burst of packets fits, and whether the port of ``live`` is free."""
    import socket

    from accomptk.live.protocol import PORT
    from accomptk.live.server import RECEIVE_BUFFER

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        size = probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        advice = f"sysctl -w net.core.rmem_max={RECEIVE_BUFFER}"
        yield Check("UDP buffer", size >= RECEIVE_BUFFER, f"{size >> 10} KiB", advice)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            yield Check("UDP port", False, f"{PORT} is taken", f"accomptk live --port {PORT + 1}")
        else:
            yield Check("UDP port", True, f"{PORT} is free")


def _disk() -> Iterator[Check]:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    found = f"{free_gb:.0f} GB free here"
    yield Check("disk", free_gb > NEEDED_GB, found, f"free {NEEDED_GB:.0f} GB for data and runs")
