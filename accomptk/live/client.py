"""A client of the wire in Python: for benches and tests, and as an example for other programs."""

import heapq
import socket
import threading
import time
from collections import deque

import numpy as np

from accomptk.live.packets import (
    Malformed,
    Packet,
    Samples,
    Value,
    read_packet,
    write_message,
    write_samples,
)
from accomptk.live.protocol import CLOCK, MESSAGES, PACKET_FLOATS, PREFIX, PROTOCOL
from accomptk.live.ring import Peer
from accomptk.live.timeline import unwrap
from accomptk.run import numpy_generator

OUTGOING = {address: message for address, message in MESSAGES.items() if message.direction == "out"}
BUFFER_BYTES = 4 << 20


class Client:
    """Plays audio to a server and keeps what comes back.

    Args:
        server: Its address.
        rate: Sample rate of the audio.
        packet: Samples a packet.
        delay_s: Held up so long each way, as on a longer line.
        loss: Share of the audio packets that are lost each way.
        seed: Of the losses.
    """

    def __init__(
        self,
        server: Peer,
        rate: int,
        packet: int = PACKET_FLOATS,
        delay_s: float = 0.0,
        loss: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.server, self.rate, self.packet = server, rate, packet
        self.delay_s, self.loss = delay_s, loss
        self.stream, self.position = 0, 0
        self.messages: deque[tuple[float, Packet]] = deque(maxlen=100_000)
        self.chunks: list[tuple[int, int, float]] = []  # stem, position, when it came
        self.heard: dict[int, list[tuple[int, Samples]]] = {}
        self._random = numpy_generator(seed, "loss")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._late: list[tuple[float, int, bytes]] = []
        self._came = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._receive, name="accomptk client")
        self._thread.start()

    def say(self, name: str, *values: Value) -> None:
        """Send a control message."""
        self._socket.sendto(write_message(PREFIX + name, *values), self.server)

    def ask(self, name: str, *values: Value, answer: str, timeout_s: float = 10.0) -> Packet:
        """Send a control message and wait for an answer.

        Raises:
            TimeoutError: If none comes.
        """
        asked_s = time.monotonic()
        self.say(name, *values)
        with self._came:
            while True:
                for at_s, packet in self.messages:
                    if at_s >= asked_s and packet.message.name == answer:
                        return packet
                if not self._came.wait(asked_s + timeout_s - time.monotonic()):
                    raise TimeoutError(f"{name}: no {answer} within {timeout_s:g} s")

    def join(self, name: str = "client") -> None:
        """Say hello and start."""
        port = self._socket.getsockname()[1]
        welcome = self.ask("hello", name, PROTOCOL, self.rate, self.packet, port, answer="welcome")
        self.stream = int(welcome.values[3])
        self.ask("start", answer="done")

    def play(self, wav: Samples) -> None:
        """Send the samples [N] that follow those sent before, at once."""
        for first in range(0, len(wav), self.packet):
            samples = wav[first : first + self.packet]
            offset = self.position % CLOCK
            self.position += len(samples)
            if self._random.random() >= self.loss:
                data = write_samples(f"{PREFIX}audio/in", (self.stream, offset), samples)
                self._post(data)

    def perform(self, wav: Samples) -> None:
        """Send samples [N] in real time, packet by packet."""
        begun_s = time.monotonic()
        for first in range(0, len(wav), self.packet):
            last = min(first + self.packet, len(wav))
            time.sleep(max(begun_s + last / self.rate - time.monotonic(), 0))
            self.play(wav[first:last])

    def wait_for(self, position: int, timeout_s: float = 30.0) -> None:
        """Wait until audio up to ``position`` came.

        Raises:
            TimeoutError: If it does not.
        """
        end_s = time.monotonic() + timeout_s
        with self._came:
            while not self.chunks or self.chunks[-1][1] < position:
                if not self._came.wait(end_s - time.monotonic()):
                    raise TimeoutError(f"no audio up to {position} within {timeout_s:g} s")

    def track(self, stem: int, length: int) -> Samples:
        """What came of a stem, laid on the timeline, [length]."""
        wav = np.zeros(length, np.float32)
        for position, samples in self.heard.get(stem, []):
            first, last = max(position, 0), min(position + len(samples), length)
            if last > first:
                wav[first:last] = samples[first - position : last - position]
        return wav

    def named(self, name: str) -> list[Packet]:
        """All messages of a name that came."""
        return [packet for _, packet in list(self.messages) if packet.message.name == name]

    def close(self) -> None:
        """Close the socket."""
        self._closed.set()
        self._thread.join()
        self._socket.close()

    def _post(self, data: bytes) -> None:
        if self.delay_s == 0:
            self._socket.sendto(data, self.server)
        else:
            with self._came:
                heapq.heappush(self._late, (time.monotonic() + self.delay_s, len(self._late), data))

    def _receive(self) -> None:
        held: deque[tuple[float, bytes]] = deque()
        self._socket.settimeout(0.1 if self.delay_s == 0 else 0.001)
        while not self._closed.is_set():
            self._send_late()
            try:
                data = self._socket.recv(65_536)
                held.append((time.monotonic() + self.delay_s, data))
            except TimeoutError:
                pass
            while held and held[0][0] <= time.monotonic():
                self._take(held.popleft()[1])

    def _send_late(self) -> None:
        with self._came:
            while self._late and self._late[0][0] <= time.monotonic():
                self._socket.sendto(heapq.heappop(self._late)[2], self.server)

    def _take(self, data: bytes) -> None:
        try:
            packet = read_packet(data, OUTGOING)
        except Malformed:
            return
        with self._came:
            if packet.message.name != "audio/out":
                self.messages.append((time.monotonic(), packet))
            elif packet.values[0] == self.stream and self._random.random() >= self.loss:
                stem, position = int(packet.values[1]), unwrap(int(packet.values[2]), self.position)
                self.chunks.append((stem, position, time.monotonic()))
                self.heard.setdefault(stem, []).append((position, packet.samples))
            self._came.notify_all()
