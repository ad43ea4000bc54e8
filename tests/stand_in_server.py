"""A server of a few lines that speaks the protocol and plays back what it hears."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from pythonosc.osc_message import OscMessage

from accomptk.live.protocol import CLOCK, HEARTBEAT_S, PREFIX, PROTOCOL

PACKET = 500
"""Samples a packet: no divisor of anything, so that packets cross the ends of rings."""


HEARD = b"/accomptk/audio/in\0\0"


def encode(name: str, *arguments: int | float | str, samples: Any = ()) -> bytes:
    """An OSC message."""
    tags, body = ",", b""
    for value in arguments:
        match value:
            case str():
                tags, body = tags + "s", body + _padded(value)
            case int():
                tags, body = tags + "i", body + value.to_bytes(4, "big", signed=True)
            case float():
                tags, body = tags + "f", body + np.array(value, ">f4").tobytes()
    floats = np.asarray(samples, ">f4")
    return _padded(PREFIX + name) + _padded(tags + "f" * floats.size) + body + floats.tobytes()


def _padded(text: str) -> bytes:
    raw = text.encode() + b"\0"
    return raw + b"\0" * (-len(raw) % 4)


class StandIn:
    """Answers hello, and plays what it hears ``delay`` samples later, each stem softer."""

    def __init__(self, delay: int, start: int = 0, port: int = 0):
        self.delay, self.start = delay, start
        self.said: list[tuple[Any, ...]] = []  # (name, arguments ...) but audio/in
        self.heard: list[tuple[int, int]] = []  # offset, samples of each audio/in
        self.stems: list[str] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(0.05)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.port = self.socket.getsockname()[1]
        self.peer: tuple[str, int] | None = None
        self._open = True

    def serve(self) -> None:
        """Until closed."""
        beat, count = time.monotonic(), 0
        while self._open:
            with contextlib.suppress(TimeoutError):
                self._hear(self.socket.recvfrom(65536)[0])
            if self.peer and time.monotonic() > beat + HEARTBEAT_S:
                beat, count = time.monotonic(), count + 1
                self.say("heartbeat", count)
        self.socket.close()

    def say(self, *message: Any, samples: Any = ()) -> None:
        if self.peer:
            self.socket.sendto(encode(*message, samples=samples), self.peer)

    def _hear(self, packet: bytes) -> None:
        if packet.startswith(HEARD):
            return self._play(packet) if ("start",) in self.said else None
        message = OscMessage(packet)
        name, arguments = message.address.removeprefix(PREFIX), message.params
        self.said.append((name, *arguments))
        if name == "hello":
            self.peer = ("127.0.0.1", arguments[-1])
            self.say("welcome", "0.0", PROTOCOL, 44100, 3, self.start)
        elif name == "instruments":
            self.stems = list(arguments)
            self.say("stems", *arguments)
        elif name == "ping":
            self.say("pong", *arguments)
        elif name != "bye":
            self.say("done", name)
        return None

    def _play(self, packet: bytes) -> None:
        """Read by hand: python-osc takes longer than a busy machine has."""
        tags, _, _ = packet[len(HEARD) :].partition(b"\0")
        values = np.frombuffer(packet[len(HEARD) + len(tags) // 4 * 4 + 4 :], ">u4")
        assert tags == b",ii" + b"f" * (values.size - 2)
        offset, samples = int(values[1]), values[2:].view(">f4")
        self.heard.append((offset, samples.size))
        for stem in range(len(self.stems)):
            for start in range(0, samples.size, PACKET):
                at = (offset + self.delay + start) % CLOCK
                piece = samples[start : start + PACKET] / (stem + 2)
                self.say("audio/out", 3, stem, at, samples=piece)


@contextlib.contextmanager
def standing_in(**settings: Any) -> Iterator[StandIn]:
    """A stand-in that serves."""
    server = StandIn(**settings)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server._open = False
        thread.join()
