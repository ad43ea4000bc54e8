"""The controls and displays of ``accomptk.maxpat``, and the messages it takes from others."""

from choices import FIGURED, FIGURES, GAPS, HOPS, INLET, LOG, PHASES, TOLD
from max_canvas import Canvas

from accomptk.live.protocol import BEATS, DIALS, MODES, Message
from accomptk.stems.instruments import INSTRUMENTS


def controls(max_: Canvas) -> None:
    """Turns what is set in the face into messages."""
    for i, dial in enumerate(DIALS):
        max_.chain(
            20 + 190 * i, 20, f"r accomptk-{dial.name}", f"prepend {dial.name}",
            "s accomptk-control",
        )  # fmt: skip
    for i, name in enumerate(INSTRUMENTS):
        _stem_prompt(max_, name, 20 + 230 * i, 150)
    max_.chain(1170, 160, "r accomptk-steps", "prepend steps", "s accomptk-config")
    _menu(max_, 20, "mode", [f"mode {mode}" for mode in MODES])
    _menu(max_, 300, "hop", [f"hop {hop}" for hop in HOPS])
    _menu(max_, 680, "lookahead", list(GAPS.values()))
    _menu(max_, 1000, "beats-from", [f"beats {source}" for source in BEATS])
    _instruments(max_, 20, 500)
    tell = max_.obj("r accomptk-tell", 20, 780)
    for i, name in enumerate(TOLD):
        place = 20 + 230 * (i % 5), 840 + 36 * (i // 5)
        tell.to(max_.obj(f"s accomptk-{name}-set", *place))


def _stem_prompt(max_: Canvas, name: str, x: int, y: int) -> None:
    """No words must stay no words: prepend would make the word bang of a bang."""
    _, way = max_.chain(x, y, f"r accomptk-{name}-prompt", "route bang")
    target = max_.obj("s accomptk-prompt/stem", x, y + 108)
    way.to(max_.msg(name, x, y + 72)).to(target)
    way.to(max_.obj(f"prepend {name}", x + 80, y + 72), outlet=1).to(target)


def _menu(max_: Canvas, x: int, name: str, settings: list[str]) -> None:
    """A row of choices, each with its setting."""
    *_, choice = max_.chain(
        x, 300, f"r accomptk-{name}", f"sel {' '.join(map(str, range(len(settings))))}"
    )
    target = max_.obj("s accomptk-config", x, 450)
    for i, setting in enumerate(settings):
        place = x + 110 * (i % 3), 376 + 34 * (i // 3)
        choice.to(max_.msg(setting, *place), outlet=i).to(target)


def _instruments(max_: Canvas, x: int, y: int) -> None:
    """Collects the names of those that play in a message box."""
    count = len(INSTRUMENTS)
    collect = max_.obj(f"t {'b ' * (count + 2)}".strip(), x, y + 76)
    names = max_.msg("", x, y + 206)
    max_.obj("r accomptk-tell", x, y).to(collect)
    for i, name in enumerate(INSTRUMENTS):
        place = x + 150 + 190 * i
        both = max_.chain(place, y, f"r accomptk-{name}", "t b i")[-1]
        on, plays = max_.chain(place, y + 112, "i", "sel 1")
        both.to(on, outlet=1, inlet=1)
        both.to(collect)
        collect.to(on, outlet=count - i)
        plays.to(max_.msg(f"append {name}", place, y + 182)).to(names)
    collect.to(max_.msg("set", x + 70, y + 146), outlet=count + 1).to(names)
    collect.to(names)
    names.to(max_.obj("s accomptk-instruments", x, y + 236))


def displays(max_: Canvas) -> None:
    """Shows the server's answers."""
    *_, phase = max_.chain(20, 20, "r accomptk-phase", "sel 0 1 2 3")
    text = max_.obj("s accomptk-status-text", 20, 260)
    for i, words in enumerate(PHASES):
        phase.to(max_.msg(f"set {words}", 20 + 20 * i, 100 + 36 * i), outlet=i).to(text)
    for i, name in enumerate(LOG):
        max_.chain(
            20 + 180 * i, 320, f"r accomptk-got-{name}", f"prepend set {name}", "s accomptk-last"
        )
    max_.chain(
        20, 460, "r accomptk-got-packet_echo", "zl.slice 1", "prepend set packet_echo",
        "s accomptk-last",
    )  # fmt: skip
    for i, message in enumerate(FIGURED):
        _unpack(max_, 420, 20 + 90 * i, message)
    max_.chain(900, 110, "r accomptk-state-is", "prepend set connected:").pop().to(text)
    _rate(max_, 300, 460)
    _round_trip(max_, 640, 460)


def _unpack(max_: Canvas, x: int, y: int, message: Message) -> None:
    """Give each value of an answer to its display."""
    kinds = " ".join(argument.tags for argument in message.arguments)
    values = max_.chain(x, y, f"r accomptk-got-{message.name}", f"unpack {kinds}")[-1]
    shown = [
        (i, argument.name)
        for i, argument in enumerate(message.arguments)
        if argument.name in ("state", *FIGURES["max"])
    ]
    for place, (i, name) in enumerate(shown):
        values.to(max_.obj(f"s accomptk-{name}-is", x + 200 + 150 * place, y + 36), outlet=i)


def _rate(max_: Canvas, x: int, y: int) -> None:
    """Tell whether the model works at another sample rate."""
    _, differs, which = max_.chain(x, y, "r accomptk-rate", "!= 44100", "sel 1 0")
    model = max_.chain(x + 150, y, "r accomptk-model-rate", "t b i")[-1]
    model.to(differs, outlet=1, inlet=1)
    model.to(differs)
    target = max_.obj("s accomptk-rate-text", x, y + 190)
    for i, words in enumerate(("set sample rate: converted by the server", "set")):
        which.to(max_.msg(words, x + 30 * i, y + 110 + 36 * i), outlet=i).to(target)


def _round_trip(max_: Canvas, x: int, y: int) -> None:
    """Measure the way to the server and back, once a stream, and tell the server."""
    begin = max_.chain(x, y, "r accomptk-tell", "t b b")[-1]
    time, *_ = max_.chain(x, y + 116, "timer", "prepend transport_ms", "s accomptk-config")
    begin.to(time, outlet=1)
    begin.to(max_.msg("1", x + 60, y + 76)).to(max_.obj("s accomptk-ping", x + 110, y + 116))
    max_.chain(x + 160, y, "r accomptk-got-pong", "t b")[-1].to(time, inlet=1)


def messages(max_: Canvas) -> None:
    """Messages from other objects: they turn the controls, or go to the server as they are."""
    ways = max_.obj(f"route {' '.join(bus.removesuffix('-set') for bus in INLET)}", 20, 70)
    max_.obj("inlet", 20, 20).to(ways)
    for i, bus in enumerate(INLET):
        ways.to(max_.obj(f"s accomptk-{bus}", 20 + 250 * (i % 5), 130 + 36 * (i // 5)), outlet=i)
