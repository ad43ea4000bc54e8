"""The sockets and the connection of ``accomptk.pd``.

``$0-prompt`` and its like, one for each address to the server, are sent as they are;
``$0-got-welcome`` and its like come from the server.
"""

from itertools import takewhile

from choices import CLIENT, GONE_MS, HELLO_MS, TO_CLIENT, TO_SERVER
from pd_canvas import Canvas

from accomptk.live.protocol import PACKET_FLOATS, PORT, PROTOCOL, REPLY_PORT, Message

ROW = 46


def server() -> Canvas:
    """The two sockets, and a row for each address."""
    pd = Canvas(900, 60 + ROW * max(len(TO_SERVER), len(TO_CLIENT)), "server")
    gate, _, _, socket = pd.chain(
        290, 60, "spigot", "list prepend send", "list trim", "netsend -u -b"
    )
    pd.obj("r $0-open", 350, 30).to(gate, inlet=1)
    pd.obj("r $0-socket", 400, 120).to(socket)
    for i, message in enumerate(TO_SERVER):
        bus = pd.obj(f"r $0-{message.name}", 20, 30 + ROW * i)
        bus.to(pd.obj(_formatter(message), 40, 52 + ROW * i)).to(gate)
    _answers(pd, 480)
    return pd


def _formatter(message: Message) -> str:
    """The object that makes packets of a message; types are stated as far as they are fixed."""
    tags = (argument.tags for argument in message.arguments)
    fixed = "".join(takewhile(lambda tag: len(tag) == 1, tags))
    stated = f"-f {fixed} " if "i" in fixed else ""
    return f"oscformat {stated}accomptk {message.name.replace('/', ' ')}"


def _answers(pd: Canvas, x: int) -> None:
    """Give each answer to those who wait for it, and all but audio to the outlet."""
    *_, ours = pd.chain(
        x, 30, "r $0-listen", "netreceive -u -b", "oscparse", "list trim", "route accomptk"
    )
    audio = pd.obj("route audio", x, 180)
    ours.to(audio)
    out, mine, _ = pd.chain(x, 210, "route out", "route -1", "s $0-play")
    audio.to(out)
    pd.obj("r $0-stream", x + 60, 180).to(mine, inlet=1)
    audio.to(pd.obj("outlet", x + 200, 240), outlet=1)
    names = [message.name for message in TO_CLIENT if message.name != "audio/out"]
    ways = pd.obj(f"route {' '.join(name.split('/')[0] for name in names)}", x, 310)
    audio.to(ways, outlet=1)
    for i, name in enumerate(names):
        target = pd.obj(f"s $0-got-{name}", x + 140, 360 + 30 * i)
        if "/" in name:
            last = pd.obj(f"route {name.split('/')[1]}", x, 360 + 30 * i)
            ways.to(last, outlet=i).to(target)
        else:
            ways.to(target, outlet=i)


def connection() -> Canvas:
    """Says hello until the server welcomes, and again when it falls silent.

    The phase is 0 off, 1 looking for the server, 2 connected, 3 no answer: odd while saying hello.
    """
    pd = Canvas(1020, 540, "connection")
    _hello(pd)
    _welcome(pd)
    _switch(pd)
    _watch(pd)
    return pd


def _hello(pd: Canvas) -> None:
    """In odd phases, point the socket at the server and say who is there, again and again."""
    *_, again = pd.chain(30, 30, "r $0-phase", "mod 2", f"metro {HELLO_MS}", "t b b")
    rate, who = pd.chain(30, 160, "samplerate~", f"pack f {REPLY_PORT}")
    host, peer, steps = pd.chain(160, 290, "symbol localhost", f"pack s {PORT}", "t a b")
    again.to(host, outlet=1)
    again.to(rate)
    hello = pd.msg(f"list {CLIENT['pd']} {PROTOCOL} $1 {PACKET_FLOATS} $2", 30, 220)
    who.to(hello).to(pd.obj("s $0-hello", 30, 250))
    socket = pd.obj("s $0-socket", 160, 430)
    steps.to(pd.msg("disconnect", 260, 390), outlet=1).to(socket)
    steps.to(pd.msg("connect $1 $2", 160, 390)).to(socket)
    pd.obj("r $0-reply-port", 130, 130).to(who, inlet=1)
    pd.obj("r $0-host", 300, 260).to(host, inlet=1)
    pd.obj("r $0-port", 300, 290).to(peer, inlet=1)


def _welcome(pd: Canvas) -> None:
    """Begin the stream that the server names, unless it is the one that runs."""
    *_, answer = pd.chain(380, 30, "r $0-got-welcome", "unpack s f f f f")
    both, known, _, begin = pd.chain(380, 100, "t f f", "!= -1", "sel 1", "t b b b b b")
    pd.obj("r $0-stream", 460, 100).to(known, inlet=1)
    values = []
    for i, name in enumerate(("stream", "offset")):
        value = pd.obj("f", 460 + 80 * i, 230)
        value.to(pd.obj(f"s $0-{name}", 460 + 80 * i, 260))
        begin.to(value, outlet=4 - i)
        values.append(value)
    both.to(values[0], outlet=1, inlet=1)
    answer.to(values[1], outlet=4, inlet=1)
    answer.to(both, outlet=3)
    answer.to(pd.obj("s $0-model-rate", 460, 60), outlet=2)
    begin.to(pd.obj("s $0-tell", 430, 300), outlet=2)
    begin.to(pd.obj("s $0-start", 400, 330), outlet=1)
    begin.to(pd.msg("2", 380, 360)).to(pd.obj("s $0-phase", 380, 390))


def _switch(pd: Canvas) -> None:
    """Connect and disconnect."""
    *_, ways = pd.chain(640, 30, "r $0-connect", "sel 1 0")
    on, off = pd.obj("t b b b", 640, 100), pd.obj("t b b b b", 790, 100)
    ways.to(on)
    ways.to(off, outlet=1)
    port = pd.obj(f"f {REPLY_PORT}", 700, 150)
    pd.obj("r $0-reply-port", 720, 120).to(port, inlet=1)
    opened, phase = pd.obj("s $0-open", 780, 210), pd.obj("s $0-phase", 640, 210)
    on.to(port, outlet=2)
    port.to(pd.msg("listen $1", 700, 180)).to(pd.obj("s $0-listen", 700, 240))
    on.to(pd.msg("1", 670, 150), outlet=1).to(opened)
    on.to(pd.msg("1", 640, 150)).to(phase)
    off.to(pd.obj("s $0-stop", 880, 150), outlet=3)
    off.to(pd.obj("s $0-bye", 860, 180), outlet=2)
    off.to(pd.msg("0", 830, 150), outlet=1).to(opened)
    off.to(pd.msg("0", 790, 150)).to(phase)


def _watch(pd: Canvas) -> None:
    """Notice that the server fell silent or came back; ask it how it is going."""
    phase, playing = pd.chain(640, 290, "r $0-phase", "sel 2")
    silence = pd.obj(f"delay {GONE_MS}", 640, 400)
    lost, target = pd.msg("3", 640, 430), pd.obj("s $0-phase", 640, 460)
    phase.to(pd.chain(560, 320, "== 2", "s $0-running")[0])
    playing.to(silence).to(lost).to(target)
    over = pd.obj("t b b", 700, 340)
    playing.to(over, outlet=1)
    over.to(pd.msg("-1", 740, 370), outlet=1).to(pd.obj("s $0-stream", 740, 400))
    over.to(pd.msg("stop", 700, 370)).to(silence)
    *_, alive, beat = pd.chain(820, 290, "r $0-got-heartbeat", "spigot", "t b b")
    pd.obj("r $0-running", 880, 320).to(alive, inlet=1)
    beat.to(silence, outlet=1)
    beat.to(pd.obj("s $0-status", 820, 400))
    *_, back = pd.chain(820, 430, "r $0-got-ready", "spigot")
    pd.obj("r $0-connect", 880, 400).to(back, inlet=1)
    back.to(pd.msg("1", 740, 490)).to(target)
