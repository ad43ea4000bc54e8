"""``accomptk.maxpat`` and its help patch.

Inside, everything is named ``accomptk-something`` and travels by send and receive, as in the Pd
patch; only audio has cords.
"""

from typing import Any

from choices import HELP, PAPER
from max_audio import packets, rings
from max_canvas import Canvas, Node, rgba
from max_controls import controls, displays, messages
from max_face import HEIGHT, WIDTH, Face
from max_wire import connection, from_server, to_server
from py2max.core.common import Rect

from accomptk.stems.instruments import INSTRUMENTS


def patch() -> dict[str, Any]:
    """The whole patch, as Max stores it."""
    root = Canvas(WIDTH, HEIGHT)
    root.patcher.bgcolor = root.patcher.editing_bgcolor = rgba(PAPER)
    root.patcher.description = "An accompanist: play, and it plays along."
    _audio(root)
    _parts(root)
    Face(root).fill()
    return root.patcher.to_dict()


def _parts(root: Canvas) -> None:
    """The subpatches that are reached by name."""
    x, y = 900, 60
    root.text("messages, as in the help patch", x, 30)
    root.obj("inlet", x, y).to(root.sub("messages", x, y + 50, (1300, 640), messages))
    root.text("answers of the server", x + 200, 30)
    root.sub("from_server", x + 200, y, (1180, 540), from_server).to(
        root.obj("outlet", x + 200, y + 50)
    )
    others = (
        ("to_server", (1140, 1160), to_server), ("connection", (1320, 500), connection),
        ("controls", (1320, 1000), controls), ("displays", (1380, 700), displays),
        ("packets", (1320, 360), packets),
    )  # fmt: skip
    for i, (name, size, fill) in enumerate(others):
        root.sub(name, x + 400, 60 + 40 * i, size, fill)


def _audio(root: Canvas) -> None:
    """From the input to the loudspeakers, and to a file."""
    root.text("audio to play along with: the microphone, or what comes in here", 30, 30)
    heard = root.obj("+~", 30, 170)
    root.obj("inlet", 30, 60).to(heard)
    mic = root.obj("*~ 0.", 110, 120)
    root.obj("adc~ 1", 110, 66).to(mic).to(heard, inlet=1)
    root.obj("r accomptk-mic", 190, 66).to(mic, inlet=1)
    heard.to(root.face("live.meter~", 120, 200, (42, 82, 12, 116)))
    played = heard.to(root.sub("rings", 30, 350, (1300, 480), rings))
    file = root.obj(f"sfrecord~ {len(INSTRUMENTS) + 1}", 30, 564)
    mix = root.obj("*~ 0.", 620, 564)
    heard.to(file)
    for i, name in enumerate(INSTRUMENTS):
        gain = root.parameter(
            "live.gain~", 190 + 170 * i, 360, (112 + 88 * i, 78, 46, 124), f"{name} gain", 0,
            parameter_type=0, parameter_mmin=-70, parameter_mmax=6, parameter_unitstyle=4,
            channels=1, showname=0,
        )  # fmt: skip
        played.to(gain, outlet=i)
        gain.to(file, inlet=i + 1)
        gain.to(mix)
        gain.to(root.obj("outlet", 190 + 170 * i, 510))
        root.obj(f"r accomptk-{name}-gain-set", 190 + 170 * i, 324).to(gain)
    root.obj("r accomptk-speakers", 1000, 564).to(mix, inlet=1)
    _speakers(root, mix)
    _file(root, file)


def _speakers(root: Canvas, mix: Node) -> None:
    out = root.face("ezdac~", 760, 558, (744, 6, 28, 28))
    mix.to(out)
    mix.to(out, inlet=1)


def _file(root: Canvas, file: Node) -> None:
    """Ask for a file and record into it; the channels are what was heard, and the stems."""
    *_, switch = root.chain(1060, 324, "r accomptk-record", "sel 1 0")
    ask, then, name = root.chain(1060, 420, "savedialog WAVE", "t b l", "prepend open")
    switch.to(ask)
    then.to(name, outlet=1)
    name.to(file)
    then.to(root.msg("1", 1010, 492)).to(file)
    switch.to(root.msg("0", 1210, 420), outlet=1).to(file)


def help_patch() -> dict[str, Any]:
    """The patch that Max opens for help: the patch, ready to play, and what it understands."""
    root = Canvas(WIDTH + 60, HEIGHT + 440)
    root.patcher.openinpresentation = 0
    root.text("Start accomptk live in a terminal, turn audio on, connect, and play", 20, 16)
    root.text("into the microphone (mic) or from a file:", 20, 36)
    player = root.chain(620, 20, "sfplay~")[0]
    for i, message in enumerate(("open", "1", "0")):
        root.msg(message, 480 + 50 * i, 20).to(player)
    signals = ["signal"] * len(INSTRUMENTS)
    client = Node(
        root,
        root.patcher.add_bpatcher(
            "accomptk.maxpat", numinlets=2, numoutlets=len(signals) + 1, outlettype=[*signals, ""],
            patching_rect=Rect(20, 70, WIDTH, HEIGHT),
        ),
    )  # fmt: skip
    player.to(client)
    y = HEIGHT + 100
    root.obj("r accomptk-help", 690, 20).to(client, inlet=1)
    bus = root.obj("s accomptk-help", 40, y + 26 * len(HELP) + 10)
    for i, (message, meaning) in enumerate(HELP):
        root.msg(message, 40, y + 26 * i).to(bus)
        root.text(meaning, 370, y + 26 * i)
    client.to(root.obj("print accomptk", 700, y + 296), outlet=len(signals))
    root.text("outlets: a stem each, then what the server answers", 300, y + 298)
    return root.patcher.to_dict()
