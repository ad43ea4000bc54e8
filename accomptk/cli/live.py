"""accomptk live: play along to a patch of Max or Pd, any OSC program, or this machine's sound."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accomptk.cli.options import (
    codec_option,
    device_option,
    prompt_option,
    quickest_model_option,
    quiet_option,
    read_length,
    refuse_both,
    seed_option,
    steps_option,
    tell,
    thesaurus_option,
)

if TYPE_CHECKING:
    from accomptk.live.stage import Stage

EPILOG = """\b
Examples:
  accomptk live
  accomptk live --instruments drums,bass,piano --record takes
  accomptk live --mode prompt --instruments piano
  accomptk live --copy-patch ~/Documents/Max\\ 9/Library
"""


@click.command(epilog=EPILOG)
@quickest_model_option
@codec_option
@click.option("--instruments", default="drums,bass", show_default=True, help="What to play.")
@click.option("--hop", default="auto", show_default=True, help="auto, frames, or such as 750ms.")
@click.option("--gap", default=None, help="auto, frames, or such as 250ms.  [default: auto]")
@click.option("--lookahead", type=click.IntRange(min=0), default=None, help="K = 1 + gap / hop.")
@steps_option
@prompt_option
@thesaurus_option
@click.option("--port", default=7000, show_default=True, help="UDP port to listen on.")
@click.option("--reply-port", default=8000, show_default=True, help="UDP port of the patch.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--wire",
    type=click.Choice(["accomptk", "multitrack"]),
    default="accomptk",
    show_default=True,
    help="Our messages, or those of the published multi_track external.",
)
@click.option(
    "--transport",
    type=click.Choice(["osc", "file"]),
    default="osc",
    show_default=True,
    help="Audio in packets, or by files in --io-dir.",
)
@click.option("--io-dir", type=click.Path(path_type=Path), help="The one folder for such files.")
@click.option(
    "--record", type=click.Path(path_type=Path), help="Write a take a stream to this folder."
)
@click.option(
    "--mode",
    type=click.Choice(["accompany", "prompt"]),
    default="accompany",
    show_default=True,
    help="Play along, or alone by prompt.",
)
@click.option(
    "--beats",
    type=click.Choice(["tracker", "given", "none"]),
    default="tracker",
    show_default=True,
    help="Follow the beat, take it from the client, or do without.",
)
@click.option(
    "--allow-remote", is_flag=True, help="Let other machines connect; nothing is encrypted."
)
@click.option("--audio", is_flag=True, help="Use this machine's sound instead of OSC.")
@click.option(
    "--count-in",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Beats, with --audio.",
)
@click.option(
    "--bpm",
    type=click.FloatRange(min=20, max=400),
    default=120,
    show_default=True,
    help="Of the count-in.",
)
@click.option("--always", is_flag=True, help="With --audio: play on while the musician is silent.")
@click.option(
    "--copy-patch", type=click.Path(path_type=Path), help="Copy the patches there, and end."
)
@seed_option
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one a line.")
@quiet_option
def live(**options: Any) -> None:
    """Play along live; the musician is at a patch of Max or Pd, or at this machine's sound card."""
    if options["copy_patch"] is not None:
        copy_patch(options["copy_patch"])
        return
    check_options(options)
    from accomptk.live.view import open_view

    stage = open_stage(options)
    with open_view(stage, options["as_json"], options["quiet"]) as view:
        if options["audio"]:
            play_here(stage, view, options)
        else:
            serve(stage, view, options)


def check_options(options: dict[str, Any]) -> None:
    """Refuse what contradicts itself, or opens the machine without being asked to.

    Raises:
        click.UsageError: If so.
    """
    import ipaddress

    from accomptk.errors import StreamError

    refuse_both(options["gap"] is not None, options["lookahead"] is not None)
    if (options["transport"] == "file") != (options["io_dir"] is not None):
        raise click.UsageError("--transport file and --io-dir belong together")
    if options["wire"] == "multitrack" and options["transport"] == "file":
        raise click.UsageError("--wire multitrack has no files; leave --transport out")
    try:
        is_local = ipaddress.ip_address(options["host"]).is_loopback
    except ValueError:
        is_local = options["host"] == "localhost"
    if not is_local and not options["allow_remote"]:
        raise StreamError(
            f"--host {options['host']}: other machines could connect, unasked and unencrypted; "
            "add --allow-remote if that is meant"
        )
    if not is_local:
        click.echo("warning: other machines may connect; nothing is encrypted", err=True)


def open_stage(options: dict[str, Any]) -> "Stage":
    """Models, the setup to begin with, and a hop and gap that hold here."""
    from accomptk.conditions.thesaurus import load_thesaurus
    from accomptk.errors import StreamError
    from accomptk.latents.codec import load_codec
    from accomptk.live.gap import HOPS
    from accomptk.live.rehearsal import fit
    from accomptk.live.setup import Setup
    from accomptk.live.stage import Stage
    from accomptk.run import pick_device
    from accomptk.streaming.models import load_model, quickest

    model = load_model(options["model"] or quickest(), pick_device(options["device"]))
    auto_hop, gap = options["hop"] == "auto", options["gap"] or "auto"
    hop = min(HOPS[2], model.frames // 4) if auto_hop else read_length("hop", options["hop"])
    lookahead = options["lookahead"]
    is_multitrack = options["wire"] == "multitrack"
    frames = (lookahead - 1) * hop if lookahead is not None else hop
    if lookahead is None and gap != "auto":
        frames = read_length("gap", gap)
    if frames < 1 and not is_multitrack:
        raise StreamError(
            f"gap {frames}: a live stream cannot play what it has yet to hear; "
            "give at least 1 frame, or --lookahead 2"
        )
    prompt, thesaurus = options["prompt"], None
    if options["thesaurus"]:
        thesaurus = load_thesaurus(options["thesaurus"], model.vocabulary)
    if prompt:
        prompt = tell(prompt, model.vocabulary, thesaurus)
    stage = Stage(
        model,
        load_codec(options["codec"]),
        Setup(
            instruments=tuple(name.strip() for name in options["instruments"].split(",")),
            hop=hop,
            gap=frames,
            steps=options["steps"] or 0,
            mode=options["mode"],
            beats=options["beats"],
            prompt=prompt,
        ),
        seed=options["seed"],
        record=options["record"],
        auto_hop=auto_hop and lookahead is None,
        auto_gap=gap == "auto" and lookahead is None,
        thesaurus=thesaurus,
    )
    if not is_multitrack:
        fit(stage, stage.codec.sample_rate)
    return stage


def serve(stage: "Stage", view: Any, options: dict[str, Any]) -> None:
    """Bind the port and serve until the client or Ctrl-C ends it."""
    from accomptk.live.desk import Desk
    from accomptk.live.files import FileDoor
    from accomptk.live.multitrack import Multitrack
    from accomptk.live.server import Server

    front: Desk | Multitrack
    if options["wire"] == "multitrack":
        front = Multitrack(stage, options["reply_port"], view.event)
    else:
        door = FileDoor(options["io_dir"]) if options["io_dir"] else None
        front = Desk(stage, door, view.event)
    server = Server(front, options["host"], options["port"])
    view.follow(front)
    front.announce((options["host"], options["reply_port"]))
    try:
        view.event("listening", {"host": server.address[0], "port": server.address[1]})
        server.run(view.show)
    except KeyboardInterrupt:
        view.event("interrupted", {})


def play_here(stage: "Stage", view: Any, options: dict[str, Any]) -> None:
    """Play through this machine's sound card until Ctrl-C."""
    from accomptk.live.device import CountIn, play

    count_in = CountIn(options["count_in"], options["bpm"])
    try:
        play(stage, count_in, view, always=options["always"])
    except KeyboardInterrupt:
        view.event("interrupted", {})


def copy_patch(folder: Path) -> None:
    """Copy the patches for Max and Pd into a folder of their own."""
    from accomptk.live.patches import copy_patches

    click.echo(copy_patches(folder))
