"""Songs as the coherence model hears them: the levels of every stem, kept in eight bits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.spectra import FLOOR_DB, FRAME_SAMPLES, LONG_STEPS, SAMPLE_RATE, levels
from accomptk.run import replacing
from accomptk.stems import audio
from accomptk.stems.index import Song, StemSet

FINER = 2  # frames kept for each that is heard, so that any tempo can be read from them
LONG_HZ = FINER * LONG_STEPS * SAMPLE_RATE / FRAME_SAMPLES
STEP_DB = 0.5
Bytes = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class HeardSong:
    """The levels of a part of a song, and its beats in seconds from where that begins.

    Attributes:
        instruments: Class of each stem.
        beats: All that lie inside.
        downbeats: Those that begin a bar.
        long: [stems, frames, bands] in steps of half a decibel above the floor.
        short: The same on the short window, four times as many frames.
    """

    instruments: tuple[str, ...]
    beats: Floats
    downbeats: Floats
    long: Bytes
    short: Bytes

    @property
    def period_s(self) -> float:
        """Median time from beat to beat."""
        return float(np.median(np.diff(self.beats)))


def hear_songs(
    stems: StemSet,
    songs: Sequence[Song],
    folder: Path,
    seconds: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[HeardSong]:
    """Levels of the middle of songs, computed once and kept in a folder.

    Args:
        stems: The set that holds them.
        songs: Which.
        folder: Keeps one file a song.
        seconds: How much of each.
        progress: Told how many are done, of how many.
    """
    heard = []
    for done, song in enumerate(songs, 1):
        start_s = max(0.0, (song.seconds - seconds) / 2)
        path = folder / f"{song.track}-{round(seconds)}.npz"
        if not path.is_file():
            _hear(stems, song, path, start_s, seconds)
        with np.load(path) as file:
            heard.append(_to_heard(song, start_s, file["long"], file["short"]))
        progress(done, len(songs))
    return heard


def _to_heard(song: Song, start_s: float, long: Bytes, short: Bytes) -> HeardSong:
    end_s = start_s + (long.shape[1] - 1) / LONG_HZ

    def inside(times: Floats) -> Floats:
        return times[(times >= start_s) & (times < end_s)] - start_s

    names = tuple(stem.instrument for stem in song.stems)
    return HeardSong(names, inside(song.beats), inside(song.downbeats), long, short)


def to_db(kept: Bytes | Floats) -> Floats:
    """Levels in dB of what was kept."""
    return np.asarray(kept, np.float32) * np.float32(STEP_DB) + np.float32(FLOOR_DB)


def _hear(stems: StemSet, song: Song, path: Path, start_s: float, seconds: float) -> None:
    made = [
        levels(stems.audio(song, stem, start_s, seconds), audio.SAMPLE_RATE, FINER)
        for stem in song.stems
    ]
    with replacing(path) as temporary:
        np.savez(
            temporary,
            long=np.stack([_to_bytes(one.long) for one in made]),
            short=np.stack([_to_bytes(one.short) for one in made]),
        )


def _to_bytes(level_db: Floats) -> Bytes:
    steps = np.rint((level_db - FLOOR_DB) / STEP_DB)
    return np.asarray(np.clip(steps, 0, 255), np.uint8)
