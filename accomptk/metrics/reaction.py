"""How many hops a player needs to follow its context.

Conventions: a stem is mono, [N]; at ``change_s`` something in its context changed. Time is
counted in hops of ``hop_s`` from there: 0 means that it was followed within the first hop, and
what is not followed within ``PATIENCE`` hops counts as that many. None where nothing can be
said: less than two hops before or after the change, or a stem that was silent before it.

Metrics: hops until a change of level is followed by at least half as many decibels for two
hops in a row; until a stop is followed by a fall of 20 dB; until the stem is back within 6 dB
after the context is (recovery); until clearly more of its pitch-class energy lies on the new
chords than on the old ones; until four beats in a row are on the new grid.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.beat import WINDOW_S
from accomptk.metrics.harmony import Chords, Chroma, chord_tone_share
from accomptk.metrics.onset import SILENCE_DB, level_db

Floats = NDArray[np.floating[Any]]

PATIENCE = 8
FOLLOWED = 0.5  # of the context's own change
STOP_DB = -20.0
BACK_DB = -6.0
BEATS_IN_A_ROW = 4
MORE_SHARE = 0.1  # of the energy; on a note of both chords, less is leakage


def validate(made: Floats, change_s: float, hop_s: float) -> None:
    """Refuse what has no hops.

    Raises:
        ValueError: If the stem is not [N] of finite numbers, or a time is not positive.
    """
    if made.ndim != 1 or not np.isfinite(made).all():
        raise ValueError(f"reaction: a stem of shape {made.shape}; it must be finite numbers, [N]")
    if hop_s <= 0 or change_s < 0:
        raise ValueError(f"reaction: hop of {hop_s} s, change at {change_s} s; give times")


def level_reaction(
    made: Floats, sample_rate: int, change_s: float, hop_s: float, change_db: float
) -> int | None:
    """Hops until the level follows a change of the context's by ``change_db``."""
    before, after = _levels(made, sample_rate, change_s, hop_s)
    if before is None or len(after) < 2:
        return None
    moved = (np.array(after) - before) / change_db >= FOLLOWED
    return _first(moved[:-1] & moved[1:])


def stop_reaction(made: Floats, sample_rate: int, change_s: float, hop_s: float) -> int | None:
    """Hops until the stem falls silent with its context."""
    before, after = _levels(made, sample_rate, change_s, hop_s)
    return None if before is None else _first(np.array(after) - before <= STOP_DB)


def recovery(
    made: Floats, sample_rate: int, stop_s: float, return_s: float, hop_s: float
) -> int | None:
    """Hops until the stem is as loud as before the stop, counted from the context's return."""
    before, _ = _levels(made, sample_rate, stop_s, hop_s)
    if before is None:
        return None
    _, after = _levels(made, sample_rate, return_s, hop_s)
    return _first(np.array(after) - before >= BACK_DB)


def chord_reaction(pitches: Chroma, hop_s: float, old: Chords, new: Chords) -> int | None:
    """Hops until the stem's notes belong to the new chords rather than to the old ones.

    Args:
        pitches: What the stem plays.
        hop_s: Length of a hop.
        old: The chords as they would have gone on.
        new: The chords as they are, from the change on.
    """
    if pitches.silent or not new:
        return None
    end_s = min(new[-1][1], float(pitches.time_s[-1]))
    follows = []
    for start_s, stop_s in _hops(new[0][0], hop_s, end_s):
        before, after = (
            chord_tone_share(pitches, _between(chords, start_s, stop_s)) for chords in (old, new)
        )
        follows.append(before is not None and after is not None and after - before >= MORE_SHARE)
    return _first(np.array(follows, bool))


def tempo_reaction(found: Floats, beats: Floats, change_s: float, hop_s: float) -> int | None:
    """Hops until the beats of the stem are on the context's new ones.

    Args:
        found: Beats that a tracker hears in the stem, in seconds.
        beats: Beats of the context from the change on.
        change_s: Where the tempo changes.
        hop_s: Length of a hop.
    """
    after = found[found >= change_s]
    if after.size < BEATS_IN_A_ROW or beats.size < BEATS_IN_A_ROW:
        return None
    right = np.abs(after[:, None] - beats).min(axis=1) <= WINDOW_S
    row = np.lib.stride_tricks.sliding_window_view(right, BEATS_IN_A_ROW).all(axis=1)
    if not row.any():
        return PATIENCE
    return min(PATIENCE, int((after[np.argmax(row)] - change_s) // hop_s))


def _levels(
    made: Floats, sample_rate: int, change_s: float, hop_s: float
) -> tuple[float | None, list[float]]:
    """Median level of the hops before, None when silent, and that of each hop after."""
    validate(made, change_s, hop_s)

    def level(start_s: float) -> float:
        first, last = round(start_s * sample_rate), round((start_s + hop_s) * sample_rate)
        return max(level_db(made[first:last]), SILENCE_DB)

    starts = change_s - hop_s * np.arange(1, min(PATIENCE, int(change_s / hop_s)) + 1)
    before = float(np.median([level(start_s) for start_s in starts])) if len(starts) > 1 else None
    after = [level(start_s) for start_s, _ in _hops(change_s, hop_s, made.size / sample_rate)]
    return (None if before is None or before <= SILENCE_DB else before), after


def _hops(change_s: float, hop_s: float, end_s: float) -> Iterator[tuple[float, float]]:
    """Start and end of each whole hop after the change."""
    for index in range(min(PATIENCE, int((end_s - change_s) / hop_s + 1e-6))):
        yield change_s + index * hop_s, change_s + (index + 1) * hop_s


def _first(followed: NDArray[np.bool_]) -> int | None:
    if not followed.size:
        return None
    return int(np.argmax(followed)) if followed.any() else PATIENCE


def _between(chords: Chords, start_s: float, end_s: float) -> Chords:
    return [
        (max(first, start_s), min(last, end_s), label)
        for first, last, label in chords
        if last > start_s and first < end_s
    ]
