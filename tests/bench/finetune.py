"""What six songs of a foreign style are worth on four others of it: their sounds, and training.

    accomptk prep midi MIDI_FILES --split test --no-latents --no-beats --out data/openmsx
    python tests/bench/finetune.py data/openmsx

The songs are the first ten of the set that have three of the instruments that eval plays. All
models play the same songs beside the same anchors: those that are shipped, the same with the sounds
of the six songs, and the teacher after training on them. What is done stays in OUT.
"""

from dataclasses import replace
from pathlib import Path

import click
import pandas as pd

from accomptk.checkpoint import file_sha256
from accomptk.cli.tables import show
from accomptk.metrics.table import read_csv, write_csv
from accomptk.stems.instruments import PARTS
from accomptk.streaming.models import shipped_path
from conditions import call

TRAINED, HELD_OUT, FEWEST_PARTS = 6, 4, 3


def divide(whole: Path, part: Path) -> None:
    """Write the index of a set that holds the chosen songs in two splits; audio is linked to."""
    index = pd.read_parquet(whole / "index.parquet")
    known = index[index["instrument"].isin(PARTS)].groupby("track")["instrument"].nunique()
    tracks = sorted(known[known >= FEWEST_PARTS].index)[: TRAINED + HELD_OUT]
    split = dict.fromkeys(tracks[:TRAINED], "train") | dict.fromkeys(tracks[TRAINED:], "test")
    chosen = index[index["track"].isin(tracks)]
    chosen = chosen.assign(split=chosen["track"].map(split))
    part.mkdir(parents=True, exist_ok=True)
    chosen.to_parquet(part / "index.parquet")
    (part / "set.json").write_bytes((whole / "set.json").read_bytes())
    if not (part / "stems").exists():
        (part / "stems").symlink_to((whole / "stems").resolve())


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--recipe", default="pocket/finetune", show_default=True)
@click.option("--steps", default=500, show_default=True)
@click.option("--lookahead", default="0,2", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/finetune"))
@click.option("--store", type=click.Path(path_type=Path), default=Path("results/finetune.csv"))
def main(data: Path, recipe: str, steps: int, lookahead: str, out: Path, store: Path) -> None:
    """Lend sounds, fine-tune, then evaluate before and after."""
    songs = out / "set"
    divide(data, songs)
    models = {name: shipped_path(name) for name in ("teacher", "student")}
    for name in ("teacher", "student"):
        models[f"{name}, their sounds"] = lent = out / f"{name}.safetensors"
        call("train", "sounds", "--data", songs, "--model", name, "--out", lent, "--quiet")
    training = ("train", "teacher", "--init", "shipped", "--recipe", recipe, "--data", songs)
    call(*training, "--set", f"optim.steps={steps}", "--out", out / "tuned", "--quiet")
    models["teacher, fine-tuned"] = out / "tuned" / "ema.safetensors"
    playing = ("eval", "--models", ",".join(map(str, models.values())), "--data", songs)
    call(*playing, "--lookahead", lookahead, "--out", out / "eval", "--quiet")
    names = {file_sha256(path)[:8]: name for name, path in models.items()}
    rows = [
        row if row.is_anchor else replace(row, model=names[row.checkpoint])
        for row in read_csv(out / "eval" / "table.csv")
    ]
    write_csv(store, rows)
    show(rows)


if __name__ == "__main__":
    main()
