"""How far apart models of one evaluation are, song by song.

    accomptk eval --data data/band --songs 12 --models student,teacher --out runs/eval
    python tests/bench/differences.py runs/eval teacher student

A difference is in points of closeness: 100 is the way from a random pairing to the ground truth
through the codec. Both models play the same songs, so what these have in common cancels;
intervals are over songs. Of Frechet distances, which need all songs, there is the ratio.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from accomptk.metrics.anchors import LOWER, UPPER
from accomptk.metrics.closeness import closeness
from accomptk.metrics.sheet import sheet_to_markdown, write_sheet
from accomptk.metrics.table import METRICS, Row, read_csv
from accomptk.run import numpy_generator

Scores = pd.DataFrame
SHOWN = ("beat_f1", "onset_f1", "harmony", "coherence")


def by_song(scores: Mapping[str, Mapping[str, float]]) -> Scores:
    """Means over the parts of each song, [songs, metrics]."""
    frame = pd.DataFrame.from_dict(dict(scores), orient="index")
    return frame.groupby(frame.index.str.split("/").str[0]).mean()


def points(ours: Scores, theirs: Scores, random: Scores, upper: Scores, key: str) -> dict[str, Any]:
    """Difference of one metric in points of closeness with its interval."""
    songs = upper.index
    made, other, floor, ceiling = (
        np.asarray(frame.reindex(songs)[key], float) for frame in (ours, theirs, random, upper)
    )
    rng = numpy_generator(0, f"difference/{key}")
    # Where both are as good as each other, this lies at the random pairing, whose closeness is 0.
    found = closeness(floor + made - other, floor, ceiling, rng)
    label = next(metric.label for metric in METRICS if metric.key == key).replace(" ", "_")
    if found is None:
        return dict.fromkeys((label, f"{label}_low", f"{label}_high"))
    values = (found.mean, found.low, found.high)
    return {
        f"{label}{end}": None if value is None else 100 * value
        for end, value in zip(("", "_low", "_high"), values, strict=True)
    }


def distance(row: Row) -> float:
    """Frechet distance of its stems."""
    cell = row.cells["fad_stem"]
    assert cell is not None
    return cell.mean


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("base")
@click.argument("others", nargs=-1, required=True)
@click.option("--store", type=click.Path(path_type=Path), default=Path("results/differences.csv"))
def main(run: Path, base: str, others: tuple[str, ...], store: Path) -> None:
    """Compare other models of a run with one of them."""
    stored = json.loads((run / "result.json").read_text())["by_part"]
    scores = {label: by_song(some) for label, some in stored.items()}
    rows = {
        row.model + f" K={row.lookahead:.3g}": row
        for row in read_csv(run / "table.csv")
        if row.lookahead is not None
    }
    lines = []
    for label, row in rows.items():
        if row.model not in others:
            continue
        against = f"{base} K={row.lookahead:.3g}"
        line = {"played by": row.model, "K": row.lookahead, "songs": len(scores[UPPER])}
        line["FAD_over_its"] = distance(row) / distance(rows[against])
        for key in SHOWN:
            line |= points(scores[label], scores[against], scores[LOWER], scores[UPPER], key)
        lines.append(line | {"minus": base})
    write_sheet(store, lines)
    click.echo(sheet_to_markdown(lines))


if __name__ == "__main__":
    main()
