"""Gathers what the judges said of all parts and turns it into rows with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.adherence import asked_genre, class_recovered
from accomptk.metrics.closeness import Interval, bootstrap, closeness
from accomptk.metrics.judge import Judged
from accomptk.metrics.table import METRICS, Cell, Metric
from accomptk.run import numpy_generator
from accomptk.stems.genres import genres
from accomptk.streaming.parts import Part

Floats = NDArray[np.floating[Any]]
BySong = Sequence[Floats]
Distance = Callable[[BySong], Interval | None]
"""Frechet distance of the embeddings [n, d] of each song from a reference, with interval."""

Ruler = Callable[[BySong, int], Distance]
"""Makes the distance to a reference; the seed draws the songs of the interval."""

Rulers = Mapping[str, tuple[str, Ruler]]
"""By metric: the kind of embeddings, ``stem`` or ``mix``, and the ruler."""

FROM_SONGS = tuple(metric.key for metric in METRICS if metric.counts == "songs")


@dataclass(slots=True)
class Tally:
    """What one row is made from.

    Attributes:
        judged: By part.
        sources: By part, the song that its stem was taken from where that is another one.
        step_ms: Compute of each step of a batch.
        rtf: The same over the audio made a step.
        late: Share of late streams at each step; empty where there is no deadline.
        nfe: Network evaluations a step; None for a recording.
    """

    judged: dict[str, Judged] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    step_ms: list[float] = field(default_factory=list)
    rtf: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    nfe: int | None = None

    def by_song(self, key: str, parts: Sequence[Part]) -> Floats:
        """A score as the mean over the parts of each song, [songs]; NaN where undefined."""
        return np.array([_mean(self._scores(key, group)) for group in _songs(parts)])

    def embeddings(self, kind: str, parts: Sequence[Part]) -> list[Floats]:
        """Embeddings of all parts of each song, [n, d] a song."""
        groups = [[p for p in group if p.name in self.judged] for group in _songs(parts)]
        return [
            np.concatenate([getattr(self.judged[part.name], kind) for part in group])
            for group in groups
            if group
        ]

    def _scores(self, key: str, parts: Sequence[Part]) -> list[float]:
        found = [self.judged[part.name].scores for part in parts if part.name in self.judged]
        return [scores[key] for scores in found if key in scores]


def with_adherence(tally: Tally, upper: Tally, parts: Sequence[Part]) -> Tally:
    """The same, also scored for how much each stem sounds like others of its kind.

    A stem is never among its own examples: neither those of the song that it accompanies count,
    nor those of the song that it was taken from.

    Args:
        tally: Whose scores get an ``adherence_instrument``, and an ``adherence_genre`` where the
            song's prompt names one.
        upper: Of the ground truth through the codec; that of other songs are the examples.
        parts: What was played.
    """
    known = [genre.caption for genre in genres()]
    genre_of = {part.name: asked_genre(part.song.prompt, known) for part in parts}
    scored = dict(tally.judged)
    for part in (part for part in parts if part.name in scored):
        judged = scored[part.name]
        own = (part.song.track, tally.sources.get(part.name))
        others = [p for p in parts if p.song.track not in own and p.name in upper.judged]
        alike = [p for p in others if p.stem.instrument == part.stem.instrument]
        instruments = [(p.stem.instrument, upper.judged[p.name].stem) for p in others]
        styles = [(genre_of[p.name], upper.judged[p.name].stem) for p in alike]
        shares = {
            "adherence_instrument": _share(judged.stem, part.stem.instrument, instruments),
            "adherence_genre": _share(judged.stem, genre_of[part.name], styles),
        }
        found = {name: share for name, share in shares.items() if share is not None}
        scored[part.name] = replace(judged, scores={**judged.scores, **found})
    return replace(tally, judged=scored)


def song_cells(
    tally: Tally, upper: Tally, lower: Tally, parts: Sequence[Part], seed: int
) -> dict[str, Cell | None]:
    """Cells of the metrics that are means over songs.

    Args:
        tally: Of the row.
        upper: Of the ground truth through the codec.
        lower: Of the random pairing.
        parts: Which to count.
        seed: Draws the songs; the same draws for every row.
    """
    metrics = {metric.key: metric for metric in METRICS}
    return {key: _song_cell(metrics[key], tally, upper, lower, parts, seed) for key in FROM_SONGS}


def distance_cells(
    tally: Tally, distances: Mapping[str, tuple[str, Distance]], parts: Sequence[Part]
) -> dict[str, Cell | None]:
    """Cells of the Frechet distances, by metric; each with the kind of its embeddings."""
    found = {key: tally.embeddings(kind, parts) for key, (kind, _) in distances.items()}
    return {
        key: Cell.of(distances[key][1](songs)) if songs else None for key, songs in found.items()
    }


def speed_cells(tally: Tally, seed: int) -> dict[str, Cell | None]:
    """Cells of what a step cost; real-time factor, time and share of late steps."""
    values = {"step_ms": tally.step_ms, "rtf": tally.rtf, "misses": tally.late}
    return {
        key: Cell.of(bootstrap(np.array(value, float), numpy_generator(seed, f"bootstrap/{key}")))
        for key, value in values.items()
    }


def _song_cell(
    metric: Metric, tally: Tally, upper: Tally, lower: Tally, parts: Sequence[Part], seed: int
) -> Cell | None:
    values = tally.by_song(metric.key, parts)
    interval = bootstrap(values, numpy_generator(seed, f"bootstrap/{metric.key}"))
    if not metric.has_closeness:
        return Cell.of(interval)
    floor, ceiling = lower.by_song(metric.key, parts), upper.by_song(metric.key, parts)
    rng = numpy_generator(seed, f"closeness/{metric.key}")
    low_is_better = metric.best == "low"
    return Cell.of(interval, closeness(values, floor, ceiling, rng, low_is_better=low_is_better))


def _songs(parts: Sequence[Part]) -> list[list[Part]]:
    """Parts by song, songs in order of their names."""
    groups: dict[str, list[Part]] = {}
    for part in sorted(parts, key=lambda part: part.name):
        groups.setdefault(part.song.track, []).append(part)
    return list(groups.values())


def _share(
    patches: Floats, asked: str | None, others: Sequence[tuple[str | None, Floats]]
) -> float | None:
    """Share of a stem that is recovered as what was asked for, among others of known kinds."""
    examples: dict[str, list[Floats]] = {}
    for name, other in others:
        if name is not None:
            examples.setdefault(name, []).append(other)
    return None if asked is None else class_recovered(patches, asked, examples)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
