"""What each condition and each precaution of the teacher's training is worth, at one short budget.

    python tests/bench/conditions.py runs/teacher/ema.safetensors --data data/band

Every variant goes on from the same checkpoint for the same steps, the first one unchanged, and is
evaluated on the same songs. A condition that is left out is neither trained on nor heard: what the
network had learned of harmony is removed from its weights, and beats are not tracked. What is done
stays in OUT and is not done again.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click

from accomptk.checkpoint import load_tensors, save_like
from accomptk.cli.tables import show
from accomptk.conditions.grid import BEAT_FEATURES
from accomptk.conditions.harmony import HARMONY_FEATURES
from accomptk.metrics.table import Row, read_csv, write_csv

FRAME = "net.frame.0.weight"
"""Takes what is known of each frame: beats, harmony, controls, and more, in this order."""

HARMONY = slice(BEAT_FEATURES, BEAT_FEATURES + HARMONY_FEATURES)
ALL = ("adapter.rank=0", "optim.lr=2e-4")


class Variant(NamedTuple):
    """Changes of the recipe, the inputs that the network forgets, and options of the evaluation."""

    overrides: tuple[str, ...] = ()
    forgotten: slice = slice(0)
    options: tuple[str, ...] = ()


VARIANTS = {
    "as it is": Variant(),
    "no beats": Variant(("drops.beats=1",), options=("--beats", "none")),
    "no harmony": Variant(("drops.harmony=1",), HARMONY),
    "no history noise": Variant(("history_noise=0",)),
    "no context dropout": Variant(("drops.context=0",)),
}


def forget(checkpoint: Path, inputs: slice, path: Path) -> None:
    """Write a teacher that does not respond to some of what is known of each frame."""
    weights, header = load_tensors(checkpoint, "teacher")
    weights[FRAME][:, inputs] = 0
    save_like(path, weights, header, half=True)


def call(*arguments: object) -> None:
    """Run one verb, which says itself what went wrong."""
    command = [sys.executable, "-m", "accomptk", *map(str, arguments)]
    code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    if code:
        raise SystemExit(code)


def measure(variant: Variant, checkpoint: Path, folder: Path, shared: dict[str, object]) -> Path:
    """Train and evaluate one variant: its table."""
    init, table = checkpoint, folder / "eval" / "table.csv"
    if table.is_file():
        return table
    if variant.forgotten.stop:
        init = folder / "init.safetensors"
        forget(checkpoint, variant.forgotten, init)
    codec = ("--codec", shared["codec"]) if shared["codec"] else ()
    given = ("--data", shared["data"], *codec, "--quiet")
    overrides = (*ALL, f"optim.steps={shared['steps']}", *variant.overrides)
    sets = [word for override in overrides for word in ("--set", override)]
    training = ("train", "teacher", "--init", init, "--recipe", shared["recipe"], *sets)
    call(*training, *given, "--out", folder)
    window = ("--lookahead", shared["lookahead"], *variant.options)
    songs = ("--songs", shared["songs"]) if shared["songs"] else ()
    model = ("eval", "--models", folder / "ema.safetensors")
    call(*model, *window, *songs, *given, "--out", folder / "eval")
    return table


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), default=Path("data/band"))
@click.option("--codec", type=click.Path(path_type=Path), default=None)
@click.option("--recipe", default="pocket/finetune", show_default=True)
@click.option("--steps", default=500, show_default=True, help="Of each variant.")
@click.option("--lookahead", default="0,2", show_default=True)
@click.option("--songs", type=int, default=None, help="At most this many are evaluated.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/conditions"))
@click.option("--store", type=click.Path(path_type=Path), default=Path("results/conditions.csv"))
def main(checkpoint: Path, out: Path, store: Path, **shared: object) -> None:
    """Train and evaluate every variant; anchors are taken from the first."""
    rows: list[Row] = []
    for name, variant in VARIANTS.items():
        found = read_csv(measure(variant, checkpoint, out / name.replace(" ", "-"), shared))
        anchors = [row for row in rows or found if row.is_anchor]
        played = [row for row in rows if not row.is_anchor]
        played += [replace(row, model=name) for row in found if not row.is_anchor]
        rows = [*played, *anchors]
        write_csv(store, rows)
    show(rows)


if __name__ == "__main__":
    main()
