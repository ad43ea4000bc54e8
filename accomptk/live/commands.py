"""What each message of a client does to its stream, by the message's name."""

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from accomptk.conditions.thesaurus import read_prompt
from accomptk.errors import StreamError
from accomptk.live.packets import Packet, Value, write_samples
from accomptk.live.protocol import DIALS, PREFIX
from accomptk.live.timeline import unwrap
from accomptk.window import to_frames

if TYPE_CHECKING:
    from accomptk.live.desk import Desk

Command = Callable[["Desk", Packet, float], None]
"""command(desk, packet, at_s); raises an AccomptkError where it cannot be done."""


def bye(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Let the client go; its stream is kept."""
    desk.playing.stop()
    desk.leave()


def start(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Play."""
    desk.playing.start(at_s)


def stop(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Play no more."""
    desk.playing.stop()


def reset(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Begin another stream that is set up as this one is."""
    before = desk.playing
    before.stop()
    desk.open()
    wanted = before.wanted
    desk.playing.want(**{name: getattr(wanted, name) for name in wanted.to_json()})
    desk.greet()
    if before.was_playing:
        desk.playing.start(at_s)


def file_in(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Hear a file."""
    stream, offset, path = packet.values
    if desk.door is None or desk.client is None:
        raise StreamError("file/in: audio travels in packets; start with --transport file")
    samples = desk.door.read(str(path), desk.client.rate)
    if stream == desk.stream and desk.playing.is_playing:
        desk.playing.place(int(offset), samples, at_s)


def instruments(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Choose what plays."""
    desk.playing.want(instruments=tuple(map(str, packet.rest)))
    desk.tell("stems", *desk.playing.wanted.instruments)


def prompt(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Choose the style."""
    desk.playing.want(prompt=_words(desk, packet.rest))


def prompt_second(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Choose the style that interpolation goes to."""
    desk.playing.want(second=_words(desk, packet.rest))


def prompt_stem(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Choose the style of one stem."""
    name, setup = str(packet.values[0]), desk.playing.wanted
    if name not in setup.instruments:
        raise StreamError(f"instrument '{name}': does not play; {', '.join(setup.instruments)} do")
    own = {**dict(setup.own), name: _words(desk, packet.rest)}
    desk.playing.want(own=tuple(own.items()))


def control(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Turn a dial."""
    name, value = str(packet.values[0]), float(packet.values[1])
    high = next(dial.high for dial in DIALS if dial.name == name)
    if value > high:
        raise StreamError(f"{name} = {value:g}: at most {high:g}")
    desk.playing.want(**{name: value})


def beats(desk: "Desk", packet: Packet, at_s: float) -> None:
    """State the beat."""
    offset, bpm, beat, meter = packet.values
    playing = desk.playing
    begin_s = unwrap(int(offset), playing.timeline.end) / playing.rate
    playing.want(grid=(begin_s, float(bpm), float(beat), int(meter)))


def config(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Change a setting."""
    key, value = str(packet.values[0]), packet.values[1]
    _SETTINGS[key](desk, key, value)
    desk.tell("window", *desk.playing.window())


def ping(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Answer."""
    desk.tell("pong", *packet.values)


def status(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Say how it is going."""
    desk.tell("state", *desk.state())


def packet_test(desk: "Desk", packet: Packet, at_s: float) -> None:
    """Send the samples back."""
    desk.send(write_samples(f"{PREFIX}packet_echo", (int(packet.values[0]),), packet.samples))


def end(desk: "Desk", packet: Packet, at_s: float) -> None:
    """End the server."""
    desk.playing.stop()
    desk.is_ended = True


COMMANDS: dict[str, Command] = {
    "bye": bye,
    "start": start,
    "stop": stop,
    "reset": reset,
    "file/in": file_in,
    "instruments": instruments,
    "prompt": prompt,
    "prompt/second": prompt_second,
    "prompt/stem": prompt_stem,
    "control": control,
    "beats": beats,
    "config": config,
    "ping": ping,
    "status": status,
    "packet_test": packet_test,
    "quit": end,
}


def _words(desk: "Desk", words: tuple[Value, ...]) -> str | None:
    text = " ".join(map(str, words)).strip()
    told, notes = read_prompt(text, desk.stage.model.vocabulary, desk.stage.thesaurus)
    for note in notes:
        desk.tell("notice", f"prompt: {note}")
    return told or None


def _want(desk: "Desk", key: str, value: Value) -> None:
    desk.playing.want(**{key: str(value)})


def _steps(desk: "Desk", key: str, value: Value) -> None:
    desk.playing.want(steps=_whole(key, value, 0))


def _transport(desk: "Desk", key: str, value: Value) -> None:
    if isinstance(value, str) or not 0 <= value <= 2000:
        raise StreamError(f"{key} = {value}: give a round trip of 0 to 2000 ms")
    desk.stage.round_trip_s = value / 1000
    desk.playing.outlet.allowance_s = desk.stage.round_trip_s / 2
    if desk.playing.keeper is not None:
        desk.playing.keeper.limits = desk.stage.limits(desk.playing.rate)


def _hop(desk: "Desk", key: str, value: Value) -> None:
    desk.stage.auto_hop = value == "auto"
    if value != "auto":
        desk.playing.want(hop=_frames(desk, key, value))
    if desk.playing.keeper is not None:
        desk.playing.keeper.keeps_hop = not desk.stage.auto_hop


def _gap(desk: "Desk", key: str, value: Value) -> None:
    if value != "auto":
        desk.playing.want(gap=_frames(desk, key, value))
    desk.stage.auto_gap = value == "auto"
    desk.playing.keeper = desk.stage.keeper(desk.playing.rate) if value == "auto" else None


def _lookahead(desk: "Desk", key: str, value: Value) -> None:
    _gap(desk, key, (_whole(key, value, 2) - 1) * desk.playing.wanted.hop)


_SETTINGS: dict[str, Callable[["Desk", str, Value], None]] = {
    "mode": _want,
    "beats": _want,
    "steps": _steps,
    "transport_ms": _transport,
    "hop": _hop,
    "gap": _gap,
    "lookahead": _lookahead,
}


def _whole(key: str, value: Value, least: int) -> int:
    if isinstance(value, str) or value % 1 or value < least:
        raise StreamError(f"{key} = {value}: give a whole number from {least} on")
    return int(value)


def _frames(desk: "Desk", key: str, value: Value) -> int:
    """Frames of a length; live, a gap of none or less would have to play before it hears."""
    codec = desk.stage.codec
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    frames = to_frames(str(value), Fraction(codec.sample_rate, codec.frame_samples))
    if frames < 1:
        raise StreamError(f"{key} = {value}: at least 1 frame is needed to play live")
    return frames
