"""Writes toy songs for the smoke test: ``python tests/write_songs.py DIR COUNT SECONDS``."""

import sys
from pathlib import Path

import numpy as np
import soundfile

from signals import RATE, clicks, sine


def write_song(folder: Path, root_hz: float, seconds: float) -> None:
    """Clicks as drums, and three sines that follow a I-IV-V-I of two seconds a chord."""
    folder.mkdir(parents=True)
    chords = np.resize([1.0, 4 / 3, 3 / 2, 1.0], round(seconds / 2))
    stems = {"drums": clicks(np.arange(0, seconds, 0.5), seconds)}
    for name, ratio in (("bass", 0.5), ("guitar", 2.0), ("piano", 3.0)):
        stems[name] = np.concatenate([sine(root_hz * ratio * chord, 2.0) for chord in chords])
    for name, wav in stems.items():
        soundfile.write(folder / f"{name}.wav", wav, RATE)


if __name__ == "__main__":
    root, count, length_s = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    for index in range(count):
        write_song(root / f"song-{index}", 110.0 * 2 ** (index / 12), length_s)
