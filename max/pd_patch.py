"""``accomptk.pd``, an object with a face for Pd vanilla, and its help patch.

Inside, everything is named ``$0-something`` and travels by send and receive.
"""

from choices import ACCENT, DARK, FIGURES, GAPS, HELP, HOPS, LEAVES_IT, PANEL, PAPER, WHITE
from pd_audio import clock, heard, speakers, stem
from pd_canvas import Canvas
from pd_controls import controls, displays, messages
from pd_wire import connection, server

from accomptk.live.protocol import BEATS, DIALS, MODES
from accomptk.stems.instruments import INSTRUMENTS

WIDTH, HEIGHT = 760, 460


def patch() -> Canvas:
    """The whole patch."""
    root = Canvas(WIDTH + 40, HEIGHT + 330, face=(WIDTH, HEIGHT))
    _face(root)
    y = HEIGHT + 20
    root.text("audio to play along with", 20, y)
    root.text("messages", 560, y)
    ear = root.sub(heard(), 20, y + 70)
    root.obj("inlet~", 20, y + 30).to(ear)
    out = root.sub(speakers(), 20, y + 200)
    ear.to(out)
    for i, name in enumerate(INSTRUMENTS):
        strip = root.sub(stem(name), 90 + 80 * i, y + 120)
        strip.to(out, inlet=i + 1)
        strip.to(root.obj("outlet~", 90 + 80 * i, y + 260))
    root.obj("inlet", 560, y + 30).to(root.sub(messages(), 560, y + 70))
    root.sub(server(), 560, y + 120).to(root.obj("outlet", 560, y + 260))
    for i, canvas in enumerate((clock(), connection(), controls(), displays())):
        root.sub(canvas, 660, y + 30 + 40 * i)
    root.text("stems: drums, bass, guitar, piano, strings", 90, y + 290)
    root.text("answers of the server", 560, y + 290)
    return root


def _face(root: Canvas) -> None:
    """What is seen of the object."""
    root.panel(0, 0, WIDTH, HEIGHT, PAPER)
    root.panel(0, 0, WIDTH, 40, DARK, "accomptk", ink=WHITE, font=20, at=(12, 20))
    root.panel(0, 36, WIDTH, 4, ACCENT)
    root.toggle(140, 10, "$0-connect", "connect", ink=WHITE)
    root.panel(232, 8, 310, 22, PAPER)
    root.atom("symbolatom", 236, 10, 43, get="$0-status-text")
    root.toggle(570, 10, "$0-record", "record", ink=WHITE)
    root.toggle(660, 10, "$0-speakers", "speakers", on=True, ink=WHITE)
    _strips(root)
    _dials(root)
    _prompts(root)
    _settings(root)


def _strips(root: Canvas) -> None:
    root.panel(10, 50, 70, 212, PANEL, "you", font=14)
    root.meter(39, 78, 120, "$0-heard-level")
    root.toggle(18, 204, "$0-mic", "mic")
    for i, name in enumerate(INSTRUMENTS):
        x = 88 + 88 * i
        root.panel(x, 50, 80, 212, PANEL, name, font=14)
        root.slider(x + 16, 78, 122, -60, 6, 0, f"$0-{name}-gain", upright=True)
        root.meter(x + 52, 78, 120, f"$0-{name}-level")
        root.toggle(x + 8, 204, f"$0-{name}", "play", on=True)
        root.label(x + 6, 224, "its prompt", PANEL, font=10)
        root.atom("listbox", x + 6, 240, 9, f"$0-{name}-prompt", f"$0-{name}-prompt-set")


def _dials(root: Canvas) -> None:
    root.panel(536, 50, 214, 212, PANEL, "how to play", font=14)
    for i, dial in enumerate(DIALS):
        low = 0 if dial.start >= 0 else LEAVES_IT
        root.slider(
            546, 84 + 25 * i, 101, low, dial.high, max(dial.start, low), f"$0-{dial.name}",
            dial.name,
        )  # fmt: skip
    root.label(546, 240, "far left: as the model likes", PANEL, font=10)


def _prompts(root: Canvas) -> None:
    root.panel(10, 270, 740, 54, PANEL)
    for x, bus, label in (
        (16, "$0-prompt", "prompt"),
        (386, "$0-prompt/second", "second prompt, for interpolation"),
    ):
        root.label(x, 274, label, PANEL)
        root.atom("listbox", x, 296, 46, bus, f"{bus}-set")


def _settings(root: Canvas) -> None:
    root.panel(10, 332, 740, 120, PANEL)
    rows = (
        (18, 356, "hop", "hop: auto .25 .5 .75 1 1.5 s", len(HOPS)),
        (18, 402, "lookahead", "look-ahead: auto 2 3 4 hops", len(GAPS)),
        (230, 356, "mode", "mode: accompany, prompt", len(MODES)),
        (230, 402, "beats-from", "beats: tracked, given, none", len(BEATS)),
    )
    for x, y, name, label, cells in rows:
        root.radio(x, y, cells, 0, f"$0-{name}", label)
    root.number(430, 356, 4, 20, 400, 120, "$0-bpm", "bpm")
    root.number(490, 356, 3, 1, 32, 4, "$0-meter", "meter")
    root.button(430, 402, "$0-downbeat", "one")
    root.number(490, 402, 3, 0, 64, 0, "$0-steps", "steps")
    root.button(546, 356, "$0-reset", "reset")
    root.toggle(546, 402, "$0-rate-differs", "resampled", ink=ACCENT)
    for i, (name, words) in enumerate(FIGURES["pd"].items()):
        x, y = 656 + 48 * (i % 2), 340 + 46 * (i // 2)
        root.label(x, y, words, PANEL)
        root.atom("floatatom", x, y + 18, 4, get=f"$0-{name}-is")
    root.atom("listbox", 18, 428, 90, get="$0-last")


def help_patch() -> Canvas:
    """The patch that Pd opens for Help: the object, ready to play, and what it understands."""
    root = Canvas(WIDTH + 60, HEIGHT + 400)
    root.text(
        "Start accomptk live in a terminal, turn DSP on, connect, and play into the microphone"
        " (mic) or from a file:", 20, 12,
    )  # fmt: skip
    root.obj("bng 18 250 50 0 empty empty empty 17 7 0 10 #ffffff #d9623b #26323f", 620, 10).to(
        root.obj("openpanel", 650, 10)
    ).to(opened := root.msg("open $1, 1", 730, 10))
    client = root.obj("accomptk", 20, 70)
    player = root.obj("readsf~", 20, 46)
    opened.to(player).to(client)
    y = HEIGHT + 90
    bus = root.obj("s accomptk-help", 40, y + 24 * len(HELP) + 8)
    root.obj("r accomptk-help", 640, 40).to(client, inlet=1)
    for i, (message, meaning) in enumerate(HELP):
        root.msg(message, 40, y + 24 * i).to(bus)
        root.text(meaning, 370, y + 24 * i)
    client.to(root.obj("print accomptk", 640, y + 240), outlet=5)
    root.text("outlets: a stem each, then what the server answers", 300, y + 266)
    return root
