"""accomptk simulate: play along to files as a live stream would, faster than real time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accomptk.cli.options import (
    device_option,
    echo_json,
    json_option,
    progress,
    quiet_option,
    seed_option,
)

if TYPE_CHECKING:
    from accomptk.streaming.beat_sources import BeatSource
    from accomptk.window import Window

EPILOG = """\b
Examples:
  accomptk simulate guitar.wav --instruments drums,bass
  accomptk simulate sax.wav --instruments piano --hop 9 --gap 250ms --beats none
"""


@click.command(epilog=EPILOG)
@click.argument("audio", type=click.Path(path_type=Path))
@click.option("--model", default="teacher", show_default=True, help="Shipped name, or a file.")
@click.option("--codec", type=click.Path(path_type=Path), default=None, help="Codec to use.")
@click.option("--instruments", default="drums,bass", show_default=True, help="What to play.")
@click.option("--lookahead", type=click.IntRange(min=0), default=None, help="K = 1 + gap / hop.")
@click.option("--hop", default="18", show_default=True, help="Frames, or a time such as 750ms.")
@click.option("--gap", default=None, help="Frames or a time.  [default: one hop, K = 2]")
@click.option("--steps", type=click.IntRange(min=1), default=None, help="Sampler steps.")
@click.option("--prompt", default=None, help="Style in words.")
@click.option(
    "--beats",
    type=click.Choice(["tracker", "none"]),
    default="tracker",
    show_default=True,
    help="Follow the beat of what is heard, or do without.",
)
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
def simulate(
    audio: Path,
    model: str,
    codec: Path | None,
    instruments: str,
    lookahead: int | None,
    hop: str,
    gap: str | None,
    steps: int | None,
    prompt: str | None,
    beats: str,
    out: Path | None,
    seed: int,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Play along to AUDIO hop by hop, as a live stream would, and write what it plays."""
    from accomptk.latents.codec import load_codec
    from accomptk.run import pick_device
    from accomptk.stems.audio import SAMPLE_RATE, read_audio, resample, to_mono
    from accomptk.streaming.models import load_model, sampling_of
    from accomptk.streaming.simulate import simulate as run

    wav, rate = read_audio(audio)
    context = resample(to_mono(wav), rate, SAMPLE_RATE)[None]
    player = load_model(model, pick_device(device))
    names = tuple(name.strip() for name in instruments.split(","))
    for word in player.vocabulary.unknown(prompt or ""):
        click.echo(f"warning: prompt word '{word}': the model never saw it", err=True)
    window = window_of(player.frames, hop, gap, lookahead)
    with progress(quiet) as bar:
        task = bar.add_task("playing")
        result = run(
            player,
            load_codec(codec),
            context,
            names,
            window,
            beats=[beat_source(beats)],
            prompts=[prompt] * len(names),
            sampling=sampling_of(player, steps),
            seeds=[seed + index for index in range(len(names))],
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    written = write(out or audio.parent, audio.stem, context[0], names, result.audio)
    show(as_json, window, written, result)


def window_of(frames: int, hop: str, gap: str | None, lookahead: int | None) -> "Window":
    """The window that the options ask for.

    Raises:
        click.UsageError: If both ``--gap`` and ``--lookahead`` are given.
    """
    from accomptk.window import Window

    if gap is not None and lookahead is not None:
        raise click.UsageError("--gap and --lookahead say the same thing; give one of them")
    hop_frames = read_length("hop", hop)
    if gap is not None:
        return Window(frames=frames, hop=hop_frames, gap=read_length("gap", gap))
    k = 2 if lookahead is None else lookahead
    return Window.from_lookahead(k, frames=frames, hop=hop_frames)


def read_length(name: str, text: str) -> int:
    """Frames of a length option; a time between two frames is rounded up, said so."""
    from fractions import Fraction

    from accomptk.conditions.grid import FRAMES_PER_SECOND
    from accomptk.window import to_frames

    rate = Fraction(FRAMES_PER_SECOND)
    frames = to_frames(text, rate)
    if text.strip().lower().endswith("ms"):
        asked_ms, given_ms = float(text.strip()[:-2]), float(1000 * frames / rate)
        if abs(asked_ms - given_ms) > 1e-6:
            click.echo(f"{name}: {asked_ms:g} ms is rounded up to {frames} frames", err=True)
    return frames


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


def show(as_json: bool, window: "Window", written: list[Path], result: Any) -> None:
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
        click.echo(f"{len(result.step_ms)} hops, {rtf:.2f} x real time", err=True)
