"""Original songs of a generated band: chart, groove, arrangement and sound, from one seed.

``tasks(count, seed, split=None, seconds=(45, 75))`` returns ``[(track, make), ...]``; each
``make()`` gives the `SongAudio` of that track: stems named after their instruments, known
beats, downbeats, meter, chords, key and prompt. Song ``index`` of a seed is the same whatever
``count`` and the number of workers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError
from accomptk.run import numpy_generator
from accomptk.stems import mma
from accomptk.stems.arrangement import Arrangement, arrange
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.captions import write_caption
from accomptk.stems.chart import Chart
from accomptk.stems.form import write_chart
from accomptk.stems.genres import Genre, genre_of
from accomptk.stems.grooves import Family, families, find_library
from accomptk.stems.mixing import mix
from accomptk.stems.notes import Part, Take, to_midi
from accomptk.stems.render import SOUNDFONTS, find_soundfont, fit, render_midi
from accomptk.stems.song import SongAudio

SPLITS = ("train", "valid", "test")
HELD_OUT_SOUNDFONT = "TimGM6mb"
"""Soundfont of the test split, never heard in training."""

_VERSION = 3  # of the generator: songs of another one are made again
_GOLDEN = 0.6180339887498949
_SHARES = np.array([0.80, 0.88, 1.0])
_TRAIN_SOUNDFONTS = {"FluidR3_GM": 0.55, "MuseScore_General": 0.2, "GMbank": 0.25}
_TAIL_S, _GAP_S = 1.5, 2.5
_ATTEMPTS, _STRIDE = 12, 101
_REVERB_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class BandSong:
    """Makes one song when called; can be sent to another process."""

    seed: int
    index: int
    split: str
    seconds: tuple[float, float]

    @property
    def track(self) -> str:
        """Its name, for instance ``band-0-00012``."""
        return f"band-{self.seed}-{self.index:05d}"

    @property
    def origin(self) -> str:
        """What the song is made from; another version of the generator makes another song."""
        low, high = self.seconds
        return f"band {_VERSION} {self.seed} {self.index} {self.split} {low:g}-{high:g}"

    def __call__(self) -> SongAudio:
        """Write, arrange and render the song."""
        rng = numpy_generator(self.seed, "band", self.index)
        soundfont = _choose_soundfont(rng, self.split)
        for attempt in range(_ATTEMPTS):
            family = self._family(attempt)
            genre = genre_of(family.name)
            chart = write_chart(
                rng,
                meter=family.meter,
                bpm=float(rng.uniform(genre.slowest, genre.fastest)),
                seconds=float(rng.uniform(*self.seconds)),
                is_blues=genre.is_blues and bool(rng.random() < 0.8),
            )
            arrangement = _play(rng, chart, family)
            if {"drums", "bass"} <= set(arrangement.parts):
                return self._finish(rng, chart, arrangement, family, genre, soundfont)
        raise DatasetError(f"{self.track}: found no groove with drums and bass")

    def _family(self, attempt: int) -> Family:
        """The groove family: all of the split in turn, waltzes twice, in an order of the seed."""
        own = [family for family in families(find_library()) if family.split == self.split]
        own += [family for family in own if family.meter == 3]
        order = numpy_generator(self.seed, f"band-{self.split}").permutation(len(own))
        return own[int(order[(self.index + attempt * _STRIDE) % len(order)])]

    def _finish(
        self,
        rng: np.random.Generator,
        chart: Chart,
        arrangement: Arrangement,
        family: Family,
        genre: Genre,
        soundfont: str,
    ) -> SongAudio:
        reverb = bool(rng.random() < _REVERB_SHARE)
        stems = mix(rng, _render(chart, arrangement, soundfont, reverb))
        caption = write_caption(
            rng,
            genre=genre.caption,
            bpm=float(np.median(chart.bpm)),
            key_name=chart.key_name,
            mode=chart.mode,
            level=float(np.mean([bar.level for bar in chart.bars])),
            sounds=arrangement.sounds,
        )
        font = SOUNDFONTS[soundfont]
        return SongAudio(
            track=self.track,
            split=self.split,
            stems={name: (name, wav) for name, wav in stems.items()},
            beats=chart.beats,
            downbeats=chart.downbeats,
            meter=chart.meter,
            chords=chart.chord_spans(),
            key=chart.key_name,
            prompt=caption,
            family=family.name,
            source="band",
            soundfont=soundfont,
            license=f"generated: notes by accomptk and mma, sound of {soundfont} ({font.license})",
            beats_source="known",
        )


def tasks(
    count: int,
    seed: int,
    split: str | None = None,
    seconds: tuple[float, float] = (45.0, 75.0),
) -> list[tuple[str, BandSong]]:
    """Songs to make.

    Args:
        count: How many.
        seed: Root of all their random numbers.
        split: ``train``, ``valid`` or ``test``; None (or ``all``) for 80, 8 and 12 %.
        seconds: Shortest and longest song.

    Returns:
        Names, and what makes each song.
    """
    chosen = None if split in (None, "all") else split
    songs = [BandSong(seed, index, chosen or _split_of(index), seconds) for index in range(count)]
    return [(song.track, song) for song in songs]


def _split_of(index: int) -> str:
    """Splits dealt evenly, so that any run of songs holds them in about their shares."""
    return SPLITS[int(np.searchsorted(_SHARES, (0.1 + index * _GOLDEN) % 1, side="right"))]


def _choose_soundfont(rng: np.random.Generator, split: str) -> str:
    if split == "test":
        return HELD_OUT_SOUNDFONT
    return str(rng.choice(list(_TRAIN_SOUNDFONTS), p=list(_TRAIN_SOUNDFONTS.values())))


def _play(rng: np.random.Generator, chart: Chart, family: Family) -> Arrangement:
    """Let mma play the chart and the band arrange it."""
    names = list(dict.fromkeys(bar.section for bar in chart.bars))
    grooves = {name: str(rng.choice(family.grooves)) for name in names}
    grooves["end"] = grooves[chart.bars[-2].section]
    fill = str(rng.choice(family.fills)) if family.fills and rng.random() < 0.7 else ""
    seed = int(rng.integers(2**31))
    tracks = mma.play(mma.spell_chart(chart, family, grooves, fill=fill, seed=seed))
    return arrange(rng, chart, tracks, writes_fills=not fill)


def _render(
    chart: Chart, arrangement: Arrangement, soundfont: str, reverb: bool
) -> dict[str, NDArray[np.float32]]:
    """Stems [N] of equal length, played one after another on one tape to load sounds once."""
    seconds = chart.end_s + _TAIL_S
    length = round(seconds * SAMPLE_RATE)
    spacing_s = seconds + _GAP_S
    takes: list[Take] = []
    for turn, parts in enumerate(arrangement.parts.values()):
        takes.append(Take(turn * spacing_s, _sounding(parts)))
    midi = to_midi(takes, chart.seconds_at)
    tape = render_midi(midi, find_soundfont(soundfont), reverb=reverb)
    starts = [round(take.offset_s * SAMPLE_RATE) for take in takes]
    return {
        name: fit(tape[start:], length)
        for name, start in zip(arrangement.parts, starts, strict=True)
    }


def _sounding(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(part for part in parts if part.notes)
