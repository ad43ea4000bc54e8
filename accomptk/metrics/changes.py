"""What changes in a context, and how soon a stem follows.

Conventions: signals are mono, [N]; times are in seconds. Chord and tempo changes are those of
the known chords and beats; levels are measured on the context in hops of half a second, the
median of 2 s after against that of 2 s before. A change of chord or level counts only where the
ground truth follows it: a bass that stays on its note is no failure. What is not followed within
8 hops, or before the chord ends, counts as 8 hops.

Metrics: the mean of each kind of reaction (`accomptk.metrics.reaction`) over the changes, in
seconds, 0 is best; a kind of which there is no change has none. And of all changes together the
share in percent that is followed within 3 s, two hops of the usual window.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics import reaction
from accomptk.metrics.harmony import Chords, Chroma, chord_tones
from accomptk.metrics.onset import SILENCE_DB, level_db

Floats = NDArray[np.floating[Any]]

HOP_S = 0.5
FOLLOWED_HOPS = 6
SHORTEST_CHORD_S = 1.0
SIDE_HOPS = 4
LEAST_CHANGE_DB = 6.0
SIDE_BEATS = 8
LEAST_TEMPO_CHANGE = 0.08


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A stem [N], its rate in Hz, and what was heard in it; None where nobody listened."""

    wav: Floats
    sample_rate: int
    pitches: Chroma | None = None
    beats: Floats | None = None


Follow = Callable[[Heard], int | None]
"""Hops until a stem follows one change; None where nothing can be said."""

Changes = Mapping[str, tuple[Follow, ...]]
"""By metric, the changes that a stem is to follow."""


def find_changes(truth: Heard, context: Floats, chords: Chords, beats: Floats) -> Changes:
    """The changes that the ground truth of a context follows, and all changes of tempo.

    Args:
        truth: The song's own stem.
        context: Sum of the other stems, [N].
        chords: Known chords; empty when unknown.
        beats: Known beats in seconds.
    """
    found = [("reaction_chord", change) for change in _chord_changes(chords)]
    found += _level_changes(context, truth.sample_rate)
    found = [(key, change) for key, change in found if _follows(truth, change)]
    found += [("reaction_tempo", change) for change in _tempo_changes(beats)]
    return {key: tuple(f for k, f in found if k == key) for key, _ in found}


def reactions(made: Heard, changes: Changes) -> dict[str, float]:
    """Mean seconds until a stem follows, by kind of change, and how many it follows in time."""
    hops = {key: [follow(made) for follow in some] for key, some in changes.items()}
    known = {key: [count for count in some if count is not None] for key, some in hops.items()}
    found = {key: HOP_S * float(np.mean(some)) for key, some in known.items() if some}
    counts = np.array([count for some in known.values() for count in some])
    return {**found, "followed": 100 * float(np.mean(counts < FOLLOWED_HOPS))} if found else {}


def _follows(truth: Heard, change: Follow) -> bool:
    hops = change(truth)
    return hops is not None and hops < reaction.PATIENCE


def _chord_changes(chords: Chords) -> Iterator[Follow]:
    """Each chord that lasts and has tones which the one before it lacks."""
    for (_, end_s, old), (start_s, last_s, new) in pairwise(chords):
        before, after = chord_tones(old), chord_tones(new)
        if before is None or after is None or not (after & ~before).any():
            continue
        if start_s >= 0 and start_s - end_s < HOP_S and last_s - start_s >= SHORTEST_CHORD_S:
            yield partial(_chord, old=[(start_s, last_s, old)], new=[(start_s, last_s, new)])


def _level_changes(context: Floats, sample_rate: int) -> Iterator[tuple[str, Follow]]:
    """Where the level moves, where it falls to a stop, and where it comes back from one."""
    size = round(HOP_S * sample_rate)
    hops = context[: context.size // size * size].reshape(-1, size)
    levels = np.array([max(level_db(hop), SILENCE_DB) for hop in hops])
    stop_s = None
    for hop, change_db in _steps(levels, SIDE_HOPS, LEAST_CHANGE_DB):
        time_s = hop * HOP_S
        yield "reaction_level", partial(_level, change_s=time_s, change_db=change_db)
        if change_db <= reaction.STOP_DB:
            stop_s = time_s
            yield "reaction_stop", partial(_stop, change_s=time_s)
        elif stop_s is not None and change_db >= -reaction.STOP_DB:
            yield "recovery", partial(_recovery, stop_s=stop_s, return_s=time_s)
            stop_s = None


def _tempo_changes(beats: Floats) -> Iterator[Follow]:
    """Beats from which on the period is another one."""
    periods = np.log(np.maximum(np.diff(beats), 1e-3))
    for beat, _ in _steps(periods, SIDE_BEATS, float(np.log1p(LEAST_TEMPO_CHANGE))):
        yield partial(_tempo, beats=beats[beat:])


def _steps(values: Floats, side: int, least: float) -> Iterator[tuple[int, float]]:
    """Where the median of ``side`` values moves by ``least``, at the sharpest place nearby."""
    if values.size < 2 * side:
        return
    medians = np.median(np.lib.stride_tricks.sliding_window_view(values, side), axis=1)
    moved = medians[side:] - medians[:-side]
    jumps = np.abs(np.diff(values))[side - 1 : side - 1 + moved.size]
    sharpness = np.where(np.abs(moved) >= least, np.abs(moved) + jumps, 0.0)
    for index in np.flatnonzero(sharpness):
        first = max(index - side, 0)
        if first + int(np.argmax(sharpness[first : index + side + 1])) == index:
            yield int(index) + side, float(moved[index])


def _chord(made: Heard, old: Chords, new: Chords) -> int | None:
    pitches = made.pitches
    return None if pitches is None else reaction.chord_reaction(pitches, HOP_S, old, new)


def _level(made: Heard, change_s: float, change_db: float) -> int | None:
    return reaction.level_reaction(made.wav, made.sample_rate, change_s, HOP_S, change_db)


def _stop(made: Heard, change_s: float) -> int | None:
    return reaction.stop_reaction(made.wav, made.sample_rate, change_s, HOP_S)


def _recovery(made: Heard, stop_s: float, return_s: float) -> int | None:
    return reaction.recovery(made.wav, made.sample_rate, stop_s, return_s, HOP_S)


def _tempo(made: Heard, beats: Floats) -> int | None:
    found = made.beats
    return None if found is None else reaction.tempo_reaction(found, beats, beats[0], HOP_S)
