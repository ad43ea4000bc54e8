"""Answers a client by the message table: one client at a time, one stream at a time.

It does what a message says or says why not; a packet that is not understood changes nothing.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accomptk import __version__
from accomptk.errors import AccomptkError
from accomptk.live.commands import COMMANDS
from accomptk.live.conductor import Conductor
from accomptk.live.files import FileDoor
from accomptk.live.outlet import Write
from accomptk.live.packets import (
    Malformed,
    Packet,
    Samples,
    read_packet,
    split,
    write_message,
    write_samples,
)
from accomptk.live.protocol import (
    CLOCK,
    GONE_S,
    HEARTBEAT_S,
    MESSAGES,
    PREFIX,
    PROTOCOL,
    RATES_HZ,
)
from accomptk.live.ring import Datagram, Peer
from accomptk.live.stage import Stage

COMPLAINTS_PER_S = 5.0
"""So many ``fail`` a second are sent at most: nobody reads more, and a flood is an attack."""

INCOMING = {address: message for address, message in MESSAGES.items() if message.direction == "in"}


@dataclass(slots=True)
class Client:
    """Who is connected."""

    host: str
    reply_port: int
    name: str
    rate: int
    packet: int
    last_s: float

    @property
    def address(self) -> Peer:
        """Where answers go."""
        return self.host, self.reply_port


class Desk:
    """The wire of ``protocol``.

    Args:
        stage: Opens streams.
        door: Reads and writes files in ``--io-dir``; None where audio travels in packets.
        event: Told what happens, for views: event(kind, values).
    """

    def __init__(
        self,
        stage: Stage,
        door: FileDoor | None = None,
        event: Callable[[str, dict[str, Any]], None] = lambda kind, values: None,
    ) -> None:
        self.stage, self.door, self.event, self.now = stage, door, event, stage.now
        self.client: Client | None = None
        self.conductor: Conductor | None = None
        self.stream = 0
        self.ignored = self.beats = 0
        self.is_ended = False
        self._mail: deque[tuple[bytes, Peer]] = deque()
        self._complaints, self._complained_s = COMPLAINTS_PER_S, self.now()
        self._beat_s = self.now()
        self._busy = threading.Lock()  # held while the conductor works

    # What the server's threads call.

    def handle(self, datagram: Datagram) -> None:
        """Do what a datagram says."""
        try:
            for data in split(datagram.data):
                self._obey(read_packet(data, INCOMING), datagram)
        except Malformed as error:
            self.ignored += 1
            self._complain(error.command or "packet", str(error), datagram.peer)

    def work(self) -> bool:
        """Make what is due; whether there was anything. For the engine's thread."""
        with self._busy:
            return self.conductor is not None and self.conductor.tick()

    def due(self, now_s: float) -> list[tuple[bytes, Peer]]:
        """Datagrams to send now, and where to. For the sender's thread."""
        mail = []
        while self._mail:
            mail.append(self._mail.popleft())
        client, conductor = self.client, self.conductor
        if client is not None and conductor is not None:
            mail += [(data, client.address) for data in conductor.outlet.due(now_s)]
        return mail

    def beat(self) -> None:
        """What happens once a second without being asked."""
        now_s = self.now()
        if now_s - self._beat_s < HEARTBEAT_S or self.client is None:
            return
        self._beat_s = now_s
        self.tell("heartbeat", self.beats)
        self.beats = (self.beats + 1) % CLOCK
        self.event(
            "state",
            dict(
                zip(
                    ("state", "rtf", "latency_ms", "lost", "late", "ignored"),
                    self.state(),
                    strict=True,
                )
            ),
        )

    def announce(self, peer: Peer) -> None:
        """Tell whoever may listen that the server is up."""
        self._mail.append((write_message(f"{PREFIX}ready", PROTOCOL), peer))

    def recover(self) -> None:
        """Go on with a fresh engine after a step that failed."""
        with self._busy:
            self.playing.recover()
        self.tell("notice", "a step failed; it goes on with a fresh engine")

    def close(self) -> None:
        """End the stream and its take."""
        with self._busy:
            if self.conductor is not None:
                self.conductor.close()

    def leave(self) -> None:
        """Let the client go, with a last answer."""
        self.tell("done", "bye")
        self.client = None

    def send(self, data: bytes) -> None:
        """Send the client a datagram."""
        client = self.client  # another thread may let it go
        if client is not None:
            self._mail.append((data, client.address))

    def tell(self, name: str, *values: int | float | str) -> None:
        """Send the client a message."""
        if name not in ("heartbeat", "pong", "packet_echo", "state"):
            self.event(name, {"values": values})
        if name in ("underrun", "late"):
            values = (int(values[0]) % CLOCK, *values[1:])
        self.send(write_message(PREFIX + name, *values))

    def state(self) -> tuple[str, float, float, int, int, int]:
        """Arguments of ``/accomptk/state``."""
        conductor = self.conductor
        if conductor is None:
            return "idle", 0.0, 0.0, 0, 0, self.ignored
        figures = conductor.figures
        name = "stopped"
        if conductor.is_playing:
            name = "waiting" if conductor.is_waiting(self.now()) else "playing"
        lost = conductor.timeline.counts.lost
        return name, figures.rtf, figures.latency(0.5), lost, figures.late, self.ignored

    def _obey(self, packet: Packet, datagram: Datagram) -> None:
        name = packet.message.name
        if name == "hello":
            self._hello(packet, datagram)
            return
        client = self.client
        if client is None or datagram.peer[0] != client.host:
            self.ignored += 1
            return
        client.last_s = datagram.at_s
        if name in ("audio/in", "clock"):
            self._audio(packet, datagram)
            return
        try:
            COMMANDS[name](self, packet, datagram.at_s)
        except AccomptkError as error:
            self._complain(name, str(error), datagram.peer)
            return
        if f"{PREFIX}done" in packet.message.replies and self.client is not None:
            self.tell("done", name)

    def _hello(self, packet: Packet, datagram: Datagram) -> None:
        name, protocol, rate, size, reply_port = packet.values
        host = datagram.peer[0]
        address = (host, int(reply_port))
        if protocol != PROTOCOL:
            reason = (
                f"protocol {protocol}: this server speaks {PROTOCOL}; use the patch it came with"
            )
            self._refuse(reason, address)
        elif rate not in RATES_HZ:
            allowed = ", ".join(map(str, RATES_HZ))
            self._refuse(
                f"sample rate {rate} Hz: allowed are {allowed}; set the audio device", address
            )
        elif self.client is not None and self.client.address != address and self._is_here():
            self._refuse(f"busy: '{self.client.name}' plays; it has to say bye first", address)
        else:
            self._welcome(Client(*address, str(name), int(rate), int(size), datagram.at_s))

    def _is_here(self) -> bool:
        return self.client is not None and self.now() - self.client.last_s < GONE_S

    def _refuse(self, reason: str, address: Peer) -> None:
        if self._may_complain():
            self._mail.append((write_message(f"{PREFIX}fail", "hello", reason), address))

    def _welcome(self, client: Client) -> None:
        before, self.client = self.client, client
        is_same = before is not None and (before.address, before.rate) == (
            client.address,
            client.rate,
        )
        if self.conductor is None or not is_same:
            self.open()
        else:
            self.conductor.outlet.packet = self._packet()
        self.greet()
        self.event("hello", {"client": client.name, "rate": client.rate})

    def open(self) -> None:
        """Begin a stream."""
        assert self.client is not None
        with self._busy:
            if self.conductor is not None:
                self.conductor.close()
            self.stream += 1
            self.conductor = self.stage.open(
                self.client.rate, self._packet(), self._writer(self.stream), self.tell
            )

    def greet(self) -> None:
        """Tell the client which stream it is, and what plays."""
        reached = self.playing.timeline.end % CLOCK
        rate = self.stage.codec.sample_rate
        self.tell("welcome", __version__, PROTOCOL, rate, self.stream, reached)
        self.tell("stems", *self.playing.wanted.instruments)
        self.tell("window", *self.playing.window())

    def _packet(self) -> int:
        assert self.client is not None
        return 1 << 40 if self.door is not None else self.client.packet

    def _writer(self, stream: int) -> Write:
        """Makes datagrams of the stream's chunks."""
        address = f"{PREFIX}audio/out"
        door, client = self.door, self.client
        assert client is not None

        def write(stem: int, position: int, samples: Samples) -> bytes:
            if door is None:
                return write_samples(address, (stream, stem, position % CLOCK), samples)
            path = door.write(stream, stem, position, samples, client.rate)
            return write_message(f"{PREFIX}file/out", stream, stem, position % CLOCK, path)

        return write

    def _audio(self, packet: Packet, datagram: Datagram) -> None:
        stream, offset = packet.values
        if self.conductor is None or stream != self.stream:
            self.ignored += 1
        elif self.conductor.is_playing:
            self.conductor.place(int(offset), packet.samples, datagram.at_s)

    @property
    def playing(self) -> Conductor:
        """The conductor, which is there wherever there is a client."""
        assert self.conductor is not None
        return self.conductor

    def _complain(self, command: str, reason: str, peer: Peer) -> None:
        """Tell the client why not; strangers get no answer."""
        if self.client is not None and peer[0] == self.client.host and self._may_complain():
            self.tell("fail", command, reason)

    def _may_complain(self) -> bool:
        now_s = self.now()
        gained = (now_s - self._complained_s) * COMPLAINTS_PER_S
        self._complaints = min(self._complaints + gained, COMPLAINTS_PER_S)
        self._complained_s = now_s
        if self._complaints < 1:
            return False
        self._complaints -= 1
        return True
