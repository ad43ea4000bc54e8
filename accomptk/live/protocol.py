"""The message table of the wire: every address, its arguments and what it means, as data.

The server checks what it receives by this table, and the patches, their read-mes and their tests
are made from it. Arguments are OSC's ``i`` (32-bit integer), ``f`` (32-bit float) and ``s``
(symbol) only, in plain messages: that is all that stock Max and Pd objects read and write. The
server takes an ``i`` for an ``f``, and a whole ``f`` for an ``i``.

Sample offsets count from 0 at ``start``, at the client's sample rate and modulo ``CLOCK``, on one
timeline for what is heard and what is played: a packet of accompaniment belongs where its offset
says, and a later one replaces what an earlier one said of the same samples.
"""

from dataclasses import dataclass
from typing import Literal

PROTOCOL = 1
"""Number of this protocol; server and client must have the same."""

PREFIX = "/accomptk/"
PORT, REPLY_PORT = 7000, 8000
PACKET_FLOATS, MAX_PACKET_FLOATS = 512, 1000
"""Samples a packet: 512 fit Pd, Max and macOS as they come; 1000 are what udpsend takes."""
CLOCK = 1 << 24
"""Offsets are counted modulo this: larger integers do not survive programs that compute in
32-bit floats, as Pd does."""

RATES_HZ = (44_100, 48_000, 88_200, 96_000)
MODES, BEATS = ("accompany", "prompt"), ("tracker", "given", "none")
HEARTBEAT_S = 1.0
GONE_S = 5.0
"""A client that is not heard for so long is gone; its place is free and its stream kept."""

Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a message.

    Args:
        name: What it is called.
        tags: OSC types that it may have.
        meaning: In words.
        low: Smallest number allowed, None for any.
        high: Largest number allowed.
        choices: Symbols allowed, empty for any.
    """

    name: str
    tags: str
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One address.

    Args:
        address: OSC address.
        direction: ``in`` to the server, ``out`` to the client.
        arguments: Those that are always there.
        meaning: What it does or says.
        rest: What any number of further arguments are, None where there are none.
        replies: Addresses of the answers.
    """

    address: str
    direction: Direction
    arguments: tuple[Argument, ...]
    meaning: str
    rest: Argument | None = None
    replies: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The address without prefix, as ``done`` and ``fail`` name it."""
        return self.address.removeprefix(PREFIX)


@dataclass(frozen=True, slots=True)
class Dial:
    """One name of ``/accomptk/control``; a value below 0 leaves it to the model.

    Args:
        name: What it is called.
        high: Largest value; the smallest is 0.
        start: Value before any message.
        meaning: In words.
    """

    name: str
    high: float
    start: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of ``/accomptk/config``."""

    key: str
    tags: str
    meaning: str


DIALS = (
    Dial("interpolation", 1, 0, "from the prompt (0) to the second prompt (1)"),
    Dial("energy", 1, -1, "how loud and driven"),
    Dial("density", 1, -1, "how many notes"),
    Dial("brightness", 1, -1, "how much treble"),
    Dial("tension", 1, -1, "how far from rest the harmony is"),
    Dial("temperature", 2, 1, "how far from the likeliest playing; 1 as shipped"),
)

SETTINGS = (
    Setting("hop", "is", "frames (or '750ms') made at a time; 'auto'"),
    Setting("gap", "is", "frames (or '250ms') between what is heard and what is made; 'auto'"),
    Setting("lookahead", "i", "sets the gap to (K - 1) hops; 2 or more live"),
    Setting("steps", "i", "sampler steps; 0 for the model's own"),
    Setting("mode", "s", "accompany: play along; prompt: play alone, by prompt"),
    Setting("beats", "s", "tracker: follow; given: as /accomptk/beats says; none"),
    Setting("transport_ms", "if", "round trip that the client measured, by ping"),
)

_STREAM = Argument("stream", "i", "number that welcome gave; packets of others are ignored", 0)
_OFFSET = Argument(
    "offset", "i", "sample at which it begins, from start, modulo CLOCK", 0, CLOCK - 1
)
_SAMPLES = Argument("samples", "f", "mono audio, at most 1000 a packet")
_STEM = Argument("stem", "i", "number of the stem in the order of stems, from 0", 0)
_PATH = Argument("path", "s", "WAV file inside the server's --io-dir, relative to it")
_COUNT = Argument("count", "i", "how many samples", 0)
_ID = Argument("id", "i", "comes back unchanged")
_WORDS = Argument("words", "ifs", "words; none for no prompt")

_ANSWERS = (f"{PREFIX}done", f"{PREFIX}fail")


def _in(
    name: str,
    meaning: str,
    *arguments: Argument,
    rest: Argument | None = None,
    replies: tuple[str, ...] = _ANSWERS,
) -> Message:
    return Message(PREFIX + name, "in", arguments, meaning, rest, replies)


def _out(name: str, meaning: str, *arguments: Argument, rest: Argument | None = None) -> Message:
    return Message(PREFIX + name, "out", arguments, meaning, rest)


TABLE = (
    _in(
        "hello",
        "connect; answers go to the sender's host at reply_port",
        Argument("client", "s", "name of the program"),
        Argument("protocol", "i", f"{PROTOCOL}"),
        Argument("sample_rate", "i", "of the client's audio, in Hz", RATES_HZ[0], RATES_HZ[-1]),
        Argument("packet", "i", "samples a packet of audio/out", 16, MAX_PACKET_FLOATS),
        Argument("reply_port", "i", "where the client listens", 1, 65535),
        replies=tuple(PREFIX + name for name in ("welcome", "stems", "window", "fail")),
    ),
    _in("bye", "disconnect; another client may say hello"),
    _in("start", "begin a stream at sample 0, or go on after stop"),
    _in("stop", "play no more; what was heard is remembered"),
    _in(
        "reset",
        "forget everything heard and played; a new stream begins at sample 0",
        replies=(*_ANSWERS, f"{PREFIX}welcome"),
    ),
    _in("audio/in", "what the musician plays", _STREAM, _OFFSET, rest=_SAMPLES, replies=()),
    _in(
        "clock",
        "where the client's timeline is now, for mode prompt, where no audio tells it",
        _STREAM,
        _OFFSET,
        replies=(),
    ),
    _in(
        "file/in",
        "what the musician plays, as a file (--transport file)",
        _STREAM,
        _OFFSET,
        _PATH,
        replies=(f"{PREFIX}file/out", f"{PREFIX}fail"),
    ),
    _in(
        "instruments",
        "what to play, a stem each",
        rest=Argument("instrument", "s", "drums, bass, guitar, piano or strings"),
        replies=(*_ANSWERS, f"{PREFIX}stems"),
    ),
    _in("prompt", "the style of all stems, in words", rest=_WORDS),
    _in("prompt/second", "the style that interpolation goes to", rest=_WORDS),
    _in(
        "prompt/stem",
        "the style of one stem, in words",
        Argument("instrument", "s", "one that plays"),
        rest=_WORDS,
    ),
    _in(
        "control",
        "turn a dial; it is heard from the next hop on",
        Argument("name", "s", "which dial", choices=tuple(dial.name for dial in DIALS)),
        Argument("value", "f", "0 to 1, temperature 0 to 2; below 0 leaves it to the model", -1, 2),
    ),
    _in(
        "beats",
        "the beat, for beats given",
        Argument("offset", "i", "a sample of the timeline, modulo CLOCK", 0, CLOCK - 1),
        Argument("bpm", "f", "beats a minute", 20, 400),
        Argument("beat", "f", "place in the bar at that sample, in beats from 0", 0, 32),
        Argument("meter", "i", "beats a bar", 1, 32),
    ),
    _in(
        "config",
        "change a setting; it holds from the next hop on",
        Argument("key", "s", "which setting", choices=tuple(item.key for item in SETTINGS)),
        Argument("value", "ifs", "as the table of settings says"),
        replies=(*_ANSWERS, f"{PREFIX}window"),
    ),
    _in("ping", "are you there", _ID, replies=(f"{PREFIX}pong",)),
    _in("status", "how is it going", replies=(f"{PREFIX}state",)),
    _in(
        "packet_test",
        "send a packet of this size back",
        _ID,
        rest=_SAMPLES,
        replies=(f"{PREFIX}packet_echo",),
    ),
    _in("quit", "end the server"),
    _out(
        "ready",
        "the server is up; say hello",
        Argument("protocol", "i", f"{PROTOCOL}"),
    ),
    _out(
        "welcome",
        "connected, or a new stream",
        Argument("version", "s", "of accomptk"),
        Argument("protocol", "i", f"{PROTOCOL}"),
        Argument("sample_rate", "i", "of the model, in Hz; the server converts"),
        Argument("stream", "i", "number to send with audio/in"),
        Argument(
            "offset", "i", "sample that the stream has reached, modulo CLOCK; 0 for a new one"
        ),
    ),
    _out("stems", "what plays, in the order of the stem numbers", rest=Argument("stem", "s", "")),
    _out(
        "window",
        "how far it plays ahead; sent again when it changes",
        Argument("hop", "i", "frames made at a time"),
        Argument("gap", "i", "frames between what is heard and what is made"),
        Argument("hop_ms", "f", "the hop as a time"),
        Argument("gap_ms", "f", "the gap as a time"),
    ),
    _out("audio/out", "what the accompanist plays", _STREAM, _STEM, _OFFSET, rest=_SAMPLES),
    _out(
        "file/out",
        "what the accompanist plays, as a file (--transport file)",
        _STREAM,
        _STEM,
        _OFFSET,
        _PATH,
    ),
    _out(
        "tempo",
        "the beat that is heard, once a hop",
        Argument("bpm", "f", "beats a minute; 0 when none is heard"),
        Argument("confidence", "f", "0 to 1"),
    ),
    _out("underrun", "audio/in that did not come and was concealed", _OFFSET, _COUNT),
    _out("late", "audio/out that came too late and was left out", _OFFSET, _COUNT),
    _out("done", "done", Argument("command", "s", "the address without prefix")),
    _out(
        "fail",
        "not done, and why",
        Argument("command", "s", "the address without prefix"),
        Argument("reason", "s", "one line"),
    ),
    _out(
        "notice",
        "something to know, such as a word that the model never saw",
        Argument("text", "s", "one line"),
    ),
    _out(
        "state",
        "how it is going",
        Argument("state", "s", "idle, waiting, playing or stopped"),
        Argument("rtf", "f", "compute / audio; below 1 is real time"),
        Argument("latency_ms", "f", "median time from the last sample heard to the chunk sent"),
        Argument("lost", "i", "samples of audio/in that never came"),
        Argument("late", "i", "chunks that came too late"),
        Argument("ignored", "i", "packets that were not understood"),
    ),
    _out("pong", "answer to ping", _ID),
    _out("packet_echo", "answer to packet_test", _ID, rest=_SAMPLES),
    _out("heartbeat", "the server is alive, once a second", Argument("count", "i", "from 0")),
)

MESSAGES = {message.address: message for message in TABLE}
