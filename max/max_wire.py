"""The sockets and the connection of ``accomptk.maxpat``.

``accomptk-prompt`` and its like, one for each address to the server, are sent as they are;
``accomptk-got-welcome`` and its like come from the server.
"""

from choices import CLIENT, GONE_MS, HELLO_MS, TO_CLIENT, TO_SERVER
from max_canvas import Canvas

from accomptk.live.protocol import PACKET_FLOATS, PORT, PROTOCOL, REPLY_PORT, Message

MADE_BY_SCRIPT = ("audio/in", "clock")
QUEUE = 2048
"""Packets that udpreceive may hold, four times what it has by itself."""


def to_server(max_: Canvas) -> None:
    """The socket, and a cell for each address; audio comes ready from the script."""
    gate = max_.obj("gate", 20, 70)
    max_.obj("r accomptk-open", 20, 30).to(gate)
    max_.obj("r accomptk-send", 170, 30).to(gate, inlet=1)
    socket = gate.to(max_.obj(f"udpsend 127.0.0.1 {PORT}", 20, 110))
    for i, name in enumerate(("host", "port")):
        max_.chain(320 + 140 * i, 30, f"r accomptk-{name}", f"prepend {name}")[-1].to(socket)
    cells = [message for message in TO_SERVER if message.name not in MADE_BY_SCRIPT]
    for i, message in enumerate(cells):
        _say(max_, message, 20 + 370 * (i % 3), 180 + 160 * (i // 3))


def _say(max_: Canvas, message: Message, x: int, y: int) -> None:
    """Put the address before what is said; with some messages nothing else is said."""
    bus = max_.obj(f"r accomptk-{message.name}", x, y)
    out = max_.obj("s accomptk-send", x, y + 108)
    if message.arguments:
        bus.to(max_.obj(f"prepend {message.address}", x, y + 36)).to(out)
        return
    bare = max_.msg(message.address, x, y + 72)
    bare.to(out)
    if message.rest:
        way = bus.to(max_.obj("route bang", x, y + 36))
        way.to(bare)
        way.to(max_.obj(f"prepend {message.address}", x + 90, y + 36), outlet=1).to(out)
    else:
        bus.to(bare)


def from_server(max_: Canvas) -> None:
    """Give each answer to those who wait for it, and all but audio to the outlet."""
    _, _, socket, audio = max_.chain(
        20, 30, "r accomptk-reply-port", "prepend port", f"udpreceive {REPLY_PORT} @defer 1",
        "route /accomptk/audio/out",
    )  # fmt: skip
    max_.obj(f"loadmess maxqueuesize {QUEUE}", 200, 66).to(socket)
    audio.to(max_.obj("s accomptk-play", 20, 190))
    audio.to(max_.obj("outlet", 240, 184), outlet=1)
    answers = [message for message in TO_CLIENT if message.name != "audio/out"]
    ways = max_.obj(f"route {' '.join(answer.address for answer in answers)}", 20, 240)
    audio.to(ways, outlet=1)
    for i, answer in enumerate(answers):
        place = 20 + 230 * (i % 4), 300 + 36 * (i // 4)
        ways.to(max_.obj(f"s accomptk-got-{answer.name}", *place), outlet=i)
    ways.to(max_.obj("print accomptk", 20, 300 + 36 * 4), outlet=len(answers))


def connection(max_: Canvas) -> None:
    """Says hello until the server welcomes, and again when it falls silent.

    The phase is 0 off, 1 looking for the server, 2 connected, 3 no answer: odd while saying hello.
    """
    _hello(max_, 30)
    _welcome(max_, 300)
    _switch(max_, 600)
    _watch(max_, 880)


def _hello(max_: Canvas, x: int) -> None:
    """In odd phases, and when the sample rate changes, say who is there."""
    *_, state = max_.chain(x, 30, "r accomptk-phase", "% 2", f"metro {HELLO_MS}", "dspstate~")
    rate, who = max_.chain(x, 190, "i", f"pack 44100 {REPLY_PORT}")
    state.to(rate, outlet=1)
    rate.to(max_.obj("s accomptk-rate", x + 60, 190))
    max_.obj("r accomptk-reply-port", x + 90, 154).to(who, inlet=1)
    words = f"{CLIENT['max']} {PROTOCOL} $1 {PACKET_FLOATS} $2"
    who.to(max_.msg(words, x, 266)).to(max_.obj("s accomptk-hello", x, 306))


def _welcome(max_: Canvas, x: int) -> None:
    """Begin the stream that the server names, unless it is the one that runs."""
    *_, answer = max_.chain(x, 30, "r accomptk-got-welcome", "unpack s i i i i")
    both, known, _, begin = max_.chain(x, 110, "t i i", "!= -1", "sel 1", "t b b b b")
    stream = max_.obj("i", x + 120, 260)
    answer.to(max_.obj("s accomptk-model-rate", x + 130, 110), outlet=2)
    answer.to(both, outlet=3)
    both.to(stream, outlet=1, inlet=1)
    max_.obj("r accomptk-stream", x + 110, 146).to(known, inlet=1)
    begin.to(stream, outlet=3)
    stream.to(max_.obj("s accomptk-stream", x + 120, 300))
    begin.to(max_.obj("s accomptk-tell", x + 80, 340), outlet=2)
    begin.to(max_.obj("s accomptk-start", x + 40, 380), outlet=1)
    begin.to(max_.msg("2", x, 420)).to(max_.obj("s accomptk-phase", x, 460))


def _switch(max_: Canvas, x: int) -> None:
    """Connect and disconnect."""
    *_, ways = max_.chain(x, 30, "r accomptk-connect", "sel 1 0")
    on, off = max_.obj("t b b", x, 110), max_.obj("t b b b b", x + 90, 110)
    ways.to(on)
    ways.to(off, outlet=1)
    opened, phase = max_.obj("s accomptk-open", x + 60, 240), max_.obj("s accomptk-phase", x, 280)
    on.to(max_.msg("1", x + 40, 160), outlet=1).to(opened)
    on.to(max_.msg("1", x, 160)).to(phase)
    off.to(max_.obj("s accomptk-stop", x + 150, 160), outlet=3)
    off.to(max_.obj("s accomptk-bye", x + 120, 200), outlet=2)
    off.to(max_.msg("0", x + 80, 200), outlet=1).to(opened)
    off.to(max_.msg("0", x + 40, 200)).to(phase)


def _watch(max_: Canvas, x: int) -> None:
    """Notice that the server fell silent or came back; ask it how it is going."""
    phase, playing = max_.chain(x, 30, "r accomptk-phase", "sel 2")
    silence, target = max_.obj(f"delay {GONE_MS}", x, 190), max_.obj("s accomptk-phase", x, 290)
    playing.to(silence).to(max_.msg("3", x, 240)).to(target)
    over = max_.obj("t b b", x + 60, 110)
    playing.to(over, outlet=1)
    over.to(max_.msg("-1", x + 130, 150), outlet=1).to(max_.obj("s accomptk-stream", x + 130, 190))
    over.to(max_.msg("stop", x + 60, 150)).to(silence)
    alive, beat = max_.chain(x + 180, 66, "gate", "t b b")
    phase.to(max_.obj("== 2", x + 140, 30)).to(alive)
    max_.obj("r accomptk-got-heartbeat", x + 210, 30).to(alive, inlet=1)
    beat.to(silence, outlet=1)
    beat.to(max_.obj("s accomptk-status", x + 180, 240))
    back = max_.obj("gate", x + 150, 350)
    max_.obj("r accomptk-connect", x + 130, 310).to(back)
    max_.obj("r accomptk-got-ready", x + 280, 310).to(back, inlet=1)
    back.to(max_.msg("1", x + 60, 390)).to(target)
