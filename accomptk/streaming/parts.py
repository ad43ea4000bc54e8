"""What is evaluated: one instrument's part in one song, with all other stems as its context.

A stream begins with the song and runs for 30 s; its first 6 s are a warm-up and the rest is
scored. A song that ends earlier is used as far as it goes; where less than 3 s would be left
to score, its second half is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError, RecipeError
from accomptk.metrics.judge import Scene
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.index import Song, Stem, StemSet
from accomptk.stems.instruments import INSTRUMENTS

STREAM_S = 30.0
WARMUP_S = 6.0
LEAST_SCORED_S = 3.0
LEAST_ACTIVE_S = 1.0

Wav = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One stem of a song, to be played by a model that hears the others.

    Attributes:
        song: The song.
        stem: What the song itself plays there.
    """

    song: Song
    stem: Stem

    @property
    def name(self) -> str:
        """Song and stem, unique in a set."""
        return f"{self.song.track}/{self.stem.stem}"

    @property
    def context(self) -> tuple[Stem, ...]:
        """All other stems of the song."""
        return tuple(stem for stem in self.song.stems if stem.stem != self.stem.stem)

    @property
    def start_s(self) -> float:
        """Where scoring starts."""
        enough = self.song.seconds >= WARMUP_S + LEAST_SCORED_S
        return WARMUP_S if enough else self.song.seconds / 2

    @property
    def end_s(self) -> float:
        """Where scoring ends."""
        return min(STREAM_S, self.song.seconds)

    @property
    def is_short(self) -> bool:
        """Whether the song ends before a whole stream."""
        return self.song.seconds < STREAM_S

    @property
    def scored(self) -> slice:
        """The scored samples of a stream."""
        return samples(self.start_s, self.end_s)

    @property
    def warmup(self) -> slice:
        """The samples before the scored ones."""
        return samples(0.0, self.start_s)


@dataclass(frozen=True, slots=True, eq=False)
class PartAudio:
    """Truth and context of a part from the song's start, both [N] with N = 30 s."""

    truth: Wav
    context: Wav


def choose_songs(stems: StemSet, split: str, most: int | None = None) -> tuple[Song, ...]:
    """Songs of a split, spread evenly over it where there are more than ``most``.

    Args:
        stems: The set.
        split: Its name, ``all``, or ``auto``: test if it has songs, else valid, else all.
        most: Songs wanted; None for all.

    Raises:
        DatasetError: If the split has no songs.
    """
    if split == "auto":
        split = next((name for name in ("test", "valid") if stems.split(name)), "all")
    songs = stems.songs if split == "all" else stems.split(split)
    if not songs:
        raise DatasetError(f"{stems.root}: split '{split}' has no songs; choose another --split")
    return _spread(songs, most or len(songs))


def find_parts(
    songs: Iterable[Song], instruments: Sequence[str]
) -> tuple[list[Part], list[tuple[str, str]]]:
    """The parts to evaluate: each instrument of each song, its busiest stem where it has several.

    Returns:
        The parts, and what was left out as (song, reason).

    Raises:
        RecipeError: If no model plays one of the instruments.
        DatasetError: If no part is left.
    """
    for instrument in instruments:
        if instrument not in INSTRUMENTS:
            raise RecipeError(
                f"instruments: '{instrument}' is not one that a model plays; "
                f"choose from {', '.join(INSTRUMENTS)}"
            )
    parts: list[Part] = []
    left_out: list[tuple[str, str]] = []
    for song in songs:
        if len(song.stems) < 2:
            left_out.append((song.track, "has a single stem, so there is nothing to hear"))
            continue
        for instrument in instruments:
            part = _busiest(song, instrument)
            if part is None:
                left_out.append((song.track, f"{instrument} does not play in the scored seconds"))
            else:
                parts.append(part)
    if not parts:
        raise DatasetError(
            f"no song has {', '.join(instruments)} beside other stems; "
            f"the first: {': '.join(left_out[0]) if left_out else 'there is none'}"
        )
    return parts, left_out


def find_others(
    stems: StemSet, songs: Sequence[Song], instruments: Sequence[str], most: int | None = None
) -> list[Part]:
    """Parts of songs of the other splits, spread evenly over them; none if there are none.

    Args:
        stems: The set.
        songs: What is evaluated.
        instruments: Parts wanted.
        most: Other songs wanted; None for as many as are evaluated.
    """
    used = {song.split for song in songs}
    left = [song for song in stems.songs if song.split not in used and len(song.stems) > 1]
    chosen = _spread(left, most or len(songs))
    found = [_busiest(song, instrument) for song in chosen for instrument in instruments]
    return [part for part in found if part is not None]


def load_part(stems: StemSet, part: Part) -> PartAudio:
    """Read a part's audio; silence follows where the song is shorter than a stream."""
    truth = stems.audio(part.song, part.stem, 0.0, STREAM_S)
    return PartAudio(truth, stems.mix(part.song, part.context, 0.0, STREAM_S))


def to_scene(part: Part, audio: PartAudio) -> Scene:
    """The scored stretch of a part, times counted from its start."""
    return _scene(part, audio, part.start_s, part.end_s)


def to_warmup(part: Part, audio: PartAudio) -> Scene:
    """The stretch before the scored one."""
    return _scene(part, audio, 0.0, part.start_s)


def _scene(part: Part, audio: PartAudio, start_s: float, end_s: float) -> Scene:
    song, inside = part.song, samples(start_s, end_s)
    return Scene(
        instrument=part.stem.instrument,
        sample_rate=SAMPLE_RATE,
        truth=audio.truth[inside],
        context=audio.context[inside],
        beats=_within(song.beats, start_s, end_s),
        downbeats=_within(song.downbeats, start_s, end_s),
        chords=tuple(
            (first - start_s, last - start_s, label)
            for first, last, label in song.chords
            if last > start_s and first < end_s
        ),
        prompt=song.prompt,
    )


def samples(start_s: float, end_s: float) -> slice:
    """A stretch of time as samples of a stream."""
    return slice(round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE))


def _spread(songs: Sequence[Song], most: int) -> tuple[Song, ...]:
    """At most so many songs, evenly spread over all."""
    wanted = min(most, len(songs))
    return tuple(songs[i * len(songs) // wanted] for i in range(wanted))


def _busiest(song: Song, instrument: str) -> Part | None:
    parts = [Part(song, stem) for stem in song.stems if stem.instrument == instrument]
    busiest = max(parts, key=_active_s, default=None)
    return busiest if busiest and _active_s(busiest) >= LEAST_ACTIVE_S else None


def _active_s(part: Part) -> float:
    """Seconds of the scored stretch in which the stem sounds."""
    spans = [min(last, part.end_s) - max(first, part.start_s) for first, last in part.stem.active]
    return sum(span for span in spans if span > 0)


def _within(times: NDArray[np.float64], start_s: float, end_s: float) -> NDArray[np.float64]:
    inside: NDArray[np.float64] = times[(times >= start_s) & (times < end_s)] - start_s
    return inside
