"""Tables of a page: cells with their interval drawn to the scale of their column."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from accomptk.metrics.table import (
    BALANCE,
    DETAIL,
    QUALITY,
    SPEED,
    STEADINESS,
    WARMUP,
    Cell,
    Metric,
    Row,
)
from accomptk.report.gallery import Version

Cells = Mapping[str, Cell | None]


class Figure(NamedTuple):
    """A cell in words, and its interval as shares of the column's range in percent."""

    value: float
    text: str
    interval: str
    closeness: str
    first: float
    width: float
    dot: float


class Line(NamedTuple):
    """A row; ``lead`` are its plain columns."""

    version: Version
    colour: int | None
    lead: tuple[str, ...]
    figures: tuple[Figure | None, ...]


class Table(NamedTuple):
    """A table; ``name`` says what it is of."""

    name: str
    lead: tuple[str, ...]
    metrics: tuple[Metric, ...]
    lines: tuple[Line, ...]


def quality_tables(
    names: Sequence[Version], rows: Sequence[Row], by_instrument: Mapping[str, Any]
) -> list[Table]:
    """Quality over all parts, then for each instrument alone; a version a row."""
    tables = [_table("all", QUALITY, names, [row.cells for row in rows])]
    for part in dict.fromkeys(part for found in by_instrument.values() for part in found):
        stored = [by_instrument.get(version.name, {}).get(part, {}) for version in names]
        cells = [{key: value and Cell(**value) for key, value in row.items()} for row in stored]
        tables.append(_table(part, QUALITY, names, cells))
    return tables


def detail_table(names: Sequence[Version], rows: Sequence[Row]) -> Table:
    """What is measured beyond the first table."""
    return _table("detail", (*DETAIL, *BALANCE, *STEADINESS), names, [row.cells for row in rows])


def speed_table(names: Sequence[Version], rows: Sequence[Row]) -> Table:
    """What a step costs the models, and how their streams begin."""
    streams = [pair for pair in zip(names, rows, strict=True) if pair[1].lookahead is not None]
    versions, cells = [name for name, _ in streams], [row.cells for _, row in streams]
    table = _table("speed", (*SPEED, *WARMUP), versions, cells)
    lead = {"hop s": "hop_s", "gap s": "gap_s", "NFE": "nfe"}
    lines = (
        line._replace(lead=tuple(_plain(getattr(row, key)) for key in lead.values()))
        for (_, row), line in zip(streams, table.lines, strict=True)
    )
    return table._replace(lead=tuple(lead), lines=tuple(lines))


def _table(
    name: str, metrics: Sequence[Metric], versions: Sequence[Version], rows: Sequence[Cells]
) -> Table:
    """The metrics that some row has."""
    finite = [{key: cell for key, cell in row.items() if _is_finite(cell)} for row in rows]
    used = tuple(metric for metric in metrics if any(metric.key in row for row in finite))
    models = list(dict.fromkeys(version.model for version in versions if not version.is_anchor))
    spans = {metric.key: _span([row.get(metric.key) for row in finite]) for metric in used}
    lines = tuple(
        Line(
            version,
            None if version.is_anchor else models.index(version.model),
            (),
            tuple(_figure(metric, row.get(metric.key), spans[metric.key]) for metric in used),
        )
        for version, row in zip(versions, finite, strict=True)
    )
    return Table(name, (), used, lines)


def _figure(metric: Metric, cell: Cell | None, span: tuple[float, float]) -> Figure | None:
    if cell is None:
        return None
    low = cell.mean if cell.low is None else cell.low
    high = cell.mean if cell.high is None else cell.high
    digits, scale = metric.digits, 100 / ((span[1] - span[0]) or 1.0)
    interval = "" if cell.low is None else f"{low:.{digits}f} – {high:.{digits}f}"
    closeness = "–" if cell.closeness is None else f"{100 * cell.closeness:.0f} %"
    first = scale * (low - span[0])
    return Figure(
        cell.mean,
        f"{cell.mean:.{digits}f}",
        interval,
        closeness if metric.has_closeness else "",
        first,
        scale * (high - low),
        scale * (cell.mean - span[0]),
    )


def _span(cells: Sequence[Cell | None]) -> tuple[float, float]:
    found = [cell for cell in cells if cell is not None]
    ends = [end for cell in found for end in (cell.mean, cell.low, cell.high) if end is not None]
    return min(ends), max(ends)


def _is_finite(cell: Cell | None) -> bool:
    return cell is not None and math.isfinite(cell.mean)


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
