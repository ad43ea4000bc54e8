"""Means with intervals over songs, and where a value lies between two anchors.

Conventions: a metric is given as one value a song, NaN where it is undefined. Songs are drawn
with replacement; an interval is the 2.5 to 97.5 percentile of the means. Closeness is
(value - random) / (upper - random), a ratio of means: 0 is no better than a random pairing, 1
as good as the ground truth through the codec. All three means come from the same draw of
songs, so what the songs have in common cancels. Where the upper anchor is not better than the
random pairing by more than the interval, there is no scale to be placed on, and no closeness.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

DRAWS = 2000
PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Interval:
    """Mean of ``n`` values with a 95 % interval; no interval (None) from a single value."""

    mean: float
    low: float | None
    high: float | None
    n: int


def bootstrap(values: Floats, rng: np.random.Generator, draws: int = DRAWS) -> Interval | None:
    """Mean over the songs with its 95 % interval.

    Args:
        values: One value a song, [songs]; NaN is left out.
        rng: Draws the songs.
        draws: Resamples.

    Returns:
        The interval, or None when no song has a value.
    """
    known = values[np.isfinite(values)]
    if known.size == 0:
        return None
    if known.size == 1:
        return Interval(float(known[0]), None, None, 1)
    means = known[rng.integers(known.size, size=(draws, known.size))].mean(axis=1)
    low, high = np.percentile(means, PERCENTILES)
    return Interval(float(known.mean()), float(low), float(high), int(known.size))


def closeness(
    value: Floats,
    random: Floats,
    upper: Floats,
    rng: np.random.Generator,
    *,
    low_is_better: bool = False,
    draws: int = DRAWS,
) -> Interval | None:
    """Position of a metric between the random pairing (0) and the upper anchor (1).

    Args:
        value: The metric of the model, one value a song, [songs].
        random: The same songs with the stem of another song.
        upper: The same songs with the ground truth through the codec.
        rng: Draws the songs, jointly for all three.
        low_is_better: Direction of the metric.
        draws: Resamples.

    Returns:
        Ratio of means with its interval, or None when fewer than two songs have all three
        values, or the anchors overlap or are in the wrong order.

    Raises:
        ValueError: If the three are not of one length.
    """
    if not value.shape == random.shape == upper.shape:
        raise ValueError(f"songs differ: {value.shape}, {random.shape}, {upper.shape}")
    table = np.stack([value, random, upper])
    table = table[:, np.isfinite(table).all(axis=0)]
    songs = table.shape[1]
    if songs < 2:
        return None
    means = table[:, rng.integers(songs, size=(draws, songs))].mean(axis=2)
    room = means[2] - means[1]
    if np.percentile(-room if low_is_better else room, PERCENTILES[0]) <= 0:
        return None
    apart = room != 0  # a draw in which the anchors meet has no ratio
    low, high = np.percentile((means[0] - means[1])[apart] / room[apart], PERCENTILES)
    mean, floor, ceiling = table.mean(axis=1)
    return Interval(float((mean - floor) / (ceiling - floor)), float(low), float(high), songs)
