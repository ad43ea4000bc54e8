"""The controls and displays of ``accomptk.pd``, and the messages it takes from other objects."""

from choices import FIGURED, FIGURES, GAPS, HOPS, INLET, LOG, PHASES, TOLD
from pd_canvas import Canvas

from accomptk.live.protocol import BEATS, DIALS, MODES, Message
from accomptk.stems.instruments import INSTRUMENTS


def controls() -> Canvas:
    """Turns what is set in the face into messages."""
    pd = Canvas(1080, 860, "controls")
    for i, dial in enumerate(DIALS):
        pd.chain(20 + 150 * i, 20, f"r $0-{dial.name}", f"list prepend {dial.name}", "s $0-control")
    for i, name in enumerate(INSTRUMENTS):
        pd.chain(
            20 + 170 * i, 120, f"r $0-{name}-prompt", f"list prepend {name}", "s $0-prompt/stem"
        )
    pd.chain(890, 120, "r $0-steps", "list prepend steps", "s $0-config")
    _menu(pd, 20, "mode", [f"mode {mode}" for mode in MODES])
    pd.chain(20, 420, "r $0-mode", "s $0-alone")
    _menu(pd, 220, "hop", [f"hop {hop}" for hop in HOPS])
    _menu(pd, 520, "lookahead", list(GAPS.values()))
    _menu(pd, 800, "beats-from", [f"beats {source}" for source in BEATS])
    _, beat, _ = pd.chain(150, 420, "r $0-now", "pack f 120 0 4", "s $0-beats")
    for i, (name, inlet) in enumerate((("bpm", 1), ("meter", 3))):
        pd.obj(f"r $0-{name}", 240 + 70 * i, 420).to(beat, inlet=inlet)
    _instruments(pd, 420, 420)
    tell = pd.obj("r $0-tell", 20, 660)
    for i, name in enumerate(TOLD):
        tell.to(pd.obj(f"s $0-{name}-set", 20 + 170 * (i % 6), 720 + 40 * (i // 6)))
    return pd


def _menu(pd: Canvas, x: int, name: str, settings: list[str]) -> None:
    """A row of cells, each with its setting."""
    *_, choice = pd.chain(x, 230, f"r $0-{name}", f"sel {' '.join(map(str, range(len(settings))))}")
    target = pd.obj("s $0-config", x, 370)
    for i, setting in enumerate(settings):
        place = x + 92 * (i % 3), 290 + 30 * (i // 3)
        choice.to(pd.msg(f"list {setting}", *place), outlet=i).to(target)


def _instruments(pd: Canvas, x: int, y: int) -> None:
    """Collects the names of those that play."""
    count = len(INSTRUMENTS)
    collect = pd.obj(f"t {'b ' * (count + 2)}".strip(), x, y + 60)
    names = pd.obj("list store", x, y + 150)
    pd.obj("r $0-tell", x - 90, y + 30).to(collect)
    for i, name in enumerate(INSTRUMENTS):
        place = x + 125 * i
        both, on = pd.obj("t b f", place, y + 30), pd.obj("f", place, y + 90)
        pd.obj(f"r $0-{name}", place, y).to(both)
        both.to(on, outlet=1, inlet=1)
        both.to(collect)
        collect.to(on, outlet=count - i)
        plays = pd.obj("sel 1", place + 40, y + 90)
        on.to(plays).to(pd.msg(f"append {name}", place + 20, y + 120)).to(names)
    collect.to(names, outlet=count + 1, inlet=1)
    collect.to(names)
    names.to(pd.obj("s $0-instruments", x, y + 180))


def displays() -> Canvas:
    """Shows the server's answers."""
    pd = Canvas(1000, 560, "displays")
    phase = pd.obj("r $0-phase", 20, 20)
    choice = pd.obj("sel 0 1 2 3", 20, 50)
    text = pd.obj("s $0-status-text", 20, 220)
    phase.to(choice)
    for i, words in enumerate(PHASES):
        label = pd.msg(f"symbol {words.replace(' ', chr(92) + ' ')}", 40, 80 + 30 * i)
        choice.to(label, outlet=i).to(text)
    for i, name in enumerate(LOG):
        pd.chain(20 + 150 * i, 260, f"r $0-got-{name}", f"list prepend {name}", "s $0-last")
    pd.chain(
        20, 360, "r $0-got-packet_echo", "list split 1", "list prepend packet_echo", "s $0-last"
    )
    for i, message in enumerate(FIGURED):
        _unpack(pd, 400, 20 + 80 * i, message)
    pd.chain(700, 100, "r $0-state-is", "makefilename connected:\\ %s").pop().to(text)
    _rate(pd, 260, 360)
    _round_trip(pd, 480, 360)
    _stems(pd, 640, 340)
    return pd


def _unpack(pd: Canvas, x: int, y: int, message: Message) -> None:
    """Give each value of an answer to its display."""
    kinds = " ".join("s" if argument.tags == "s" else "f" for argument in message.arguments)
    values = pd.chain(x, y, f"r $0-got-{message.name}", f"unpack {kinds}")[-1]
    for i, argument in enumerate(message.arguments):
        if argument.name in ("state", *FIGURES["pd"]):
            values.to(pd.obj(f"s $0-{argument.name}-is", x + 110 * i, y + 56), outlet=i)


def _rate(pd: Canvas, x: int, y: int) -> None:
    """Tell whether the model works at another sample rate."""
    *_, differs, _ = pd.chain(x, y, "r $0-tell", "samplerate~", "!=", "s $0-rate-differs-set")
    pd.obj("r $0-model-rate", x + 90, y + 30).to(differs, inlet=1)


def _round_trip(pd: Canvas, x: int, y: int) -> None:
    """Measure the way to the server and back, once a stream, and tell the server."""
    begin, time = pd.obj("t b b", x, y + 30), pd.obj("realtime", x, y + 90)
    pd.obj("r $0-tell", x, y).to(begin)
    begin.to(time, outlet=1)
    begin.to(pd.msg("1", x, y + 60)).to(pd.obj("s $0-ping", x + 40, y + 60))
    pd.chain(x + 90, y, "r $0-got-pong", "t b")[-1].to(time, inlet=1)
    time.to(pd.chain(x, y + 120, "list prepend transport_ms", "s $0-config")[0])


def _stems(pd: Canvas, x: int, y: int) -> None:
    """Tell each instrument its stem number, or -1.

    Splitting off the first name again and again comes back from the last one to the first.
    """
    *_, names = pd.chain(x, y, "r $0-got-stems", "list append", "t l l b")
    head, count = pd.obj("list split 1", x, y + 90), pd.obj("f", x + 120, y + 120)
    nobody = pd.msg("-1", x + 260, y + 90)
    names.to(nobody, outlet=2)
    names.to(pd.obj("list length", x + 120, y + 90), outlet=1).to(count, inlet=1)
    names.to(head)
    head.to(head, outlet=1)
    one, number = pd.obj("t l b", x, y + 120), pd.obj("- 1", x + 120, y + 150)
    head.to(one)
    one.to(count, outlet=1)
    count.to(number).to(count, inlet=1)
    trim, which = pd.chain(x, y + 150, "list trim", f"route {' '.join(INSTRUMENTS)}")
    one.to(trim)
    for i, name in enumerate(INSTRUMENTS):
        slot, target = (
            pd.obj("f", x + 64 * i, y + 220),
            pd.obj(f"s $0-{name}-stem", x + 64 * i, y + 245 + 22 * (i % 2)),
        )
        number.to(slot, inlet=1)
        which.to(slot, outlet=i).to(target)
        nobody.to(target)


def messages() -> Canvas:
    """Messages from other objects: they turn the controls, or go to the server as they are."""
    pd = Canvas(700, 1180, "messages")
    names = [bus.removesuffix("-set") for bus in INLET]
    *_, ways = pd.chain(20, 20, "inlet", f"route {' '.join(names)}")
    for i, bus in enumerate(INLET):
        place = 40 + 330 * (i % 2), 120 + 36 * (i // 2)
        text = pd.obj("list append", *place)
        ways.to(text, outlet=i)
        text.to(pd.obj(f"s $0-{bus}", place[0] + 110, place[1]))
    return pd
