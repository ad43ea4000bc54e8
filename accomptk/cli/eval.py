"""accomptk eval: play a set of songs with every model and look-ahead, and measure it."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accomptk.cli.options import (
    echo_json,
    json_option,
    out_option,
    progress,
    quiet_option,
    seed_option,
    workers_option,
)

if TYPE_CHECKING:
    from rich.progress import Progress

    from accomptk.metrics.table import Row
    from accomptk.streaming.evaluate import Entry, EvalRecipe, Heard
    from accomptk.streaming.parts import Part
    from accomptk.streaming.scoreboard import Scoreboard

WIDTH = 160  # room for the wider table, which takes what it needs
EPILOG = """\b
Examples:
  accomptk eval --lookahead 0,1,2
  accomptk eval --data data/band --songs 8 --models teacher --hop 9 --gap 250ms,9
"""


def split_names(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    """The words of a comma-separated option."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def split_lookaheads(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    """The whole numbers of a comma-separated option."""
    try:
        return tuple(int(name) for name in split_names(ctx, param, value))
    except ValueError as error:
        raise click.BadParameter(f"'{value}': give whole numbers such as 0,1,2") from error


@click.command(epilog=EPILOG)
@click.option(
    "--lookahead",
    default="0,1,2",
    show_default=True,
    callback=split_lookaheads,
    help="K = 1 + gap / hop: 0 retrospective, 1 immediate, 2 a hop ahead.",
)
@click.option("--hop", default="18", show_default=True, help="Frames, or a time such as 750ms.")
@click.option(
    "--gap",
    default="",
    callback=split_names,
    metavar="LENGTHS",
    help="Instead of --lookahead: frames or times, such as 3,250ms.",
)
@click.option(
    "--models",
    default="teacher,a_style",
    show_default=True,
    callback=split_names,
    help="Shipped names or files.",
)
@click.option(
    "--instruments",
    default="drums,bass,guitar,piano",
    show_default=True,
    callback=split_names,
    help="Parts to play.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="DIR",
    help="Prepared set.  [default: the shipped demo songs]",
)
@click.option(
    "--split",
    type=click.Choice(["auto", "train", "valid", "test", "all"]),
    default="auto",
    show_default=True,
    help="Songs to choose from; auto: test if it has any, else valid, else all.",
)
@click.option("--songs", type=click.IntRange(min=1), default=None, help="At most this many.")
@click.option("--steps", type=click.IntRange(min=1), default=None, help="Sampler steps.")
@click.option(
    "--beats",
    type=click.Choice(["auto", "given", "tracker", "none"]),
    default="auto",
    show_default=True,
    help="What models know of the beat; auto gives known beats and tracks others.",
)
@click.option("--prompts", is_flag=True, help="Give the models the songs' prompts.")
@click.option("--codec", type=click.Path(path_type=Path), default=None, help="Codec to use.")
@click.option("--audio", is_flag=True, help="Also write every made stem.")
@click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE.csv",
    help="Also keep the rows there, as in results/.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="DIR",
    help="Where judged anchors are kept.  [default: the user's cache]",
)
@out_option("./runs/eval-<time>")
@seed_option
@workers_option
@json_option
@quiet_option
def evaluate(**options: Any) -> None:
    """Play songs with every model and look-ahead, and measure it beside anchors."""
    from accomptk.run import Run

    recipe = to_recipe(options)
    run = Run.create("eval", options["out"], recipe.seed, recipe, resume=False)
    board, details = measure(recipe, options, run.folder)
    value = {**board.to_json(), **details}
    rows = (*board.rows, *board.anchors)
    write(run.folder, rows, value, options["store"])
    run.finish()
    if options["as_json"]:
        echo_json(value)
        return
    show(rows)
    click.echo(run.folder)


def to_recipe(options: Mapping[str, Any]) -> "EvalRecipe":
    """The options that decide the numbers."""
    from accomptk.cli.simulate import read_length
    from accomptk.streaming.evaluate import EvalRecipe

    return EvalRecipe(
        data=str(options["data"] or "demo"),
        split=options["split"],
        songs=options["songs"] or 0,
        models=options["models"],
        instruments=options["instruments"],
        lookahead=() if options["gap"] else options["lookahead"],
        gap=tuple(read_length("gap", text) for text in options["gap"]),
        hop=read_length("hop", options["hop"]),
        steps=options["steps"] or 0,
        beats=options["beats"],
        prompts=options["prompts"],
        seed=options["seed"],
    )


def measure(
    recipe: "EvalRecipe", options: Mapping[str, Any], folder: Path
) -> tuple["Scoreboard", dict[str, Any]]:
    """Play, judge and score: the board, and where its numbers come from."""
    from accomptk.latents.codec import load_codec
    from accomptk.metrics.cache import AnchorCache
    from accomptk.metrics.panel import fad_to, find_panel, judge_line
    from accomptk.metrics.table import Row
    from accomptk.run import cores, gflops, machine_line
    from accomptk.stems.demo import ANCHORS, demo_root
    from accomptk.stems.index import StemSet
    from accomptk.streaming.evaluate import Evaluator
    from accomptk.streaming.judging import JudgePool
    from accomptk.streaming.parts import choose_songs, find_parts
    from accomptk.streaming.scoreboard import score
    from accomptk.weights.registry import cache_dir

    stems = StemSet.open(options["data"] or demo_root())
    songs = choose_songs(stems, recipe.split, recipe.songs or None)
    parts, left_out = find_parts(songs, recipe.instruments)
    everything, _ = find_parts(choose_songs(stems, recipe.split), recipe.instruments)
    warn(parts, left_out)
    entries, codec, panel = find_entries(recipe), load_codec(options["codec"]), find_panel()
    cache = AnchorCache(options["cache"] or cache_dir() / ANCHORS, [stems.root / ANCHORS])
    heard: Heard = writer(folder / "audio") if options["audio"] else ignore
    with (
        JudgePool(panel, options["workers"] or cores()) as judges,
        progress(options["quiet"]) as bar,
    ):
        evaluator = Evaluator(stems, codec, judges, recipe, cache, everything)
        result = evaluator.run(entries, parts, progress=follow(bar), heard=heard)
    common = Row(
        model="",
        data=stems.index_hash[:8],
        judges=judge_line(panel, [part.song.beats_source for part in parts]),
        machine=machine_line(),
    )
    ruler = None if panel.embed is None else fad_to
    return score(result, parts, codec, ruler, recipe, common), {
        "data": {
            "root": str(stems.root),
            "index": stems.index_hash,
            "songs": [song.track for song in songs],
            "left_out": [f"{track}: {reason}" for track, reason in left_out],
            "short": sorted({part.song.track for part in parts if part.is_short}),
        },
        "judges": common.judges,
        "prompts": recipe.prompts,
        "seed": recipe.seed,
        "machine": common.machine,
        "gflops": gflops(),
    }


def warn(parts: Sequence["Part"], left_out: Sequence[tuple[str, str]]) -> None:
    """Say on stderr what is not played, and which songs are shorter than a stream."""
    for track, reason in left_out:
        click.echo(f"left out: {track}: {reason}", err=True)
    for track, part in {part.song.track: part for part in parts if part.is_short}.items():
        click.echo(
            f"short: {track}: ends at {part.end_s:.1f} s, scored from {part.start_s:.1f} s on",
            err=True,
        )


def find_entries(recipe: "EvalRecipe") -> list["Entry"]:
    """Every model at every window."""
    from accomptk.checkpoint import read_header
    from accomptk.streaming.evaluate import Entry
    from accomptk.streaming.models import SHIPPED, load_model, shipped_path

    entries = []
    for name in recipe.models:
        model = load_model(name)
        header = read_header(shipped_path(name) if name in SHIPPED else Path(name))
        label = f"{header.kind} {header.recipe_hash[:8]}"
        entries += [Entry(model, window, label) for window in recipe.windows(model.frames)]
    return entries


def follow(bar: "Progress") -> Callable[[int, int, str], None]:
    """Show on a progress display what was done."""
    task = bar.add_task("reading")
    return lambda done, total, what: bar.update(task, completed=done, total=total, description=what)


def ignore(entry: "Entry", part: "Part", wav: Any) -> None:
    """Keep no audio."""


def writer(folder: Path) -> "Heard":
    """Keeps every made stem as FLAC."""
    from accomptk.stems.audio import write_audio

    def keep(entry: "Entry", part: "Part", wav: Any) -> None:
        row = entry.label.replace(" ", "-").replace("=", "")
        write_audio(folder / row / part.song.track / f"{part.stem.stem}.flac", wav)

    return keep


def write(
    folder: Path, rows: Sequence["Row"], value: Mapping[str, Any], store: Path | None
) -> None:
    """Write table.csv, table.md and result.json, and the rows once more where they are stored."""
    from accomptk.metrics.layout import to_markdown
    from accomptk.metrics.table import write_csv
    from accomptk.run import replacing

    write_csv(folder / "table.csv", rows)
    if store is not None:
        write_csv(store, rows)
    texts = {"table.md": to_markdown(rows), "result.json": json.dumps(value, indent=2) + "\n"}
    for name, text in texts.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def show(rows: Sequence["Row"]) -> None:
    """Print both tables on stdout; plain text where that is no terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from accomptk.metrics.layout import footnote, quality_table, speed_table

    console = Console(file=sys.stdout, highlight=False, width=WIDTH)
    tables = [table for table in (quality_table(rows), speed_table(rows)) if table[1]]
    for heading, lines in tables:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False)
        for index, name in enumerate(heading):
            table.add_column(name, justify="right" if index else "left")
        for line in lines:
            table.add_row(*(text.replace(" (", "\n").rstrip(")") for text in line))
        console.print(table)
        console.print()
    console.print(footnote(rows), width=min(WIDTH, 100))
