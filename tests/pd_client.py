"""Real Pd without a window, playing a file into the shipped patch and recording what comes back."""

import random
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from patch_graphs import MAX
from signals import RATE

ROUND_TRIP = Path(__file__).parent / "max" / "roundtrip.pd"


def free_port() -> int:
    """A UDP port that nobody uses, and that the system gives to nobody who asks for any."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
            try:
                found.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


@contextmanager
def running_pd(patch: Path, message: str) -> Iterator[subprocess.Popen[str]]:
    """Pd with a patch that was sent a message; ended in the end, if it has not quit."""
    with subprocess.Popen(
        ["pd", "-nogui", "-noaudio", "-stderr", "-r", str(RATE), "-path", str(MAX),
         "-open", str(patch), "-send", message],
        stderr=subprocess.PIPE, text=True,
    ) as pd:  # fmt: skip
        try:
            yield pd
        finally:
            pd.terminate()


def open_pd(patch: Path, message: str) -> str:
    """What Pd complains about until it quits."""
    with running_pd(patch, message) as pd:
        return pd.communicate(timeout=60)[1].strip()


def play(folder: Path, wav: np.ndarray, port: int, *instruments: str) -> np.ndarray:
    """Play to the server at ``port``; what was played, and the five stems that came, [6, N]."""
    soundfile.write(folder / "in.wav", wav, RATE, subtype="FLOAT")
    run = f"run {folder / 'in.wav'} {folder / 'out.wav'} {port} {free_port()}"
    complaints = open_pd(ROUND_TRIP, " ".join((run, *instruments)))
    assert not complaints, complaints
    heard, rate = soundfile.read(folder / "out.wav", dtype="float32")
    assert rate == RATE
    return heard.T
