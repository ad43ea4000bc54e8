"""accomptk simulate: play along to files as a live stream would, faster than real time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accomptk.cli.options import (
    clock_option,
    codec_option,
    device_option,
    echo_json,
    gap_option,
    hop_option,
    instruments_option,
    json_option,
    latency_option,
    lookahead_option,
    loss_option,
    model_option,
    one_window,
    progress,
    prompt_option,
    quiet_option,
    seed_option,
    steps_option,
    tell,
    thesaurus_option,
)

if TYPE_CHECKING:
    from accomptk.streaming.beat_sources import BeatSource
    from accomptk.streaming.simulate import Simulation
    from accomptk.window import Window

EPILOG = """\b
Examples:
  accomptk simulate guitar.wav --instruments drums,bass
  accomptk simulate sax.wav --instruments piano --hop 9 --gap 250ms --beats none
  accomptk simulate guitar.wav --hop 9 --gap 9 --latency 400ms+100ms --loss 0.01
  accomptk simulate --replay takes/take-20260101-120000-1 --out again
"""


@click.command(epilog=EPILOG)
@click.argument("audio", type=click.Path(path_type=Path), required=False)
@model_option
@codec_option
@instruments_option("drums,bass")
@lookahead_option("")
@hop_option
@gap_option
@steps_option
@prompt_option
@thesaurus_option
@click.option(
    "--beats",
    type=click.Choice(["tracker", "none"]),
    default="tracker",
    show_default=True,
    help="Follow the beat of what is heard, or do without.",
)
@click.option(
    "--replay",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Instead of AUDIO: play a take of `live --record` again; the same bytes.",
)
@clock_option
@latency_option
@loss_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Folder for one file an instrument and the mix.  [default: beside the input]",
)
@seed_option
@device_option
@json_option
@quiet_option
def simulate(**options: Any) -> None:
    """Play along to AUDIO hop by hop, as a live stream would, and write what it plays.

    Without --gap and --lookahead it plays one hop ahead (K = 2).
    """
    if (options["audio"] is None) == (options["replay"] is None):
        raise click.UsageError("give either AUDIO or --replay DIR")
    if options["replay"] is not None:
        play_again(options)
        return
    from accomptk.latents.codec import load_codec
    from accomptk.run import pick_device
    from accomptk.stems.audio import SAMPLE_RATE, read_audio, resample, to_mono
    from accomptk.streaming.latency import Latency, lose, make_clock
    from accomptk.streaming.models import load_model, sampling_of
    from accomptk.streaming.simulate import simulate as run

    audio, names, prompt = options["audio"], options["instruments"], options["prompt"]
    wav, rate = read_audio(audio)
    context = resample(to_mono(wav), rate, SAMPLE_RATE)[None]
    player = load_model(options["model"], pick_device(options["device"]))
    codec = load_codec(options["codec"])
    if prompt:
        prompt = tell(prompt, player.vocabulary, options["thesaurus"])
    window = one_window(player.frames, options["hop"], options["gap"], options["lookahead"])
    seeds = [options["seed"] + index for index in range(len(names))]
    with progress(options["quiet"]) as bar:
        task = bar.add_task("playing")
        result = run(
            player,
            codec,
            lose(context, options["loss"], codec.frame_samples, seeds[:1]),
            names,
            window,
            beats=[beat_source(options["beats"])],
            prompts=[prompt] * len(names),
            sampling=sampling_of(player, options["steps"]),
            seeds=seeds,
            clock=make_clock(options["clock"], Latency.parse(options["latency"]), seeds),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    written = write(options["out"] or audio.parent, audio.stem, context[0], names, result.audio)
    show(options["as_json"], window, written, result)


def play_again(options: dict[str, Any]) -> None:
    """Play a take again, and say of each file whether it is the same."""
    from accomptk.latents.codec import load_codec
    from accomptk.live.takes import replay
    from accomptk.run import pick_device
    from accomptk.streaming.models import load_model

    take = options["replay"]
    out = options["out"] or take.with_name(f"{take.name}-again")
    model = load_model(options["model"], pick_device(options["device"]))
    with progress(options["quiet"]) as bar:
        task = bar.add_task("playing")
        same = replay(
            take,
            out,
            model,
            load_codec(options["codec"]),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if options["as_json"]:
        echo_json({"folder": str(out), "same": same})
        return
    for name, is_same in same.items():
        click.echo(f"{out / name}.wav{'' if is_same else '  differs from the take'}")


def beat_source(kind: str) -> "BeatSource":
    """A tracker with fetched weights, or no beats."""
    from accomptk.streaming.beat_sources import NoBeats, tracker

    return tracker() if kind == "tracker" else NoBeats()


def write(folder: Path, name: str, context: Any, names: tuple[str, ...], audio: Any) -> list[Path]:
    """One FLAC an instrument, and the mix with the context, scaled only if it would clip."""
    import numpy as np

    from accomptk.stems.audio import write_audio

    paths = []
    for instrument, wav in zip(names, audio, strict=True):
        paths.append(folder / f"{name}-{instrument}.flac")
        write_audio(paths[-1], wav)
    mix = context + audio.sum(0)
    paths.append(folder / f"{name}-mix.flac")
    write_audio(paths[-1], (mix / max(1.0, float(np.abs(mix).max()))).astype(np.float32))
    return paths


def show(as_json: bool, window: "Window", written: list[Path], result: "Simulation") -> None:
    """Paths on stdout, speed on stderr; or one JSON object."""
    compute_s = sum(result.step_ms) / 1000
    rtf = compute_s / result.audio_s if result.audio_s else None
    if as_json:
        echo_json(
            {
                "files": [str(path) for path in written],
                "hop": window.hop,
                "gap": window.gap,
                "nfe": result.nfe,
                "rtf": rtf,
                "misses": result.misses,
                "step_ms": result.step_ms,
                "ledger_ms": result.ledger,
            }
        )
        return
    for path in written:
        click.echo(path)
    if rtf is not None:
        late = "no deadline" if result.misses is None else f"late {result.misses}"
        click.echo(
            f"{len(result.step_ms)} hops, rtf {rtf:.3f} (below 1 is real time), {late}", err=True
        )
