"""Whether a ruler can be gamed: how the ground truth ranks among stems that must lose.

Conventions: rows are compared metric by metric, in the direction that each metric calls better.
Ranks count from 1, ties share their mean, and a row for which a metric is undefined comes last.
A row is beaten on a metric where its 95 % interval lies wholly on the worse side of the other's,
or where only the other has a value.
"""

import math
from collections.abc import Mapping, Sequence

from accomptk.metrics.table import QUALITY, Cell, Metric, Row

TRUTH = "ground_truth"


def mean_ranks(rows: Sequence[Row], metrics: Sequence[Metric] = QUALITY) -> dict[str, float]:
    """Mean rank of each row over the metrics that any row has; 1 is best."""
    known = [metric for metric in metrics if any(row.cells.get(metric.key) for row in rows)]
    ranks = [
        _ranks([_badness(row.cells.get(metric.key), metric) for row in rows]) for metric in known
    ]
    return {
        row.model: sum(rank[index] for rank in ranks) / max(len(ranks), 1)
        for index, row in enumerate(rows)
    }


def beaten_on(better: Row, worse: Row, metrics: Sequence[Metric] = QUALITY) -> list[str]:
    """Labels of the metrics on which one row beats another by more than the interval."""
    return [
        metric.label
        for metric in metrics
        if _beats(better.cells.get(metric.key), worse.cells.get(metric.key), metric)
    ]


def shares_above(
    scores: Mapping[str, Mapping[str, float]],
    foil: Mapping[str, Mapping[str, float]],
    instruments: Mapping[str, str],
    key: str,
) -> dict[str, tuple[float, int]]:
    """How often a part's own stem scores above a foil.

    Args:
        scores: Scores by part and metric.
        foil: Those of the foil.
        instruments: Instrument of each part.
        key: The metric.

    Returns:
        Share and number of pairs by instrument; parts without both scores are left out.
    """
    wins: dict[str, list[bool]] = {}
    for part, own in scores.items():
        other = foil.get(part, {})
        if key in own and key in other:
            wins.setdefault(instruments[part], []).append(own[key] > other[key])
    return {name: (sum(some) / len(some), len(some)) for name, some in wins.items()}


def _beats(better: Cell | None, worse: Cell | None, metric: Metric) -> bool:
    if better is None or worse is None:
        return better is not None
    (_, furthest), (nearest, _) = _badness_range(better, metric), _badness_range(worse, metric)
    return furthest < nearest


def _badness(cell: Cell | None, metric: Metric) -> float:
    return math.inf if cell is None else _worse(cell.mean, metric)


def _badness_range(cell: Cell, metric: Metric) -> tuple[float, float]:
    """Least and most badness within the interval."""
    low = cell.mean if cell.low is None else cell.low
    high = cell.mean if cell.high is None else cell.high
    ends = sorted((_worse(low, metric), _worse(high, metric)))
    centre = {"one": 1.0, "zero": 0.0}.get(metric.best)
    if centre is not None and low < centre < high:
        return 0.0, ends[1]
    return ends[0], ends[1]


def _worse(value: float, metric: Metric) -> float:
    """How bad a value is: the larger, the worse."""
    if metric.best == "one":
        return math.inf if value <= 0 else abs(math.log(value))
    if metric.best == "zero":
        return abs(value)
    return -value if metric.best == "high" else value


def _ranks(badness: Sequence[float]) -> list[float]:
    """Ranks from 1, ties sharing their mean."""
    return [
        1 + sum(other < own for other in badness) + (badness.count(own) - 1) / 2 for own in badness
    ]
