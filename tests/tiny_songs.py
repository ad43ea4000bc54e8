"""Songs for tests of prepared sets; in a module of its own, so that workers can import it."""

import errno
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems.song import SongAudio
from signals import clicks, sine


def tiny_song(track: str, seconds: float = 2.0, level: float = 0.2) -> SongAudio:
    beats = np.arange(0, seconds, 0.5)
    return SongAudio(
        track=track,
        stems={
            "drums": ("drums", clicks(beats, seconds)),
            "bass: low": ("bass", sine(110, seconds, level=level)),
        },
        split="valid",
        beats=beats,
        downbeats=beats[::4],
        meter=4,
        chords=[(0.0, 1.0, "A:min7"), (1.0, seconds, "N")],
        key="A minor",
        prompt="slow",
        family="f",
        source="test",
        soundfont="none",
        license="CC0",
        beats_source="known",
        warnings=[f"{track}: made up"],
    )


@dataclass(frozen=True)
class Maker:
    """Makes a tiny song, or fails; counts its calls in a file."""

    track: str
    calls: Path | None = None
    origin: str = ""
    failure: str = ""

    def __call__(self) -> SongAudio:
        if self.calls is not None:
            with self.calls.open("a") as file:
                file.write(f"{self.track}\n")
        if self.failure == "skip":
            raise DatasetError(f"{self.track}: cannot be used; make another")
        if self.failure == "tool":
            raise MissingTool("fluidsynth is not installed: apt-get install fluidsynth")
        if self.failure == "crash":
            raise ZeroDivisionError("a mistake in the program")
        if self.failure == "stop":
            raise KeyboardInterrupt
        if self.failure == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return tiny_song(self.track)
