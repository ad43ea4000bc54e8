"""What a teacher is asked to play from words alone: a prompt, its players, and their beat.

No recording is behind any of it: prompts come from the user or from the caption grammar, beats from
the chart grammar.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError
from accomptk.run import numpy_generator
from accomptk.stems.captions import write_caption
from accomptk.stems.chart import Chart
from accomptk.stems.form import FASTEST_BPM, SLOWEST_BPM, write_chart
from accomptk.stems.genres import genres
from accomptk.stems.instruments import INSTRUMENTS, MELODY
from accomptk.stems.players import choose_sound

SONG_S = 75.0
COUNTED_S = 8.0  # of the song that lie at least before a stream
JOINS = 0.6  # probability that a caption's band has a further player

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Brief:
    """One condition tuple; times are seconds from the start of the stream.

    Args:
        prompt: Words.
        players: Instruments in the order in which they join.
        tempo: Beats per minute, rounded.
        beats: Beats, also before the stream.
        downbeats: Those that begin a bar.
    """

    prompt: str
    players: tuple[str, ...]
    tempo: int
    beats: Floats
    downbeats: Floats

    @property
    def key(self) -> tuple[str, tuple[str, ...], int]:
        """What makes it another tuple than the others."""
        return self.prompt, self.players, self.tempo


def read_prompts(path: Path) -> tuple[str, ...]:
    """The lines of a prompt bank that are not empty.

    Raises:
        DatasetError: If there are none, or the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as text; give one prompt a line") from error
    prompts = tuple(line.strip() for line in lines if line.strip())
    if not prompts:
        raise DatasetError(f"{path}: holds no prompt; write one a line")
    return prompts


def write_briefs(
    seed: int, seconds: float, players: int, prompts: Sequence[str] = ()
) -> Iterator[Brief]:
    """Endless distinct briefs; the n-th depends on the seed and on those before it alone.

    Args:
        seed: Root of their random numbers.
        seconds: Length of a stream.
        players: Of each band.
        prompts: A bank to take in turn; empty for the caption grammar.
    """
    seen = set()
    for index in count():
        for attempt in count():
            rng = numpy_generator(seed, f"brief/{attempt}", index)
            prompt = prompts[index % len(prompts)] if prompts else None
            brief = _write(rng, seconds, players, prompt)
            if brief.key not in seen:
                break
        seen.add(brief.key)
        yield brief


def _write(rng: np.random.Generator, seconds: float, players: int, prompt: str | None) -> Brief:
    everyone = genres()
    genre = everyone[int(rng.integers(len(everyone)))]
    asked = re.search(r"(\d+) ?bpm", prompt or "")
    bpm = float(asked[1]) if asked else float(rng.uniform(genre.slowest, genre.fastest))
    chart = write_chart(
        rng,
        meter=3 if "waltz" in (prompt or genre.caption) else 4,
        bpm=min(max(bpm, SLOWEST_BPM), FASTEST_BPM),
        seconds=seconds + SONG_S,
        is_blues=genre.is_blues and prompt is None,
    )
    band = tuple(str(name) for name in rng.permutation(INSTRUMENTS)[:players])
    caption = _caption(rng, genre.caption, chart, band)
    first_s = float(rng.uniform(COUNTED_S, SONG_S))
    return Brief(
        prompt=caption if prompt is None else prompt,
        players=band,
        tempo=round(float(np.median(chart.bpm))),
        beats=chart.beats - first_s,
        downbeats=chart.downbeats - first_s,
    )


def _caption(rng: np.random.Generator, genre: str, chart: Chart, players: Sequence[str]) -> str:
    named = [name for name in (*INSTRUMENTS, MELODY) if name in players or rng.random() < JOINS]
    return write_caption(
        rng,
        genre=genre,
        bpm=float(np.median(chart.bpm)),
        key_name=chart.key_name,
        mode=chart.mode,
        level=float(np.mean([bar.level for bar in chart.bars])),
        sounds={name: choose_sound(rng, name) for name in named},
    )
