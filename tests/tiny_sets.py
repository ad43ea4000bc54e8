"""Prepared sets for tests: clicks, tones and a melody."""

from functools import partial
from pathlib import Path

import numpy as np

from accomptk.stems.prepare import prepare
from accomptk.stems.song import SongAudio
from signals import clicks, sine

SECONDS = 3.0


def make_song(track: str, hz: float, split: str) -> SongAudio:
    """Clicks, tones and a melody."""
    beats = np.arange(0, SECONDS, 0.5)
    tune = np.concatenate([sine(hz * ratio, SECONDS / 4) for ratio in (4, 5, 6, 4.5)])
    return SongAudio(
        track=track,
        stems={
            "drums": ("drums", clicks(beats, SECONDS)),
            "bass": ("bass", sine(hz, SECONDS)),
            "keys.left": ("piano", sine(hz * 3, SECONDS) + sine(hz * 5, SECONDS, level=0.1)),
            "lead": ("melody", tune),
        },
        split=split,
        beats=beats,
        downbeats=beats[::4],
        meter=4,
        chords=[(0.0, SECONDS, "A:min")],
        prompt="slow test",
        family=track,
        soundfont="none",
    )


def write_set(root: Path, songs: int = 4) -> Path:
    """A prepared set of ``songs`` songs, the last of them in the test split."""
    tasks = [
        (f"song {n}", partial(make_song, f"song {n}", 55.0 + 7 * n, _split(n, songs)))
        for n in range(songs)
    ]
    prepare(root, tasks, name="tiny", source="test")
    return root


def _split(number: int, songs: int) -> str:
    return "test" if number == songs - 1 else "train"
