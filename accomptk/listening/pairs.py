"""Stretches that go together, and hard ones that do not.

A batch is one instrument of songs of nearly one tempo, all read on one beat grid, so that every
other song's stem is at the right tempo and on the beat. Beside them stand altered copies of each
song's own stem: moved by part of a beat or by beats, and transposed. All is done on levels:
their powers add up, a semitone is two bands, and a stretch of time is read at any speed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accomptk.errors import DatasetError
from accomptk.listening.heard import LONG_HZ, Bytes, HeardSong, to_db
from accomptk.metrics.spectra import (
    BINS_PER_SEMITONE,
    FLOOR_DB,
    FRAME_SAMPLES,
    LONG_STEPS,
    QUIET_DB,
    SAMPLE_RATE,
    SHORT_STEPS,
    Levels,
    band_hz,
    needed,
)
from accomptk.stems.instruments import INSTRUMENTS

Floats = NDArray[np.floating[Any]]

SHIFTS = (0.5, -0.5, 0.25, -0.25, 1.0, -1.0, 2.0)  # beats
SHIFT_ODDS = (0.3, 0.3, 0.1, 0.1, 0.07, 0.07, 0.06)
SEMITONES = (1, -1, 2, -2, 5, -5, 6)
SEMITONE_ODDS = (0.3, 0.3, 0.1, 0.1, 0.07, 0.07, 0.06)
MARGIN_BEATS = 3  # more than the largest shift
MOST_DETUNED = 1.45  # tempo ratio beyond which a beat is read as two, or two as one
LEAST_ACTIVE = 1 / 8
TRIES = 8
UNPITCHED = "drums"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """How pairs are drawn.

    Attributes:
        nearest: Songs of nearest tempo among which they are chosen.
        on_bar: Share of batches whose bars begin together, not only their beats.
        gain_db: Largest change of a stem's level in its context.
        tilt_db: Largest tilt of a spectrum, in dB an octave.
        noise_db: Range of the level of added noise below the loudest band.
        semitones: Largest transposition of a song as a whole.
    """

    nearest: int
    on_bar: float
    gain_db: float
    tilt_db: float
    noise_db: tuple[float, float]
    semitones: int


class Batch(NamedTuple):
    """Levels of contexts, and of stems of which the first so many are theirs, in order."""

    contexts: Levels  # tensors, [B, ...]
    stems: Levels  # tensors, [3 B, ...]: own, moved, and altered otherwise
    is_pitched: bool


class PairSampler:
    """Draws batches from songs held in memory.

    Args:
        songs: Levels of one split.
        pairs: How.
        size: Songs in a batch, at most.
        frames: Length of a stretch.
    """

    def __init__(self, songs: Sequence[HeardSong], pairs: Pairs, size: int, frames: int) -> None:
        self.pairs, self.size, self.frames = pairs, size, frames
        timed = [song for song in songs if song.beats.size > 2 * MARGIN_BEATS]
        self.players = {
            name: [song for song in timed if name in song.instruments and len(song.instruments) > 1]
            for name in INSTRUMENTS
        }
        self.instruments = [name for name, players in self.players.items() if len(players) > 1]

    def batch(self, rng: np.random.Generator, instrument: str | None = None) -> Batch:
        """A batch that depends on the generator alone.

        Raises:
            DatasetError: If the songs are too short or too silent to draw two stretches.
        """
        name = instrument or self.instruments[rng.integers(len(self.instruments))]
        drawn = next((found for _ in range(TRIES) if len(found := self._draw(name, rng)) > 1), None)
        if drawn is None:
            raise DatasetError(
                f"{name}: no two songs play it beside others for {self.frames} frames on end; "
                "prepare longer songs, or hear more seconds of each"
            )
        columns = [[row[i] for row in drawn] for i in range(4)]
        return Batch(
            _stack(columns[0]), _stack(columns[1] + columns[2] + columns[3]), name != UNPITCHED
        )

    def _draw(self, instrument: str, rng: np.random.Generator) -> list[list[Levels]]:
        """Context, own, moved and altered stem of each song that could be read."""
        songs = self.players[instrument]
        period_s = songs[rng.integers(len(songs))].period_s
        nearest = sorted(songs, key=lambda song: _octaves_apart(song.period_s, period_s))
        chosen = rng.permutation(min(self.pairs.nearest, len(nearest)))[: self.size]
        on_bar, phase = rng.random() < self.pairs.on_bar, rng.random()
        drawn = []
        for index in chosen:
            stretch = _Stretch(nearest[index], period_s, phase, self.frames)
            found = self._draw_song(stretch, instrument, on_bar, rng)
            if found is not None:
                drawn.append(found)
        return drawn

    def _draw_song(
        self, stretch: "_Stretch", instrument: str, on_bar: bool, rng: np.random.Generator
    ) -> list[Levels] | None:
        names = stretch.song.instruments
        own = int(rng.choice([i for i, name in enumerate(names) if name == instrument]))
        others = [i for i in range(len(names)) if i != own]
        for start in stretch.starts(on_bar, rng)[:TRIES]:
            stem = stretch.read(own, start)
            context = [stretch.read(i, start) for i in rng.permutation(others)]
            context = [one for one in context if _sounds(one)]
            if context and _sounds(stem):
                break
        else:
            return None
        context = context[: rng.integers(1, len(context) + 1)]
        moved = stretch.read(own, start + rng.choice(SHIFTS, p=SHIFT_ODDS))
        if instrument == UNPITCHED:
            altered = stretch.read(own, start + rng.choice(SHIFTS, p=SHIFT_ODDS))
        else:
            altered = _transpose(stem, int(rng.choice(SEMITONES, p=SEMITONE_ODDS)))
        key = int(rng.integers(-self.pairs.semitones, self.pairs.semitones + 1))
        drawn = [self._mix(context, rng), stem, moved, altered]
        return [self._colour(_transpose(one, key), rng) for one in drawn]

    def _mix(self, stems: Sequence[Levels], rng: np.random.Generator) -> Levels:
        """The stems together: their powers add up."""
        gains = rng.uniform(-self.pairs.gain_db, self.pairs.gain_db, len(stems))
        louder = [[level + gain for level in one] for one, gain in zip(stems, gains, strict=True)]
        return Levels(*(_sum_db(kind) for kind in zip(*louder, strict=True)))

    def _colour(self, stem: Levels, rng: np.random.Generator) -> Levels:
        """Another tilt and noise, so that the sound alone says nothing about the song."""
        tilt = rng.uniform(-self.pairs.tilt_db, self.pairs.tilt_db)
        below_db = rng.uniform(*self.pairs.noise_db)
        coloured = []
        for level, centre_hz in zip(stem, band_hz(), strict=True):
            tilted = level + tilt * np.log2(centre_hz / 500).astype(np.float32)
            noise = np.float32(max(tilted.max(), QUIET_DB) - below_db)
            coloured.append(_sum_db([tilted, np.full_like(tilted, noise)]))
        return Levels(*coloured)


class _Stretch:
    """A song read on another song's beats."""

    def __init__(self, song: HeardSong, period_s: float, phase: float, frames: int) -> None:
        self.song, self.beats = song, song.beats
        steps = 1.0
        while song.period_s * steps > period_s * MOST_DETUNED:
            steps /= 2
        while song.period_s * steps < period_s / MOST_DETUNED:
            steps *= 2
        long, short = needed(frames)
        hop_s = FRAME_SAMPLES / SAMPLE_RATE
        self.at = [
            (np.arange(count) * hop_s / rate / period_s - phase) * steps
            for count, rate in ((long, LONG_STEPS), (short, SHORT_STEPS))
        ]

    def starts(self, on_bar: bool, rng: np.random.Generator) -> NDArray[np.intp]:
        """Beats from which a stretch can be read, in random order."""
        last = self.beats.size - 1 - MARGIN_BEATS - np.ceil(self.at[0][-1])
        allowed = np.arange(MARGIN_BEATS + 1, max(last, 0), dtype=int)
        if on_bar:
            bars = np.searchsorted(self.beats, self.song.downbeats - 0.01)
            allowed = np.intersect1d(allowed, bars)
        shuffled: NDArray[np.intp] = rng.permutation(allowed)
        return shuffled

    def read(self, stem: int, start: float) -> Levels:
        """Levels of a stem from a beat on."""
        numbers = np.arange(self.beats.size)
        kept = (self.song.long[stem], self.song.short[stem])
        rates = (LONG_HZ, LONG_HZ * SHORT_STEPS / LONG_STEPS)
        return Levels(
            *(
                _interpolate(levels, np.interp(at + start, numbers, self.beats) * rate)
                for levels, at, rate in zip(kept, self.at, rates, strict=True)
            )
        )


def _interpolate(kept: Bytes, position: Floats) -> Floats:
    """Levels in dB between frames, [n, bands]."""
    position = np.clip(position, 0, len(kept) - 1.001)
    whole = position.astype(int)
    part = (position - whole).astype(np.float32)[:, None]
    return to_db(kept[whole] * (1 - part) + kept[whole + 1] * part)


def _transpose(stem: Levels, semitones: int) -> Levels:
    bands = semitones * BINS_PER_SEMITONE
    moved = np.full_like(stem.long, FLOOR_DB)
    if bands >= 0:
        moved[:, bands:] = stem.long[:, : stem.long.shape[1] - bands]
    else:
        moved[:, :bands] = stem.long[:, -bands:]
    return Levels(moved, stem.short)


def _sum_db(levels: Sequence[Floats]) -> Floats:
    power = sum(np.exp(level * np.float32(np.log(10) / 10)) for level in levels)
    return np.asarray(10 * np.log10(np.asarray(power)), np.float32)


def _sounds(stem: Levels) -> bool:
    """Whether it plays in a good part of the stretch."""
    return bool((stem.short.max(axis=1) > QUIET_DB).mean() > LEAST_ACTIVE)


def _octaves_apart(one_s: float, other_s: float) -> float:
    octaves = np.log2(one_s / other_s)
    return float(abs(octaves - np.rint(octaves)))


def _stack(stems: Sequence[Levels]) -> Levels:
    def together(kind: int) -> Tensor:
        return torch.from_numpy(np.stack([one[kind] for one in stems]).astype(np.float32))

    return Levels(together(0), together(1))
