"""Datagrams to messages and back: python-osc for control, numpy for samples.

python-osc takes milliseconds for a thousand floats, numpy microseconds. Whatever does not fit the
table of messages is refused here, before anything is done with it.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message import ParseError as OscParseError
from pythonosc.osc_message_builder import OscMessageBuilder

from accomptk.live.protocol import Argument, Message

MAX_BYTES = 65_507
MAX_CONTROL_BYTES = 4_096
MAX_SYMBOL = 512
LOUDEST = 4.0
"""Samples are clipped to this: louder ones are a mistake, and would be heard for seconds."""

_BUNDLE = b"#bundle\0"
_BUNDLE_HEAD = 16  # "#bundle", a zero, and a time tag that is not waited for
_NESTED = 4

Samples = NDArray[np.float32]
Value = int | float | str


class Malformed(Exception):
    """A datagram that is not understood.

    Args:
        reason: In words.
        command: Which message it would be; empty when that is not known.
    """

    def __init__(self, reason: str, command: str = "") -> None:
        super().__init__(reason)
        self.command = command


@dataclass(frozen=True, slots=True)
class Packet:
    """A message that fits the table.

    Args:
        message: Its entry in the table.
        values: The arguments that are always there.
        rest: Further arguments that are not samples.
        samples: Further arguments that are, [N].
    """

    message: Message
    values: tuple[Value, ...]
    rest: tuple[Value, ...]
    samples: Samples


NOTHING: Samples = np.zeros(0, np.float32)


def split(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The messages of a bundle, all at once whatever its time tag says; a message is itself.

    Raises:
        Malformed: If the bundle is broken.
    """
    if not data.startswith(_BUNDLE):
        yield data
        return
    if depth == _NESTED:
        raise Malformed("bundles in bundles in bundles")
    position = _BUNDLE_HEAD
    while position + 4 <= len(data):
        (size,) = struct.unpack_from(">i", data, position)
        position += 4
        if size <= 0 or size % 4 or position + size > len(data):
            raise Malformed("a bundle whose parts do not fit")
        yield from split(data[position : position + size], depth + 1)
        position += size


def read_packet(data: bytes, messages: Mapping[str, Message]) -> Packet:
    """The message in a datagram.

    Args:
        data: The datagram, no bundle.
        messages: Those that are understood, by address.

    Raises:
        Malformed: If it is not one of them, with arguments as they should be.
    """
    if len(data) % 4 or not 4 <= len(data) <= MAX_BYTES:
        raise Malformed("its length is no multiple of 4, or too long")
    address, begin = _read_text(data, 0)
    message = messages.get(address)
    if message is None:
        raise Malformed("no such message", address[:80])
    if message.rest is not None and message.rest.tags == "f":
        return _read_samples(message, data, begin)
    return _read_control(message, data, begin)


def write_message(address: str, *values: Value) -> bytes:
    """A control message; integers, floats and symbols as they are."""
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    dgram: bytes = builder.build().dgram
    return dgram


def write_samples(address: str, integers: tuple[int, ...], samples: Samples) -> bytes:
    """A message of integers followed by samples [N]."""
    tags = "," + "i" * len(integers) + "f" * len(samples)
    head = (
        _pad(address.encode()) + _pad(tags.encode()) + struct.pack(f">{len(integers)}i", *integers)
    )
    return head + samples.astype(">f4").tobytes()


def _pad(text: bytes) -> bytes:
    return text + b"\0" * (4 - len(text) % 4)


def _read_text(data: bytes, begin: int) -> tuple[str, int]:
    """A padded string and where the next thing begins."""
    end = data.find(b"\0", begin)
    if end < 0:
        raise Malformed("a string without end")
    try:
        return data[begin:end].decode("ascii"), end + 4 - (end - begin) % 4
    except UnicodeDecodeError as error:
        raise Malformed("a string that is not ASCII") from error


def _read_samples(message: Message, data: bytes, begin: int) -> Packet:
    tags, body = _read_text(data, begin)
    fixed = len(message.arguments)
    head, tail = tags[1 : 1 + fixed], tags[1 + fixed :]
    if not tags.startswith(",") or len(head) < fixed or set(head) - {"i", "f"} or tail.strip("f"):
        raise Malformed("arguments of other types", message.name)
    if len(data) != body + 4 * (fixed + len(tail)):
        raise Malformed("not as long as it says", message.name)
    values = struct.unpack_from(f">{head}", data, body)
    samples = np.frombuffer(data, ">f4", offset=body + 4 * fixed).astype(np.float32)
    if not np.isfinite(samples).all():
        raise Malformed("samples that are no numbers", message.name)
    checked = _check_all(message, values)
    return Packet(message, checked, (), np.clip(samples, -LOUDEST, LOUDEST))


def _read_control(message: Message, data: bytes, begin: int) -> Packet:
    if len(data) > MAX_CONTROL_BYTES:
        raise Malformed("too long", message.name)
    tags = _read_text(data, begin)[0] if data[begin:] else ","
    if tags[:1] != "," or set(tags[1:]) - set("ifs"):  # python-osc would log what it does not know
        raise Malformed("arguments: another type is wanted", message.name)
    try:
        values = tuple(OscMessage(data).params)
    except (OscParseError, ValueError) as error:
        raise Malformed("not an OSC message", message.name) from error
    fixed = len(message.arguments)
    if len(values) < fixed or (len(values) > fixed and message.rest is None):
        raise Malformed(f"{fixed} arguments are wanted, {len(values)} came", message.name)
    rest = tuple(_check(message, message.rest, v) for v in values[fixed:] if message.rest)
    return Packet(message, _check_all(message, values[:fixed]), rest, NOTHING)


def _check_all(message: Message, values: tuple[Value, ...]) -> tuple[Value, ...]:
    pairs = zip(message.arguments, values, strict=True)
    return tuple(_check(message, argument, value) for argument, value in pairs)


def _check(message: Message, argument: Argument, value: object) -> Value:
    """The value as the table wants it."""
    made = _coerce(argument.tags, value)
    if made is None:
        raise Malformed(f"{argument.name}: another type is wanted", message.name)
    if argument.choices and made not in argument.choices:
        raise Malformed(
            f"{argument.name}: '{made}' is not one of {', '.join(argument.choices)}", message.name
        )
    if isinstance(made, str):
        return made
    low, high = argument.low, argument.high
    if (low is not None and made < low) or (high is not None and made > high):
        raise Malformed(
            f"{argument.name} = {made:g}: outside of {_bound(low)} to {_bound(high)}", message.name
        )
    return made


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _coerce(tags: str, value: object) -> Value | None:
    """An integer for a whole float and the reverse, where only the other is wanted."""
    match value:
        case bool():
            return None
        case int():
            return value if "i" in tags else float(value) if "f" in tags else None
        case float() if math.isfinite(value):
            return value if "f" in tags else int(value) if "i" in tags and value % 1 == 0 else None
        case str() if "s" in tags and len(value) <= MAX_SYMBOL and value.isprintable():
            return value
    return None
