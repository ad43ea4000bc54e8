"""Plots of stored rows: quality against gap, hop and compute, as SVG that is the same each time."""

import io
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from accomptk.errors import MissingTool
from accomptk.metrics.anchors import LOWER, UPPER
from accomptk.metrics.table import QUALITY, Cell, Metric, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_INCHES = (3.1, 2.3)
LEGEND_INCHES = 0.35
COLUMNS = 3
TICKS = (1, 1.5, 2, 3, 4, 5, 7)  # of a decade
GUIDES = {UPPER: ("truth through the codec", "--"), LOWER: ("another song", ":")}
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "accomptk",  # names inside the file, otherwise random
    "svg.fonttype": "none",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
}

Place = Callable[[Row], float | None]
Series = Sequence[tuple[str, Sequence[Row]]]


def plots(rows: Sequence[Row]) -> dict[str, str]:
    """SVG by name: ``gap``, ``hop`` and ``compute``, as far as the rows differ in them.

    Raises:
        MissingTool: If matplotlib is not installed.
    """
    models = [row for row in rows if row.lookahead is not None]
    found = {}
    if _differ(models, _gap):
        series = _series(models, lambda row: f"{row.model}{_hop_words(models, row)}")
        found["gap"] = _draw(rows, series, _gap, "gap between hearing and playing, s")
    if _differ(models, _hop):
        series = _series(models, lambda row: f"{row.model}, K = {row.lookahead:.3g}")
        found["hop"] = _draw(rows, series, _hop, "hop, s")
    if _differ(models, _rtf):
        series = _series(models, lambda row: row.model)
        found["compute"] = _draw(rows, series, _rtf, "compute / audio (below 1 is real time)", True)
    return found


def pareto(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points (cost, worth) that no cheaper one is better than, by cost."""
    front: list[tuple[float, float]] = []
    for cost, worth in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or worth > front[-1][1]:
            front.append((cost, worth))
    return front


def _draw(
    rows: Sequence[Row], series: Series, place: Place, label: str, has_front: bool = False
) -> str:
    """One panel a metric; the front of cost and quality where ``has_front``."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingTool("matplotlib is not installed: pip install matplotlib") from error
    metrics = [m for m in QUALITY if _is_shown(m) and _values(rows, m)]
    lines = math.ceil(len(metrics) / COLUMNS)
    width, height = PANEL_INCHES
    with rc_context(STYLE):
        size = (COLUMNS * width, lines * height + LEGEND_INCHES)
        figure = Figure(figsize=size)
        figure.subplots_adjust(
            left=0.06,
            right=0.98,
            wspace=0.28,
            hspace=0.6,
            bottom=0.45 / size[1],
            top=1 - (LEGEND_INCHES + 0.15) / size[1],
        )
        for index, metric in enumerate(metrics, start=1):
            axes = figure.add_subplot(lines, COLUMNS, index)
            _draw_panel(axes, metric, rows, series, place, "none" if has_front else "-")
            if has_front:
                _draw_front(axes, metric, series, place)
                _scale_log(axes)
            axes.set_xlabel(label)
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="upper center", ncols=6, frameon=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _draw_panel(
    axes: "Axes", metric: Metric, rows: Sequence[Row], series: Series, place: Place, line: str
) -> None:
    """Means with their intervals, joined by ``line``, beside two anchors."""
    for name, (words, dashes) in GUIDES.items():
        cells = [cell for row in rows if row.model == name and (cell := _cell(row, metric))]
        if cells:
            axes.axhline(cells[0].mean, color="grey", linestyle=dashes, linewidth=1, label=words)
    for name, members in series:
        known = _points(members, metric, place)
        if known:
            axes.errorbar(
                [at for at, _ in known],
                [cell.mean for _, cell in known],
                yerr=[_below([c for _, c in known]), _above([c for _, c in known])],
                marker="o",
                markersize=3,
                linestyle=line,
                linewidth=1,
                elinewidth=0.7,
                capsize=2,
                alpha=0.8,
                label=name,
            )
    axes.set_title(metric.heading, fontsize=8)


def _scale_log(axes: "Axes") -> None:
    """A logarithmic axis with plain numbers, even where it spans less than a decade."""
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")


def _draw_front(axes: "Axes", metric: Metric, series: Series, place: Place) -> None:
    """A line through what is worth its compute."""
    sign = -1 if metric.best == "low" else 1
    rows = [row for _, members in series for row in members]
    points = _points(rows, metric, place)
    front = pareto([(at, sign * cell.mean) for at, cell in points])
    cost, worth = zip(*front, strict=True) if front else ((), ())
    best = [sign * value for value in worth]
    axes.plot(cost, best, color="black", linewidth=0.8, alpha=0.5, drawstyle="steps-post")


def _points(rows: Sequence[Row], metric: Metric, place: Place) -> list[tuple[float, Cell]]:
    """Where each row lies that has the metric, in order."""
    pairs = [(place(row), _cell(row, metric)) for row in rows]
    known = [(at, cell) for at, cell in pairs if at is not None and cell is not None]
    return sorted(known, key=lambda pair: pair[0])


def _series(rows: Sequence[Row], name: Callable[[Row], str]) -> Series:
    """Rows by name, names in their first order."""
    names = dict.fromkeys(name(row) for row in rows)
    return [(one, [row for row in rows if name(row) == one]) for one in names]


def _differ(rows: Sequence[Row], place: Place) -> bool:
    return len({at for row in rows if (at := place(row)) is not None}) > 1


def _gap(row: Row) -> float | None:
    return row.gap_s


def _hop(row: Row) -> float | None:
    return row.hop_s


def _rtf(row: Row) -> float | None:
    cell = row.cells.get("rtf")
    return None if cell is None else cell.mean


def _hop_words(rows: Sequence[Row], row: Row) -> str:
    return f", hop {row.hop_s:.3g} s" if _differ(rows, _hop) else ""


def _is_shown(metric: Metric) -> bool:
    """Where more is better and there is something to compare with, or the distance of mixes."""
    return metric.has_closeness or metric.key == "fad_mix"


def _values(rows: Sequence[Row], metric: Metric) -> list[Cell]:
    return [cell for row in rows if row.lookahead is not None and (cell := _cell(row, metric))]


def _cell(row: Row, metric: Metric) -> Cell | None:
    return row.cells.get(metric.key)


def _below(cells: Sequence[Cell]) -> list[float]:
    return [cell.mean - cell.low if cell.low is not None else 0.0 for cell in cells]


def _above(cells: Sequence[Cell]) -> list[float]:
    return [cell.high - cell.mean if cell.high is not None else 0.0 for cell in cells]
