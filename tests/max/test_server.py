"""The server over real sockets, played to by strangers: Pd with the patch, and liblo's tools."""

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from accomptk.live.desk import Desk
from accomptk.live.protocol import PROTOCOL
from accomptk.live.rehearsal import serving
from accomptk.live.server import Server
from accomptk.live.stage import Stage
from accomptk.streaming.beat_sources import NoBeats
from live_rig import DELAY, SETUP, SIZE, Parrot
from pd_client import free_port, play
from signals import RATE
from tiny_codecs import Passthrough

FADE = 2048
"""Samples at the beginning that a stem may be faded in."""


@contextmanager
def parroting() -> Iterator[Server]:
    """A server whose model plays what it heard DELAY frames ago."""
    with serving(Desk(Stage(Parrot(), Passthrough(), SETUP, open_tracker=NoBeats))) as server:
        yield server


@pytest.mark.skipif(not shutil.which("pd"), reason="pd is missing: apt-get install puredata-core")
def test_pd_hears_itself_two_seconds_later(tmp_path: Path) -> None:
    wav = np.random.default_rng(0).uniform(-0.5, 0.5, int(1.2 * RATE)).astype(np.float32)
    for _ in range(3):  # on a busy machine a chunk may be late, and then it is left out
        with parroting() as server:
            heard = play(tmp_path, wav, server.address[1], "drums", "bass")
        begin = int(np.flatnonzero(heard[0])[0])
        first = begin + DELAY * SIZE
        there = heard[1:3, first + FADE : first + wav.size]
        if np.count_nonzero(there) == there.size:
            break

    for stem in there:
        np.testing.assert_array_equal(stem, wav[FADE:])
    assert not heard[1:3, : begin + DELAY * SIZE].any()
    assert not heard[3:].any()


@contextmanager
def osc_dump(port: int, lines: list[str]) -> Iterator[None]:
    """What liblo's oscdump hears at a port."""
    with subprocess.Popen(["oscdump", "-L", str(port)], stdout=subprocess.PIPE, text=True) as dump:
        reader = threading.Thread(target=lambda: lines.extend(dump.stdout or ()))
        reader.start()
        time.sleep(0.3)
        try:
            yield
        finally:
            dump.terminate()
            reader.join()


@pytest.mark.skipif(
    not shutil.which("oscsend"), reason="oscsend is missing: apt-get install liblo-tools"
)
def test_liblo_is_answered() -> None:
    lines: list[str] = []
    port = free_port()
    with parroting() as server, osc_dump(port, lines):

        def say(name: str, *words: str) -> None:
            command = ["oscsend", "127.0.0.1", str(server.address[1]), f"/accomptk/{name}", *words]
            subprocess.run(command, check=True, timeout=20)

        say("hello", "siiii", "liblo", str(PROTOCOL), "48000", "256", str(port))
        say("instruments", "ss", "bass", "drums")
        say("prompt", "sss", "slow", "jazz", "ballad")
        say("control", "sf", "energy", "0.75")
        say("control", "sf", "gravity", "1")
        say("start")
        say("status")
        say("ping", "i", "42")
        for _ in range(100):
            if any("pong" in line for line in lines):
                break
            time.sleep(0.1)
        say("bye")
    said = [re.sub(r"^\S+ ", "", line).strip() for line in lines]
    said = [line[line.index("/accomptk/") :] for line in said if "/accomptk/" in line]

    assert any(re.match(r'/accomptk/welcome siiii "\S+" 1 44100 1 0', line) for line in said), said
    assert '/accomptk/stems ss "bass" "drums"' in said
    for command in ("instruments", "prompt", "control", "start"):
        assert f'/accomptk/done s "{command}"' in said
    assert any(
        line.startswith('/accomptk/fail ss "control"') and "gravity" in line for line in said
    )
    assert "/accomptk/pong i 42" in said
    assert any(line.startswith("/accomptk/state sffiii") for line in said)
