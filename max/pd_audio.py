"""The audio of ``accomptk.pd``.

One counter of blocks drives the recording of what is heard and the playing of all stems, so that
both always stand at the same sample of their rings. Audio from the server is written where its
offset says. Half a lap away from the playing, everything is erased, so that what came too late is
not heard a lap later.
"""

from choices import RING
from pd_canvas import Canvas, Node

from accomptk.live.protocol import CLOCK, PACKET_FLOATS
from accomptk.stems.instruments import INSTRUMENTS

BLOCK = 64


def clock() -> Canvas:
    """Counts samples by blocks; says when the rings begin anew and when a packet is full."""
    pd = Canvas(600, 360, "clock")
    pd.text("the first sample of the next block", 110, 120)
    _, count, _, at = pd.chain(30, 30, "bang~", f"f -{BLOCK}", f"+ {BLOCK}", f"mod {CLOCK}")
    at.to(count, inlet=1)

    lap, turn, _ = pd.chain(30, 200, f"mod {RING}", f"sel 0 {RING // 2}", "s $0-wrap")
    turn.to(pd.obj("s $0-erase", 120, 260), outlet=1)

    phase, _, end, *_ = pd.chain(
        260, 150, f"mod {PACKET_FLOATS}", "sel 0", "f", f"- {PACKET_FLOATS}", f"mod {RING}",
        "s $0-packet",
    )  # fmt: skip
    _, now, since, *_ = pd.chain(420, 150, "r $0-downbeat", "f", "+", f"mod {CLOCK}", "s $0-now")
    pd.obj("r $0-offset", 480, 180).to(since, inlet=1)

    at.to(lap)
    at.to(end, inlet=1)
    at.to(phase).to(now, inlet=1)
    return pd


def heard() -> Canvas:
    """Records what is heard into a ring and, while the stream runs, sends each full packet."""
    pd = Canvas(760, 460, "heard")
    mic, sound = pd.obj("*~", 80, 60), pd.obj("+~", 30, 100)
    pd.obj("inlet~", 30, 30).to(sound)
    pd.obj("adc~ 1", 80, 30).to(mic).to(sound, inlet=1)
    pd.obj("r $0-mic", 140, 30).to(mic, inlet=1)
    sound.to(pd.obj("outlet~", 30, 380))
    _meter(pd, sound, "heard", 80, 270)
    ring = pd.obj("tabwrite~ $0-heard", 80, 200)
    sound.to(ring)
    pd.chain(120, 130, "r $0-wrap", "t b")[-1].to(ring)
    pd.obj(f"array define $0-heard {RING}", 30, 420)

    _, gate, full = pd.chain(300, 30, "r $0-packet", "spigot", "t b f f")
    pd.obj("r $0-running", 390, 30).to(gate, inlet=1)
    after, *_ = pd.chain(300, 210, "f", f"+ {PACKET_FLOATS}", f"mod {CLOCK}", "s $0-offset")
    origin, *_ = pd.chain(560, 120, "-", f"mod {RING}", "s $0-origin")
    which, kind = pd.chain(400, 120, "list prepend 0", "route 0 1")
    pd.obj("r $0-alone", 480, 90).to(which, inlet=1)
    samples, at, stream, _ = pd.chain(
        400, 210, f"array get $0-heard 0 {PACKET_FLOATS}", "list prepend", "list prepend",
        "s $0-audio/in",
    )  # fmt: skip
    alone, alone_at, alone_stream, _ = pd.chain(620, 210, "t b", "f", "list prepend", "s $0-clock")
    kind.to(samples)
    kind.to(alone, outlet=1)
    full.to(origin, outlet=2)
    full.to(which, outlet=1)
    full.to(after)
    pd.obj("r $0-offset", 620, 60).to(origin, after, at, alone_at, inlet=1)
    pd.obj("r $0-stream", 660, 180).to(stream, alone_stream, inlet=1)
    return pd


def stem(name: str) -> Canvas:
    """One stem: its ring, its gain and its meter."""
    pd = Canvas(620, 440, name)
    play, gain = pd.obj(f"tabplay~ $0-{name}", 30, 100), pd.obj("*~", 30, 270)
    pd.chain(30, 30, "r $0-wrap", "t b")[-1].to(play)
    *_, ramp = pd.chain(80, 120, f"r $0-{name}-gain", "+ 100", "dbtorms", "pack f 20", "line~")
    ramp.to(gain, inlet=1)
    play.to(gain).to(pd.obj("outlet~", 30, 370))
    _meter(pd, gain, name, 80, 300)
    pd.chain(200, 30, "r $0-erase", "t b", f"tabwrite~ $0-{name}")
    pd.obj(f"array define $0-{name} {RING}", 30, 405)

    _, mine, packet = pd.chain(360, 30, "r $0-play", "route -1", "t l l")
    pd.obj(f"r $0-{name}-stem", 440, 30).to(mine, inlet=1)
    offset, _, place, _, begin = pd.chain(
        440, 120, "list split 1", f"mod {RING}", "+", f"mod {RING}", "t f f"
    )
    pd.obj("r $0-origin", 520, 150).to(place, inlet=1)
    room = pd.chain(480, 270, "* -1", f"+ {RING}")
    samples, cut = pd.obj("list split 1", 340, 120), pd.obj("list split", 360, 340)
    first, rest = (pd.obj(f"array set $0-{name}", x, 400) for x in (200, 400))
    packet.to(offset, outlet=1)
    packet.to(samples)
    begin.to(room[0], outlet=1)
    begin.to(first, inlet=1)
    room[1].to(cut, inlet=1)
    samples.to(cut, outlet=1)
    cut.to(first)
    cut.to(rest, outlet=1)
    cut.to(first, outlet=2)
    return pd


def speakers() -> Canvas:
    """What was heard and all stems, to a file; the stems to the loudspeakers."""
    pd = Canvas(640, 330, "out")
    channels = len(INSTRUMENTS) + 1
    file = pd.obj(f"writesf~ {channels}", 30, 260)
    mix, speaker = pd.obj("*~", 420, 200), pd.obj("dac~ 1 2", 420, 260)
    for i in range(channels):
        inlet = pd.obj("inlet~", 30 + 70 * i, 30)
        inlet.to(file, inlet=i)
        if i:
            inlet.to(mix)
    mix.to(speaker)
    mix.to(speaker, inlet=1)
    pd.obj("r $0-speakers", 480, 160).to(mix, inlet=1)
    _, switch, _, opened = pd.chain(480, 30, "r $0-record", "sel 1 0", "savepanel", "t b a")
    ready, start = pd.msg("open $1", 530, 150), pd.msg("start", 580, 180)
    opened.to(ready, outlet=1).to(file)
    opened.to(start).to(file)
    stop = pd.msg("stop", 580, 90)
    switch.to(stop, outlet=1).to(file)
    return pd


def _meter(pd: Canvas, sound: Node, name: str, x: int, y: int) -> None:
    level, *_ = pd.chain(x, y, "env~ 4096 2048", "- 100", f"s $0-{name}-level")
    sound.to(level)
