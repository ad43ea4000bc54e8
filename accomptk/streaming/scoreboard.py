"""From what the judges said to what is published: rows, anchors and the JSON object of eval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from accomptk.latents.codec import Codec
from accomptk.metrics.anchors import LOWER, UPPER
from accomptk.metrics.table import Cell, Row
from accomptk.streaming.evaluate import Entry, EvalRecipe, Evaluation, beats_source
from accomptk.streaming.parts import Part
from accomptk.streaming.tally import KINDS, Ruler, Tally, distance_cells, song_cells, speed_cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoreboard:
    """The rows of an evaluation.

    Attributes:
        rows: One a model and look-ahead.
        anchors: One each, in their own order.
        by_instrument: Cells of the means over songs, by row and instrument.
    """

    rows: tuple[Row, ...]
    anchors: tuple[Row, ...]
    by_instrument: Mapping[str, Mapping[str, Mapping[str, Cell | None]]]

    def to_json(self) -> dict[str, Any]:
        """``rows``, ``anchors`` and ``by_instrument`` as plain values."""
        keys = ("mean", "low", "high", "n")
        plain = {
            row: {
                instrument: {
                    key: cell and {name: getattr(cell, name) for name in keys}
                    for key, cell in cells.items()
                }
                for instrument, cells in instruments.items()
            }
            for row, instruments in self.by_instrument.items()
        }
        return {
            "rows": [row.to_json() for row in self.rows],
            "anchors": {row.model: row.metrics_json() for row in self.anchors},
            "by_instrument": plain,
        }


def score(
    result: Evaluation,
    parts: Sequence[Part],
    codec: Codec,
    ruler: Ruler | None,
    recipe: EvalRecipe,
    common: Row,
) -> Scoreboard:
    """Means, intervals, closeness and distances of every model and anchor.

    Args:
        result: What the judges said.
        parts: What was played.
        codec: That it was played through.
        ruler: Makes Frechet distances; None without embeddings.
        recipe: What the rows have in common.
        common: A row with the provenance that all share.
    """
    upper, lower = result.anchors[UPPER], result.anchors[LOWER]
    common = replace(
        common,
        songs=len({part.song.track for part in parts}),
        seconds=sum(part.end_s - part.start_s for part in parts),
        seed=recipe.seed,
        beats="+".join(sorted({beats_source(part, recipe.beats) for part in parts})),
        codec=codec.sha8,
    )

    distances = {}
    if ruler is not None:
        distances = {kind: ruler(upper.embeddings(kind, parts), recipe.seed) for kind in KINDS}

    def cells(tally: Tally) -> dict[str, Cell | None]:
        found = song_cells(tally, upper, lower, parts, recipe.seed)
        found |= distance_cells(tally, distances, parts)
        return found | speed_cells(tally, recipe.seed)

    def split(tally: Tally) -> dict[str, dict[str, Cell | None]]:
        names = dict.fromkeys(part.stem.instrument for part in parts)
        groups = {name: [p for p in parts if p.stem.instrument == name] for name in names}
        return {
            name: song_cells(tally, upper, lower, group, recipe.seed)
            for name, group in groups.items()
        }

    models = {entry.label: tally for entry, tally in result.entries}
    return Scoreboard(
        rows=tuple(
            _model_row(entry, tally.nfe, cells(tally), codec, common)
            for entry, tally in result.entries
        ),
        anchors=tuple(
            replace(common, model=name, cells=cells(tally), beats="")
            for name, tally in result.anchors.items()
        ),
        by_instrument={name: split(tally) for name, tally in (models | result.anchors).items()},
    )


def _model_row(
    entry: Entry, nfe: int | None, cells: Mapping[str, Cell | None], codec: Codec, common: Row
) -> Row:
    frame_s, window = codec.frame_samples / codec.sample_rate, entry.window
    return replace(
        common,
        model=entry.model.name,
        cells=cells,
        lookahead=float(window.lookahead),
        gap_s=window.gap * frame_s,
        hop_s=window.hop * frame_s,
        nfe=nfe,
        checkpoint=entry.model.sha8,
        recipe=entry.recipe,
    )
