"""From what the judges said to what is published: rows, anchors and the JSON object of eval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from accomptk.latents.codec import Codec
from accomptk.metrics.anchors import LOWER, OTHERS, UPPER
from accomptk.metrics.table import Cell, Row
from accomptk.streaming.beat_sources import TRACKER_EARS
from accomptk.streaming.entries import Entry, EvalRecipe, Recorded
from accomptk.streaming.evaluate import Evaluation
from accomptk.streaming.parts import Part
from accomptk.streaming.stage import beats_source
from accomptk.streaming.tally import (
    Rulers,
    Tally,
    distance_cells,
    song_cells,
    speed_cells,
    with_adherence,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoreboard:
    """The rows of an evaluation.

    Attributes:
        rows: One a model and look-ahead.
        anchors: One each, in their own order.
        by_instrument: Cells of the means over songs, by row and instrument; models first.
    """

    rows: tuple[Row, ...]
    anchors: tuple[Row, ...]
    by_instrument: Mapping[str, Mapping[str, Mapping[str, Cell | None]]]

    @property
    def parted(self) -> tuple[Row, ...]:
        """The models' rows, which come first in ``by_instrument``, once for each instrument."""
        return tuple(
            replace(row, model=f"{row.model}, {instrument}", cells=cells)
            for row, instruments in zip(self.rows, self.by_instrument.values(), strict=False)
            for instrument, cells in instruments.items()
        )

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
    rulers: Rulers,
    recipe: EvalRecipe,
    common: Row,
    others: Sequence[Part] = (),
) -> Scoreboard:
    """Means, intervals, closeness and distances of every model and anchor.

    Args:
        result: What the judges said.
        parts: What was played.
        codec: That it was played through.
        rulers: Make Frechet distances; none without embeddings.
        recipe: What the rows have in common.
        common: A row with the provenance that all share.
        others: Whose stems are the anchor that has distances alone.
    """
    anchors = {
        name: with_adherence(tally, result.anchors[UPPER], parts)
        for name, tally in result.anchors.items()
    }
    entries = [
        (entry, with_adherence(tally, anchors[UPPER], parts)) for entry, tally in result.entries
    ]
    upper, lower = anchors[UPPER], anchors[LOWER]
    common = replace(
        common,
        songs=len({part.song.track for part in parts}),
        seconds=sum(part.end_s - part.start_s for part in parts),
        seed=recipe.seed,
        reference="+".join(sorted({part.song.beats_source or "judged" for part in parts})),
        trimmed=_trimmed(parts),
        latency="" if recipe.latency == "none" else recipe.latency,
        codec=codec.sha8,
    )

    distances = {
        key: (kind, ruler(upper.embeddings(kind, parts), recipe.seed))
        for key, (kind, ruler) in rulers.items()
    }

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

    models = {entry.label: tally for entry, tally in entries}
    standing = {name: cells(tally) for name, tally in anchors.items()}
    if others:
        standing[OTHERS] = distance_cells(result.others, distances, others)
    return Scoreboard(
        rows=tuple(
            _entry_row(entry, tally, cells(tally), parts, recipe, codec, common)
            for entry, tally in entries
        ),
        anchors=tuple(replace(common, model=name, cells=found) for name, found in standing.items()),
        by_instrument={name: split(tally) for name, tally in (models | anchors).items()}
        | ({OTHERS: {}} if others else {}),
    )


def _entry_row(
    entry: Entry,
    tally: Tally,
    cells: Mapping[str, Cell | None],
    parts: Sequence[Part],
    recipe: EvalRecipe,
    codec: Codec,
    common: Row,
) -> Row:
    row = replace(common, model=entry.name, cells=cells, recipe=entry.recipe)
    if isinstance(entry.player, Recorded) or entry.window is None:
        return row
    frame_s, window = codec.frame_samples / codec.sample_rate, entry.window
    sources = {beats_source(part, recipe.beats, entry.player) for part in parts}
    return replace(
        row,
        lookahead=float(window.lookahead),
        gap_s=window.gap * frame_s,
        hop_s=window.hop * frame_s,
        nfe=tally.nfe,
        checkpoint=entry.player.sha8,
        beats=_name_beats(sources),
    )


def _name_beats(sources: set[str]) -> str:
    """Where a model's beats came from, the tracker by its networks."""
    tracker = f"tracker ({', '.join(TRACKER_EARS)})"
    return "+".join(tracker if source == "tracker" else source for source in sorted(sources))


def _trimmed(parts: Sequence[Part]) -> str:
    """What is not scored at the start of each stream."""
    starts = sorted({part.start_s for part in parts})
    ends = dict.fromkeys((starts[0], starts[-1]))
    return f"first {' to '.join(f'{start:.3g}' for start in ends)} s"
