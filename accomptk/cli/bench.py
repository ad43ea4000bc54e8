"""accomptk bench: what a training step and a live step cost on this machine."""

from pathlib import Path
from typing import Any

import click

from accomptk.cli.options import (
    codec_option,
    data_option,
    device_option,
    echo_json,
    follow_stages,
    gap_option,
    hop_option,
    instruments_option,
    json_option,
    lookahead_option,
    model_option,
    one_window,
    progress,
    quickest_model_option,
    quiet_option,
    read_length,
    recipe_option,
    seed_option,
    set_option,
    songs_option,
    steps_option,
    workers_option,
)


@click.group(epilog="\b\nExample:\n  accomptk bench stream --model teacher --hop 9 --gap 250ms\n")
def bench() -> None:
    """Measure what a step costs here; run it while nothing else computes."""


@bench.command(epilog="\b\nExample:\n  accomptk bench training --steps 5\n")
@recipe_option("pocket/teacher")
@set_option
@click.option("--steps", default=3, show_default=True, help="Timed steps a size.")
@click.option("--write", is_flag=True, help="Also replace the ledger in recipes/README.md.")
@json_option
def training(
    recipe: str, overrides: tuple[str, ...], steps: int, write: bool, as_json: bool
) -> None:
    """Seconds and FLOPs of a training step at three sizes: the compute ledger."""
    from accomptk.diffusion.compute import measure, to_rows
    from accomptk.diffusion.teacher import TeacherRecipe
    from accomptk.latents.codec import load_codec
    from accomptk.recipe import load_recipe
    from accomptk.run import gflops, machine_line

    loaded = load_recipe(recipe, TeacherRecipe, overrides)
    speed = gflops()
    rows = to_rows(measure(loaded, load_codec().channels, steps))
    table = ledger_table(rows, machine_line(), speed)
    if write:
        replace_block(Path("recipes/README.md"), "ledger", table)
    if as_json:
        echo_json({"machine": machine_line(), "gflops": speed, "rows": rows})
    else:
        click.echo(table)


@bench.command(epilog="\b\nExample:\n  accomptk bench stream --hop 9 --gap 250ms --json\n")
@model_option
@codec_option
@instruments_option("drums,bass,guitar,piano")
@lookahead_option("")
@hop_option
@gap_option
@steps_option
@device_option
@click.option("--seconds", default=24.0, show_default=True, help="Length of the stream.")
@json_option
def stream(
    model: str,
    codec: Path | None,
    instruments: tuple[str, ...],
    lookahead: tuple[int, ...],
    hop: tuple[str, ...],
    gap: tuple[str, ...],
    steps: int | None,
    device: str,
    seconds: float,
    as_json: bool,
) -> None:
    """The latency ledger of one live context, term by term."""
    from accomptk.latents.codec import load_codec
    from accomptk.run import gflops, machine_line, pick_device
    from accomptk.streaming.models import load_model, sampling_of
    from accomptk.streaming.speed import measure_stream

    player = load_model(model, pick_device(device))
    window = one_window(player.frames, hop, gap, lookahead)
    result = measure_stream(
        player, load_codec(codec), instruments, window, sampling_of(player, steps), seconds
    )
    result = {"machine": machine_line(), "gflops": gflops(), **result}
    if as_json:
        echo_json(result)
        return
    click.echo(result["machine"])
    for term, times in result["terms_ms"].items():
        click.echo(f"{term:>9}  p50 {times['p50']:8.1f}  p95 {times['p95']:8.1f}  ms")
    click.echo(f"rtf {result['rtf']:.3f} (below 1 is real time), misses {result['misses']}")


@bench.command(
    epilog="\b\nExample:\n  accomptk bench codec --data data/band --foreign data/openmsx --json\n"
)
@data_option(Path("data/band"), "Prepared set; its test songs are heard.")
@codec_option
@click.option(
    "--foreign",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Prepared set of music unlike what the codec was trained on.",
)
@click.option(
    "--signals",
    type=click.IntRange(min=2),
    default=80,
    show_default=True,
    help="Stems and mixes to play.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=3),
    default=24.0,
    show_default=True,
    help="Length of each.",
)
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also draw spectrograms of six stems.",
)
@click.option(
    "--write", is_flag=True, help="Also replace results/codec.csv and codec-contract.csv."
)
@workers_option
@json_option
@quiet_option
def codec(
    data: Path,
    codec: Path | None,
    foreign: Path | None,
    signals: int,
    seconds: float,
    pictures: Path | None,
    write: bool,
    workers: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """How the codec sounds beside linear codes and Opus, and what a stream asks of it."""
    from accomptk.latents.codec import SHIPPED
    from accomptk.latents.quality import Comparison, measure
    from accomptk.metrics.sheet import sheet_to_markdown, write_sheet
    from accomptk.run import cores
    from accomptk.stems.index import StemSet

    asked = Comparison(
        codec=codec or SHIPPED,
        data=StemSet.open(data),
        foreign=StemSet.open(foreign) if foreign else None,
        signals=signals,
        seconds=seconds,
        pictures=pictures,
    )
    with progress(quiet) as bar:
        tables = measure(asked, workers or cores(), follow_stages(bar))
    if write:
        write_sheet(Path("results/codec.csv"), tables.sound)
        write_sheet(Path("results/codec-contract.csv"), tables.contract)
    if as_json:
        echo_json({"rows": tables.sound, "contract": tables.contract})
        return
    for lines in tables:
        click.echo(sheet_to_markdown(lines))


@bench.command(epilog="\b\nExample:\n  accomptk bench ruler --data data/band --songs 8\n")
@data_option(None, "Prepared set.  [default: the shipped demo songs]")
@songs_option
@instruments_option("drums,bass,guitar,piano")
@codec_option
@seed_option
@workers_option
@click.option("--write", is_flag=True, help="Also replace results/ruler.csv.")
@json_option
@quiet_option
def ruler(
    data: Path | None,
    songs: int | None,
    instruments: tuple[str, ...],
    codec: Path | None,
    seed: int,
    workers: int | None,
    write: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Whether the metrics can be gamed: the ground truth among stems that must lose.

    Also prints how often it is more coherent than each of them, by instrument.
    """
    from accomptk.cli.eval import follow
    from accomptk.cli.tables import show
    from accomptk.metrics.table import write_csv
    from accomptk.streaming.ruler import measure_ruler

    with progress(quiet) as bar:
        board, shares = measure_ruler(
            data,
            codec,
            instruments=instruments,
            songs=songs,
            seed=seed,
            workers=workers,
            progress=follow(bar),
        )
    if write:
        write_csv(Path("results/ruler.csv"), board.anchors)
    if as_json:
        echo_json({**board.to_json(), "more_coherent_than": shares})
        return
    show(board.anchors)
    for foil, by_instrument in shares.items():
        texts = [f"{name} {100 * s:.0f} % of {n}" for name, (s, n) in by_instrument.items()]
        click.echo(f"more coherent than {foil}: {', '.join(texts)}")


@bench.command(
    epilog="\b\nExample:\n  accomptk bench live --hop 6,9,18 --lookahead 2 --seconds 60 --json\n"
)
@quickest_model_option
@codec_option
@instruments_option("drums,bass,guitar,piano")
@hop_option
@lookahead_option("2")
@steps_option
@click.option("--beats", type=click.Choice(["tracker", "none"]), default="tracker")
@click.option("--seconds", default=30.0, show_default=True, help="Length of each stream.")
@click.option("--auto", is_flag=True, help="Also the shortest hop and gap that hold.")
@click.option("--remote", is_flag=True, help="Also over a line of 40 ms that loses 1 %.")
@click.option("--write", is_flag=True, help="Also replace results/live.csv and live-terms.csv.")
@device_option
@json_option
def live(**options: Any) -> None:
    """Step time, and chunk in to chunk out through real UDP, for each hop and look-ahead."""
    from accomptk.latents.codec import load_codec
    from accomptk.live.rehearsal import measure_all, sheets
    from accomptk.live.setup import Setup
    from accomptk.live.stage import Stage
    from accomptk.metrics.sheet import write_sheet
    from accomptk.run import gflops, machine_line, pick_device
    from accomptk.streaming.models import load_model, quickest

    hops = [read_length("hop", hop) for hop in options["hop"]]
    setup = Setup(
        instruments=options["instruments"],
        hop=hops[0],
        gap=hops[0],
        steps=options["steps"] or 0,
        beats=options["beats"],
    )
    model = load_model(options["model"] or quickest(), pick_device(options["device"]))
    stage = Stage(model, load_codec(options["codec"]), setup)
    windows = [(hop, (k - 1) * hop) for hop in hops for k in options["lookahead"]]
    rows: list[dict[str, Any]] = []
    if not options["as_json"]:
        click.echo(machine_line())
    for row in measure_all(stage, windows, options["seconds"], options["auto"], options["remote"]):
        rows.append(row)
        if not options["as_json"]:
            click.echo(live_line(row))
    if options["write"]:
        for name, lines in sheets(rows, machine_line()).items():
            write_sheet(Path("results") / f"{name}.csv", lines)
    if options["as_json"]:
        echo_json({"machine": machine_line(), "gflops": gflops(), "rows": rows})


def live_line(row: dict[str, Any]) -> str:
    """One measured stream as a line; a dash where too little was played to say."""
    step, wait = row["step_ms"], row["in_to_out_ms"]
    terms = ", ".join(f"{name} {_ms(times['p95'])}" for name, times in row["terms_ms"].items())
    line = f", {row['round_trip_ms']:.0f} ms away, {row['loss']:.0%} lost" if row["loss"] else ""
    rtf = "-" if row["rtf"] is None else f"{row['rtf']:.2f}"
    return (
        f"hop {row['hop']} gap {row['gap']} (K {row['lookahead']:.2g}){line}: "
        f"step p50 {_ms(step['p50'])} p95 {_ms(step['p95'])} p99 {_ms(step['p99'])} ms, "
        f"in to out p50 {_ms(wait['p50'])} p95 {_ms(wait['p95'])} max {_ms(wait['max'])} ms, "
        f"jitter {_ms(row['jitter_ms'])} ms, {row['misses']} of {row['chunks']} missed, "
        f"rtf {rtf}, {row['cpu']:.1f} cores\n  p95 of terms, ms: {terms}"
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def ledger_table(rows: list[dict[str, Any]], machine: str, speed: float) -> str:
    """The ledger as Markdown."""
    lines = [
        f"Measured by `accomptk bench training` on {machine}; {speed:.0f} GFLOP/s just before.",
        "",
        "| size | parameters | GFLOP/step | s/step | excerpts/step | steps/h | excerpts/h |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['name']} | {row['parameters'] / 1e6:.1f} M | {row['gflop_per_step']:.0f} "
        f"| {row['s_per_step']:.2f} | {row['batch']} | {row['steps_per_hour']} "
        f"| {row['excerpts_per_hour']} |"
        for row in rows
    ]
    return "\n".join(lines)


def replace_block(path: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->`` in a file."""
    from accomptk.errors import DatasetError
    from accomptk.run import replacing

    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    whole = path.read_text(encoding="utf-8") if path.exists() else ""
    if begin not in whole or end not in whole:
        raise DatasetError(f"{path}: has no lines '{begin}' and '{end}'; run this in a clone")
    head, _, rest = whole.partition(begin)
    with replacing(path) as temporary:
        temporary.write_text(f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}", "utf-8")
