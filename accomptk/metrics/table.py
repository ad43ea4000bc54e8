"""Rows of results: one model at one look-ahead, or one anchor, as JSON and CSV.

A cell is a mean with its 95 % interval and the number of things it is the mean of; a metric
that is not defined for a row has no cell and is null in JSON and empty in CSV.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from accomptk.errors import DatasetError
from accomptk.metrics.closeness import Interval
from accomptk.run import replacing

_ARROWS = {"high": "↑", "low": "↓", "one": "→1", "zero": "→0"}


@dataclass(frozen=True, slots=True)
class Metric:
    """A column: its key, heading, direction, what its ``n`` counts, and whether it is scaled."""

    key: str
    label: str
    best: Literal["high", "low", "one", "zero"]
    counts: str
    has_closeness: bool = False
    digits: int = 2

    @property
    def heading(self) -> str:
        """Label with an arrow to the better side."""
        return f"{self.label} {_ARROWS[self.best]}"


QUALITY = (
    Metric("fad_stem", "FAD stem", "low", "patches", digits=1),
    Metric("fad_mix", "FAD mix", "low", "patches", digits=1),
    Metric("beat_f1", "beat F1", "high", "songs", has_closeness=True),
    Metric("onset_f1", "onset F1", "high", "songs", has_closeness=True),
    Metric("onset_density", "density", "one", "songs"),
    Metric("bar_distance", "bar dist.", "low", "songs"),
    Metric("harmony", "chord tones", "high", "songs", has_closeness=True),
    Metric("pitch_distance", "pitch dist.", "low", "songs"),
    Metric("coherence", "coherence", "high", "songs", has_closeness=True),
)
DETAIL = (
    Metric("fad_inf", "FAD-inf stem", "low", "patches", digits=1),
    Metric("cmlt", "CMLt", "high", "songs", has_closeness=True),
    Metric("amlt", "AMLt", "high", "songs", has_closeness=True),
    Metric("coherence_harmonic", "coherence, harmonic", "high", "songs", has_closeness=True),
    Metric("coherence_percussive", "coherence, percussive", "high", "songs", has_closeness=True),
    Metric("adherence_instrument", "instrument", "high", "songs", has_closeness=True),
    Metric("adherence_genre", "genre", "high", "songs", has_closeness=True),
    Metric("adherence_tempo", "tempo as asked", "high", "songs", has_closeness=True),
)
BALANCE = (
    Metric("level_apart", "level dB", "zero", "songs", digits=1),
    Metric("low_apart", "below 400 Hz dB", "zero", "songs", digits=1),
    Metric("mid_apart", "to 4 kHz dB", "zero", "songs", digits=1),
    Metric("high_apart", "above dB", "zero", "songs", digits=1),
    Metric("silent", "silent %", "low", "songs", digits=1),
)
STEADINESS = (
    Metric("followed", "followed %", "high", "songs", digits=0),
    Metric("reaction_chord", "chord change s", "low", "songs"),
    Metric("reaction_level", "level change s", "low", "songs"),
    Metric("reaction_stop", "stop s", "low", "songs"),
    Metric("recovery", "recovery s", "low", "songs"),
    Metric("reaction_tempo", "tempo change s", "low", "songs"),
    Metric("level_drift", "level drift dB", "low", "songs", digits=1),
    Metric("centroid_drift", "brightness drift oct.", "low", "songs"),
    Metric("tempo_drift", "tempo drift %", "low", "songs", digits=1),
)
SPEED = (
    Metric("rtf", "RTF", "low", "steps", digits=3),
    Metric("step_ms", "step ms", "low", "steps", digits=0),
    Metric("misses", "late steps", "low", "steps"),
)
WARMUP = (
    Metric("warmup_onset_f1", "onset F1, first 6 s", "high", "songs"),
    Metric("warmup_harmony", "chord tones, first 6 s", "high", "songs"),
)
METRICS = (*QUALITY, *DETAIL, *BALANCE, *STEADINESS, *SPEED, *WARMUP)


@dataclass(frozen=True, slots=True)
class Cell:
    """A mean with its 95 % interval, and its place between the anchors where defined."""

    mean: float
    low: float | None
    high: float | None
    n: int
    closeness: float | None = None
    closeness_low: float | None = None
    closeness_high: float | None = None

    @classmethod
    def of(cls, interval: Interval | None, close: Interval | None = None) -> "Cell | None":
        """The cell of an interval; None for none."""
        if interval is None:
            return None
        scaled = (None, None, None) if close is None else (close.mean, close.low, close.high)
        return cls(interval.mean, interval.low, interval.high, interval.n, *scaled)

    def to_json(self, has_closeness: bool) -> dict[str, Any]:
        """The object that ``eval --json`` prints."""
        value = {"mean": self.mean, "low": self.low, "high": self.high, "n": self.n}
        if has_closeness:
            value |= {
                "closeness": self.closeness,
                "closeness_low": self.closeness_low,
                "closeness_high": self.closeness_high,
            }
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table.

    Attributes:
        model: Name of the model or of the anchor.
        cells: By metric key; a metric without a cell is undefined here.
        lookahead: K; None for an anchor, as the four below.
        gap_s: Chunk start minus heard-until.
        hop_s: Length of a chunk.
        nfe: Network evaluations a chunk.
        checkpoint: First 8 digits of the SHA-256.
        recipe: Recipe of the model.
        songs: Songs it was measured on.
        seconds: Scored audio in all.
        seed: Root of all random numbers.
        beats: Where the model's beats came from.
        reference: Where the beats came from that it is judged against.
        trimmed: What is not scored.
        latency: Model of the time that passes, where chunks can be late.
        judges: Who judged, against what.
        data: Hash of the index.
        codec: First 8 digits of the codec's SHA-256.
        machine: Machine that measured it.
    """

    model: str
    cells: Mapping[str, Cell | None] = field(default_factory=dict)
    lookahead: float | None = None
    gap_s: float | None = None
    hop_s: float | None = None
    nfe: int | None = None
    checkpoint: str = ""
    recipe: str = ""
    songs: int = 0
    seconds: float = 0.0
    seed: int = 0
    beats: str = ""
    reference: str = ""
    trimmed: str = ""
    latency: str = ""
    judges: str = ""
    data: str = ""
    codec: str = ""
    machine: str = ""

    @property
    def is_anchor(self) -> bool:
        """Whether no model and no other system made it."""
        return not self.recipe

    def metrics_json(self) -> dict[str, Any]:
        """Every metric by key, null where undefined."""
        found = {metric.key: self.cells.get(metric.key) for metric in METRICS}
        return {
            metric.key: cell.to_json(metric.has_closeness) if (cell := found[metric.key]) else None
            for metric in METRICS
        }

    def to_json(self) -> dict[str, Any]:
        """The object that ``eval --json`` prints for a model at a look-ahead."""
        lead = {key: getattr(self, key) for key in LEADING}
        return {**lead, **{key: getattr(self, key) for key in TRAILING}} | {
            "metrics": self.metrics_json()
        }


LEADING = ("model", "lookahead", "hop_s", "gap_s", "nfe")
TRAILING = (
    *("recipe", "checkpoint", "codec", "data", "songs", "seconds", "seed", "beats"),
    *("reference", "trimmed", "latency", "judges", "machine"),
)
_TEXTS = (
    *("recipe", "checkpoint", "codec", "data", "beats", "reference", "trimmed", "latency"),
    *("judges", "machine"),
)
_NEEDED = (*LEADING, "songs", "seconds", "seed")
_PARTS = ("mean", "low", "high", "closeness", "closeness_low", "closeness_high", "n")


def _column(key: str, part: str) -> str:
    return key if part == "mean" else f"{key}_{part}"


def _columns() -> list[str]:
    metrics = [
        _column(metric.key, part)
        for metric in METRICS
        for part in _PARTS
        if metric.has_closeness or not part.startswith("closeness")
    ]
    return [*LEADING, *metrics, *TRAILING]


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write rows to a CSV file, one line each, columns in the order of the specification."""
    import pandas

    records = []
    for row in rows:
        record = {key: getattr(row, key) for key in (*LEADING, *TRAILING)}
        for key, cell in row.cells.items():
            if cell is not None:
                record |= {_column(key, part): getattr(cell, part) for part in _PARTS}
        records.append(record)
    with replacing(path) as temporary:
        frame = pandas.DataFrame.from_records(records).reindex(columns=_columns())
        frame.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def read_csv(path: Path) -> list[Row]:
    """Read the rows of a CSV file that `write_csv` wrote, now or with fewer metrics.

    Raises:
        DatasetError: If it is not such a file.
    """
    import pandas

    try:
        frame = pandas.read_csv(path, dtype=dict.fromkeys(("checkpoint", "codec", "data"), str))
        frame = frame.astype(object).where(frame.notna(), None)
        missing = [name for name in _NEEDED if name not in frame.columns]
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: is not a results table; write it with eval") from error
    if missing:
        raise DatasetError(f"{path}: lacks column '{missing[0]}'; write it again with eval")
    return [_to_row(record) for record in frame.to_dict("records")]


def _to_row(record: Mapping[Any, Any]) -> Row:
    """The row of a line of a CSV file."""
    cells = {metric.key: _to_cell(record, metric.key) for metric in METRICS}
    values = {key: record[key] for key in _NEEDED}
    values |= {key: str(record.get(key) or "") for key in _TEXTS}
    if values["nfe"] is not None:
        values["nfe"] = int(values["nfe"])
    return Row(cells=cells, **values)


def _to_cell(record: Mapping[Any, Any], key: str) -> Cell | None:
    if record.get(key) is None:
        return None
    parts: dict[str, Any] = {part: record.get(_column(key, part)) for part in _PARTS}
    return Cell(**{**parts, "n": int(parts["n"])})
