"""What each number of steps is worth, on the same songs beside the same anchors.

    accomptk distill --data-free --out runs/quick
    python tests/bench/steps.py teacher=1,2,3,4,5 student=1,2 runs/quick/ema.safetensors=1 \
      --data data/band

The last one is the student that `accomptk distill --data-free` makes as typed. What is done stays
in OUT and is not done again.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from accomptk.cli.tables import show
from accomptk.metrics.table import Row, read_csv, write_csv
from conditions import call


def play(model: str, steps: str, folder: Path, options: Sequence[object]) -> list[Row]:
    """The table of a model with so many steps."""
    table = folder / "table.csv"
    if not table.is_file():
        call("eval", "--models", model, "--steps", steps, *options, "--out", folder, "--quiet")
    return read_csv(table)


@click.command()
@click.argument("players", nargs=-1, required=True, metavar="MODEL=STEPS,...")
@click.option("--data", type=click.Path(path_type=Path), default=Path("data/band"))
@click.option("--songs", default=12, show_default=True)
@click.option("--lookahead", default="0,2", show_default=True)
@click.option("--workers", default=2, show_default=True, help="Processes to use here.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/steps"))
@click.option("--store", type=click.Path(path_type=Path), default=Path("results/steps.csv"))
def main(players: tuple[str, ...], out: Path, store: Path, **options: object) -> None:
    """Play with every model and number of steps; anchors are taken from the last."""
    shared = [word for name, value in options.items() for word in (f"--{name}", value)]
    rows: list[Row] = []
    for player in players:
        model, _, counts = player.partition("=")
        name = Path(model).parent.name if "/" in model else model
        for steps in counts.split(","):
            found = play(model, steps, out / f"{name}-{steps}", shared)
            anchors = [row for row in found if row.is_anchor]
            label = f"{name}, {steps} step{'s' if steps != '1' else ''}"
            rows += [replace(row, model=label) for row in found if not row.is_anchor]
    rows += anchors
    write_csv(store, rows)
    show(rows)


if __name__ == "__main__":
    main()
