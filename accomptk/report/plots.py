"""Plots of a page as geometry in pixels; the template draws them as inline SVG."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from accomptk.metrics.anchors import LOWER, UPPER
from accomptk.metrics.table import QUALITY, Cell, Metric, Row

WIDTH, HEIGHT = 340, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 326, 14, 176
DODGE = 7  # pixels between models at the same look-ahead
GUIDES = {UPPER: "upper", LOWER: "lower"}


class Tick(NamedTuple):
    """A labelled place on an axis."""

    at: float
    label: str


class Mark(NamedTuple):
    """A mean with its interval, and its words for people who do not see it."""

    x: float
    y: float
    low: float
    high: float
    label: str
    title: str


class Series(NamedTuple):
    """The marks of one model; ``colour`` counts models."""

    model: str
    colour: int
    marks: tuple[Mark, ...]

    @property
    def line(self) -> str:
        """The marks as points of a polyline."""
        return " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in self.marks)


class Panel(NamedTuple):
    """One plot; a scattered one has a label at each mark and no lines."""

    title: str
    x_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    guides: tuple[Tick, ...]
    series: tuple[Series, ...]
    is_scattered: bool = False


class Scale(NamedTuple):
    """Maps values to pixels."""

    low: float
    high: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        """Pixel of a value; beyond the ends it stays at the end."""
        share = (value - self.low) / (self.high - self.low)
        return self.first + min(1.0, max(0.0, share)) * (self.last - self.first)

    def ticks(self) -> tuple[Tick, ...]:
        """Four or so round values."""
        step = _round_step((self.high - self.low) / 5)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        values = [index * step for index in range(first, last + 1)]
        return tuple(Tick(self(value), f"{value:.{decimals}f}") for value in values)


def lookahead_panels(rows: Sequence[Row]) -> list[Panel]:
    """Each metric of quality against the gap, a line a model, beside two anchors."""
    models = [row for row in rows if row.gap_s is not None]
    gaps = sorted({row.gap_s for row in models if row.gap_s is not None})
    if not gaps:
        return []
    margin = 0.15 * ((gaps[-1] - gaps[0]) or 1.0)
    scale = Scale(gaps[0] - margin, gaps[-1] + margin, LEFT, RIGHT)
    names = {row.gap_s: f"K = {row.lookahead:.3g}" for row in models}
    x_ticks = tuple(Tick(scale(gap), f"{names[gap]}\n{gap:+.3g} s") for gap in gaps)

    def place(row: Row, index: int, count: int) -> float:
        return scale(row.gap_s or 0.0) + DODGE * (index - (count - 1) / 2)

    found = (_panel(metric, rows, place, x_ticks, "look-ahead and gap") for metric in QUALITY)
    return [panel for panel in found if panel is not None]


def compute_panels(rows: Sequence[Row]) -> list[Panel]:
    """Metrics against the real-time factor on a logarithmic axis, a point a row."""
    factors = [cell.mean for row in rows if (cell := row.cells.get("rtf")) and cell.mean > 0]
    if not factors:
        return []
    low, high = math.log10(min(factors)), math.log10(max(*factors, 1.0))
    margin = 0.1 * max(high - low, 0.5)
    scale = Scale(low - margin, high + margin, LEFT, RIGHT)
    values = (1, 2, 5)
    decades = range(math.floor(low - margin), math.ceil(high + margin) + 1)
    steps = [value * 10.0**decade for decade in decades for value in values]
    inside = [step for step in steps if scale.low <= math.log10(step) <= scale.high]
    x_ticks = tuple(Tick(scale(math.log10(step)), f"{step:g}") for step in inside)

    def place(row: Row, index: int, count: int) -> float:
        cell = row.cells.get("rtf")
        return scale(math.log10(cell.mean)) if cell and cell.mean > 0 else math.nan

    chosen = [metric for metric in QUALITY if metric.has_closeness or metric.key == "fad_mix"]
    label = "compute / audio; below 1 is real time"
    found = (_panel(metric, rows, place, x_ticks, label) for metric in chosen)
    return [panel._replace(is_scattered=True) for panel in found if panel is not None]


def _panel(
    metric: Metric,
    rows: Sequence[Row],
    place: Callable[[Row, int, int], float],
    x_ticks: tuple[Tick, ...],
    x_label: str,
) -> Panel | None:
    """One metric's plot; None where no model has it."""
    models = list(dict.fromkeys(row.model for row in rows if row.lookahead is not None))
    cells = {id(row): cell for row in rows if (cell := _finite(row.cells.get(metric.key)))}
    shown = [row for row in rows if id(row) in cells and row.lookahead is not None]
    if not shown:
        return None
    anchors = {row.model: cells[id(row)].mean for row in rows if id(row) in cells}
    guides = {kind: anchors[name] for name, kind in GUIDES.items() if name in anchors}
    scale = _value_scale([*(cells[id(row)] for row in shown)], guides.values())

    def mark(row: Row, index: int) -> Mark | None:
        cell, x = cells[id(row)], place(row, index, len(models))
        low, high = _interval(cell)
        text = f"{row.model}, K = {row.lookahead:.3g}: {cell.mean:.{metric.digits}f}"
        if cell.low is not None:
            text += f" ({low:.{metric.digits}f} to {high:.{metric.digits}f})"
        ends = scale(cell.mean), scale(low), scale(high)
        return None if math.isnan(x) else Mark(x, *ends, f"{row.lookahead:.3g}", text)

    series = []
    for index, model in enumerate(models):
        marks = (mark(row, index) for row in shown if row.model == model)
        kept = sorted(found for found in marks if found is not None)
        series.append(Series(model, index, tuple(kept)))
    return Panel(
        metric.heading,
        x_label,
        x_ticks,
        scale.ticks(),
        tuple(Tick(scale(value), kind) for kind, value in guides.items()),
        tuple(series),
    )


def _value_scale(cells: Iterable[Cell], guides: Iterable[float]) -> Scale:
    values = [*guides, *(end for cell in cells for end in _interval(cell))]
    margin = 0.06 * ((max(values) - min(values)) or 1.0)
    return Scale(min(values) - margin, max(values) + margin, BOTTOM, TOP)


def _interval(cell: Cell) -> tuple[float, float]:
    if cell.low is None or cell.high is None:
        return cell.mean, cell.mean
    return cell.low, cell.high


def _finite(cell: Cell | None) -> Cell | None:
    return cell if cell is not None and math.isfinite(cell.mean) else None


def _round_step(step: float) -> float:
    """The next of 1, 2, 5, 10 at the step's power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(nice * power for nice in (1, 2, 5, 10) if nice * power >= step * (1 - 1e-9))
