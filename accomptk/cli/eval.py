"""accomptk eval: play a set of songs with every model and look-ahead, and measure it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accomptk.cli.options import (
    clock_option,
    codec_option,
    data_option,
    device_option,
    echo_json,
    force_option,
    gap_option,
    hop_option,
    instruments_option,
    json_option,
    latency_option,
    lookahead_option,
    loss_option,
    out_option,
    progress,
    quiet_option,
    read_length,
    seed_option,
    songs_option,
    split_names,
    steps_option,
    workers_option,
)
from accomptk.cli.tables import show, write
from accomptk.stems.instruments import PARTS

if TYPE_CHECKING:
    from rich.progress import Progress

    from accomptk.metrics.judge import Panel
    from accomptk.metrics.table import Row
    from accomptk.processes import Team
    from accomptk.run import Run
    from accomptk.streaming.entries import EvalRecipe
    from accomptk.streaming.parts import Part
    from accomptk.streaming.scoreboard import Scoreboard
    from accomptk.streaming.session import Session

MODELS = ("student", "a_style")
OUTCOMES = "outcomes"  # folder of what came of each batch
EPILOG = """\b
Examples:
  accomptk eval --lookahead 0,1,2
  accomptk eval --data data/band --songs 8 --models teacher --hop 9 --gap 250ms,9
  accomptk eval --from other/model_predictions
  accelerate launch --multi_gpu --num_processes 2 -m accomptk eval --out runs/eval
"""


@click.command(epilog=EPILOG)
@lookahead_option("0,1,2")
@hop_option
@gap_option
@click.option(
    "--models",
    default="",
    callback=split_names,
    help="Shipped names or files; 'none' plays nothing.  [default: student,a_style]",
)
@instruments_option("", ",".join(PARTS))
@data_option(None, "Prepared set, or a folder of songs.  [default: the shipped demo songs]")
@click.option(
    "--from",
    "predictions",
    default="",
    callback=split_names,
    metavar="DIRS",
    help="Instead of --data: other systems' model_predictions, to be scored as they are.",
)
@click.option(
    "--split",
    type=click.Choice(["auto", "train", "valid", "test", "all"]),
    default="auto",
    show_default=True,
    help="Songs to choose from; auto: test if it has any, else valid, else all.",
)
@songs_option
@steps_option
@click.option(
    "--beats",
    type=click.Choice(["auto", "given", "tracker", "none"]),
    default="auto",
    show_default=True,
    help="What models know of the beat; auto gives known beats and tracks others.",
)
@click.option("--prompts", is_flag=True, help="Give the models the songs' prompts.")
@click.option(
    "--anticipate/--no-anticipate",
    default=True,
    show_default=True,
    help="Expect of the context not heard yet what it did some bars ago.",
)
@clock_option
@latency_option
@loss_option
@click.option(
    "--batch", type=click.IntRange(min=1), default=4, show_default=True, help="Streams at once."
)
@codec_option
@click.option(
    "--embedding",
    default=None,
    metavar="NAME",
    help="Judge of FAD: musicnn-msd, musicnn-mtt, vggish, pann, clap, encodec.",
)
@click.option(
    "--ckpt-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="DIR",
    help="Checkpoints of the frechet-audio-distance package, for its four.",
)
@click.option(
    "--cocola",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Published COCOLA checkpoint, to judge coherence instead of accomptk's own model.",
)
@click.option("--audio", is_flag=True, help="Also keep the audio, for a listening page.")
@click.option(
    "--predictions", "layout", is_flag=True, help="Also write model_predictions, as --from reads."
)
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
@device_option
@workers_option
@force_option
@json_option
@quiet_option
def evaluate(**options: Any) -> None:
    """Play songs with every model and look-ahead, and measure it beside anchors.

    An interrupted run goes on with the same --out.
    """
    from accomptk.processes import find_team

    recipe, team = to_recipe(options), find_team(options["device"])
    run = start(recipe, options, team)
    board, details = measure(recipe, options, run.folder, team)
    team.end()
    if not team.leads:
        return
    value = {**board.to_json(), **details}
    rows = (*board.rows, *board.anchors)
    write(run.folder, rows, board.parted, value, options["store"])
    run.finish()
    if options["as_json"]:
        echo_json(value)
        return
    show(rows)
    click.echo(run.folder)


def to_recipe(options: Mapping[str, Any]) -> "EvalRecipe":
    """The options that decide the numbers."""
    from accomptk.streaming.entries import EvalRecipe

    predictions = options["predictions"]
    if predictions and options["data"]:
        raise click.UsageError("--from brings its own songs; leave --data out")
    models = options["models"] or (() if predictions else MODELS)
    return EvalRecipe(
        data="" if predictions else str(options["data"] or "demo"),
        predictions=predictions,
        split=options["split"],
        songs=options["songs"] or 0,
        models=() if models == ("none",) else models,
        instruments=options["instruments"] or (() if predictions else PARTS),
        lookahead=() if options["gap"] else options["lookahead"],
        gap=tuple(read_length("gap", text) for text in options["gap"]),
        hop=tuple(read_length("hop", text) for text in options["hop"]),
        steps=options["steps"] or 0,
        beats=options["beats"],
        prompts=options["prompts"],
        anticipate=options["anticipate"],
        clock=options["clock"],
        latency=options["latency"],
        loss=options["loss"],
        batch=options["batch"],
        seed=options["seed"],
    )


def start(recipe: "EvalRecipe", options: Mapping[str, Any], team: "Team") -> "Run":
    """The run's folder, made or gone on with by the first process of a team."""
    from accomptk.run import Run
    from accomptk.streaming.outcomes import OutcomeStore

    folder = options["out"]
    if team.leads:
        run = Run.create("eval", folder, recipe.seed, recipe, resume=not options["force"])
        folder = run.folder
        if options["force"]:
            OutcomeStore(folder / OUTCOMES).clear()
    folder = team.agree(folder)
    return run if team.leads else Run(folder, recipe.seed)


def measure(
    recipe: "EvalRecipe", options: Mapping[str, Any], folder: Path, team: "Team"
) -> tuple["Scoreboard", dict[str, Any]]:
    """Play, judge and score: the board, and where its numbers come from."""
    from accomptk.latents.codec import load_codec
    from accomptk.metrics.cache import AnchorCache
    from accomptk.metrics.panel import RULERS, find_panel
    from accomptk.run import cores, pick_device
    from accomptk.stems.demo import ANCHORS, demo_root
    from accomptk.streaming.evaluate import evaluate as play
    from accomptk.streaming.outcomes import OutcomeStore
    from accomptk.streaming.recordings import Keep
    from accomptk.streaming.scoreboard import score
    from accomptk.streaming.session import check_ears, open_session, prepare_songs
    from accomptk.streaming.stage import Stage
    from accomptk.weights.registry import cache_dir

    workers = options["workers"] or max(1, cores() // team.size)
    root = options["data"] or demo_root()
    if team.leads and not recipe.predictions:
        root = prepare_songs(root, folder / "set", workers)
    root = team.agree(root)
    session = open_session(recipe, root, pick_device(options["device"]))
    if team.leads:
        warn(session.parts, session.left_out)
    codec = load_codec(options["codec"])
    panel = find_panel(options["embedding"], options["ckpt_dir"], options["cocola"])
    check_ears(panel, session.entries, session.parts, recipe.beats)
    others = session.others if panel.embed is not None else []  # distances alone ask for them
    stage = Stage(
        stems=session.stems,
        codec=codec,
        panel=panel,
        recipe=recipe,
        pool=session.pool,
        others=others,
        anchors=AnchorCache(options["cache"] or cache_dir() / ANCHORS, [root / ANCHORS]),
        outcomes=OutcomeStore(folder / OUTCOMES),
        keep=Keep(
            audio=folder / "audio" if options["audio"] else None,
            predictions=folder / "predictions" if options["layout"] else None,
            parts=tuple(part.name for part in session.parts),
        ),
    )
    with progress(options["quiet"] or not team.leads) as bar:
        result = play(
            stage, session.entries, session.parts, workers=workers, team=team, progress=follow(bar)
        )
    common = common_row(session, panel, recipe, workers * team.size)
    rulers = RULERS if panel.embed is not None else {}
    board = score(result, session.parts, codec, rulers, recipe, common, others)
    return board, {**details(session, recipe, common), "by_part": result.by_part()}


def common_row(session: "Session", panel: "Panel", recipe: "EvalRecipe", processes: int) -> "Row":
    """What all rows have in common."""
    from accomptk.metrics.panel import judge_line
    from accomptk.metrics.table import Row
    from accomptk.run import machine_line

    several = f"{processes} processes of one thread" if processes > 1 else "one thread"
    return Row(
        model="",
        data=session.stems.index_hash[:8],
        judges=judge_line(panel, [part.song.beats_source for part in session.parts]),
        machine=f"{machine_line()}, {several}, {recipe.batch} streams a step",
    )


def details(session: "Session", recipe: "EvalRecipe", common: "Row") -> dict[str, Any]:
    """What ``result.json`` says besides the rows."""
    from accomptk.run import gflops

    return {
        "data": {
            "root": str(session.stems.root),
            "index": session.stems.index_hash,
            "songs": session.songs,
            "left_out": [f"{track}: {reason}" for track, reason in session.left_out],
            "short": sorted({part.song.track for part in session.parts if part.is_short}),
        },
        "parts": [describe(part) for part in session.parts],
        "judges": common.judges,
        "prompts": recipe.prompts,
        "seed": recipe.seed,
        "machine": common.machine,
        "gflops": gflops(),
    }


def describe(part: "Part") -> dict[str, Any]:
    """What is known of a part, for the page on which it can be heard."""
    song = part.song
    return {
        "track": song.track,
        "stem": part.stem.stem,
        "instrument": part.stem.instrument,
        "start_s": part.start_s,
        "end_s": part.end_s,
        "prompt": song.prompt,
        "downbeats_s": song.downbeats.tolist(),
        "chords": [list(chord) for chord in song.chords],
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


def follow(bar: "Progress") -> Callable[[int, int, str], None]:
    """Show on a progress display what was done."""
    task = bar.add_task("reading")
    return lambda done, total, what: bar.update(task, completed=done, total=total, description=what)
