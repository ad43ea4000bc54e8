"""How rows of results look: tables of text, for terminal and Markdown."""

import math
from collections.abc import Sequence

from accomptk.metrics.foils import FOILS
from accomptk.metrics.ranking import TRUTH, beaten_on, mean_ranks
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

Table = tuple[list[str], list[list[str]]]
"""Headings, and lines of text cells."""

UNDEFINED = "–"
STEADINESS_NOTE = (
    "Changes: mean time until a stem follows one that the ground truth follows, 4 s where it does "
    "not; followed: within 3 s. Drifts: a minute, apart from that of the ground truth."
)
BALANCE_NOTE = (
    "Level and shares of the power by range of pitch: apart from those of the ground truth; "
    "silent: of its blocks of 4 s."
)
SPEED_NOTE = "Speed: a step of a batch of streams, each with a context of its own,"


def to_markdown(rows: Sequence[Row]) -> str:
    """All tables in Markdown, then one line on where they come from."""
    made = [_markdown(*table) for table in tables(rows)]
    return "\n".join((*made, f"{footnote(rows)}\n"))


def tables(rows: Sequence[Row]) -> list[Table]:
    """Headings and text cells of every table that has something to show."""
    made = (
        quality_table(rows),
        detail_table(rows),
        balance_table(rows),
        steadiness_table(rows),
        ranking_table(rows),
        speed_table(rows),
    )
    return [table for table in made if table[1]]


def quality_table(rows: Sequence[Row]) -> Table:
    """Headings and text cells: who played at which look-ahead, and how well."""
    return _table_of(rows, QUALITY)


def detail_table(rows: Sequence[Row]) -> Table:
    """Headings and text cells of what stands behind the quality."""
    return _table_of(rows, DETAIL)


def balance_table(rows: Sequence[Row]) -> Table:
    """Headings and text cells: whether it is as loud as the truth, high and low."""
    return _table_of(rows, BALANCE)


def steadiness_table(rows: Sequence[Row]) -> Table:
    """Headings and text cells: how soon changes are followed, and what drifts without any."""
    return _table_of(rows, STEADINESS)


def ranking_table(rows: Sequence[Row]) -> Table:
    """Headings and text cells of how the ground truth ranks, where foils stand beside it."""
    truth = next((row for row in rows if row.model == TRUTH), None)
    if truth is None or not any(row.model in FOILS for row in rows):
        return [], []
    ranks = mean_ranks(rows)
    heading = ["model", "mean rank ↓", "the ground truth beats it on"]
    ordered = sorted(rows, key=lambda row: ranks[row.model])
    return heading, [
        [row.model, f"{ranks[row.model]:.1f}", ", ".join(beaten_on(truth, row)) or "–"]
        for row in ordered
    ]


def speed_table(rows: Sequence[Row]) -> Table:
    """Headings and text cells of the models: what a step cost, and how the stream began."""
    models = [row for row in rows if row.lookahead is not None]
    metrics = _known(models, (*SPEED, *WARMUP))
    heading = ["model", "K", "hop s", "gap s", "NFE", *(metric.heading for metric in metrics)]
    lines = []
    for row in models:
        lead = (row.lookahead, row.hop_s, row.gap_s, row.nfe)
        lines.append([row.model, *map(_short, lead), *_texts(row, metrics)])
    return heading, lines


def footnote(rows: Sequence[Row]) -> str:
    """What the rows were measured on, by whom and on which machine."""
    if not rows:
        return ""
    models = [row for row in rows if row.lookahead is not None]
    row = (models or rows)[0]
    notes = [
        f"Songs: {row.songs}, of which {row.seconds:.0f} s of stems are scored; seed {row.seed}.",
        "A cell is a mean with its 95 % interval over songs; the percentage is closeness: 0 is a "
        "random pairing, 100 the ground truth through the codec, – where these two overlap.",
        row.judges,
    ]
    if models:
        notes.append(f"Beats given to the models: {_beats(models)}. {SPEED_NOTE} on {row.machine}.")
    if _known(rows, BALANCE):
        notes.append(BALANCE_NOTE)
    if _known(rows, STEADINESS):
        notes.append(STEADINESS_NOTE)
    if row.latency:
        notes.append(f"Late chunks are cut; latency: {row.latency}.")
    return " ".join(notes)


def _beats(models: Sequence[Row]) -> str:
    """Where the beats of the models came from; by model where that differs."""
    sources = {row.beats for row in models}
    if len(sources) == 1:
        return sources.pop()
    return ", ".join(dict.fromkeys(f"{row.model} {row.beats}" for row in models))


def _table_of(rows: Sequence[Row], metrics: Sequence[Metric]) -> Table:
    """A line for each row that has any of the metrics, a column for each that any row has."""
    known = _known(rows, metrics)
    rows = [row for row in rows if any(row.cells.get(metric.key) for metric in known)]
    heading = ["model", "K", *(metric.heading for metric in known)]
    lines = [[row.model, _short(row.lookahead), *_texts(row, known)] for row in rows]
    return heading, lines


def _known(rows: Sequence[Row], metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics that any row has."""
    return [m for m in metrics if any(row.cells.get(m.key) is not None for row in rows)]


def _texts(row: Row, metrics: Sequence[Metric]) -> list[str]:
    return [_text(row.cells.get(metric.key), metric) for metric in metrics]


def _text(cell: Cell | None, metric: Metric) -> str:
    """``0.62 · 80 % (0.55-0.70)``, where 80 % is the closeness; a dash for what is undefined."""
    if cell is None or not math.isfinite(cell.mean):
        return UNDEFINED
    digits = metric.digits
    mean = f"{cell.mean:.{digits}f}"
    if metric.has_closeness:
        mean += f" · {UNDEFINED if cell.closeness is None else f'{100 * cell.closeness:.0f} %'}"
    if cell.low is None or cell.high is None:
        return mean
    return f"{mean} ({cell.low:.{digits}f}–{cell.high:.{digits}f})"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _markdown(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---"] + ["--:"] * (len(heading) - 1)
    return "".join(f"| {' | '.join(line)} |\n" for line in (heading, rule, *lines))
