"""Sockets and threads: one receives, one computes, one sends, and the caller's answers.

Nothing here knows what a packet means; nothing else here knows of sockets.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

from accomptk.errors import AccomptkError, StreamError
from accomptk.live.ring import Datagram, Peer, Ring

RECEIVE_BUFFER = 4 << 20
MAX_DATAGRAM = 65_536
POLL_S = 0.25
IDLE_S, PACE_S = 0.004, 0.001
FAILURES = 3
"""Steps in a row that may fail before the server gives up."""

logger = logging.getLogger(__name__)


class Front(Protocol):
    """What speaks a wire: ``desk.Desk`` or ``multitrack.Multitrack``."""

    is_ended: bool

    def handle(self, datagram: Datagram) -> None:
        """Do what a datagram says."""

    def work(self) -> bool:
        """Compute what is due; whether there was anything."""

    def due(self, now_s: float) -> list[tuple[bytes, Peer]]:
        """Datagrams to send now, and where to."""

    def beat(self) -> None:
        """What happens by itself; called often."""

    def announce(self, peer: Peer) -> None:
        """Tell whoever may listen that the server is up."""

    def recover(self) -> None:
        """Begin anew after a step that failed."""

    def close(self) -> None:
        """End."""


class Server:
    """Serves one UDP port.

    Args:
        front: What is behind it.
        host: Address to bind.
        port: Port to bind; 0 for any.
        now: The time in seconds.

    Raises:
        StreamError: If the port is taken, or the address is not this machine's.
    """

    def __init__(
        self, front: Front, host: str, port: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.front, self.now, self.ring = front, now, Ring()
        self.unsent = self.failed = 0
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._came = threading.Event()
        self._ready = threading.Event()
        self._made = threading.Event()
        self._threads: list[threading.Thread] = []
        self.socket = _bind(host, port)

    @property
    def address(self) -> Peer:
        """What is bound."""
        host, port = self.socket.getsockname()[:2]
        return host, port

    def run(self, each: Callable[[], None] = lambda: None) -> None:
        """Serve until a client says quit, or ``stop`` is called.

        Args:
            each: Called about every quarter of a second, for views.

        Raises:
            BaseException: What ended a thread.
        """
        self._threads = [
            threading.Thread(target=self._guard, args=(body,), name=f"accomptk {body.__name__}")
            for body in (self._receive, self._compute, self._send)
        ]
        try:
            for thread in self._threads:
                thread.start()
            self._answer(each)
        finally:
            self.stop()
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join()
            self._flush()
            self.socket.close()
            self.front.close()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Let ``run`` return."""
        self._stop.set()
        self._came.set()
        self._ready.set()
        self._made.set()

    def _answer(self, each: Callable[[], None]) -> None:
        last_s = self.now()
        while not self._stop.is_set() and not self.front.is_ended:
            self._came.wait(POLL_S / 4)
            self._came.clear()
            handled = False
            while (datagram := self.ring.take()) is not None:
                self._handle(datagram)
                handled = True
            if handled:
                self._ready.set()
            self.front.beat()
            if self.now() - last_s >= POLL_S:
                last_s = self.now()
                each()

    def _handle(self, datagram: Datagram) -> None:
        try:
            self.front.handle(datagram)
        except Exception:
            # A packet must not end the show, whatever is in it.
            self.failed += 1
            logger.exception(
                "a packet of %d bytes from %s failed", len(datagram.data), datagram.peer
            )

    def _receive(self) -> None:
        buffer = bytearray(MAX_DATAGRAM)
        view = memoryview(buffer)
        while not self._stop.is_set():
            try:
                size, peer = self.socket.recvfrom_into(buffer)
            except TimeoutError:
                continue
            except ConnectionResetError:  # Windows: a client closed the port that we sent to
                continue
            self.ring.put(Datagram(bytes(view[:size]), (peer[0], peer[1]), self.now()))
            self._came.set()

    def _compute(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                worked = self.front.work()
                failures = 0 if worked else failures
            except AccomptkError:
                raise
            except Exception:
                # The show goes on: the stream begins anew, and the mistake is written down.
                failures += 1
                logger.exception("a step failed")
                if failures == FAILURES:
                    raise
                self.front.recover()
                worked = True
            if worked:
                self._made.set()
            else:
                self._ready.wait(IDLE_S)
                self._ready.clear()

    def _send(self) -> None:
        # Every look for something to send interrupts the engine: fewer of them in a lull.
        lull_s = PACE_S
        while not self._stop.is_set():
            if self._flush() or self._made.is_set():
                lull_s = PACE_S
                self._made.clear()
            else:
                self._made.wait(lull_s)
                lull_s = min(1.25 * lull_s, IDLE_S)

    def _flush(self) -> bool:
        due = self.front.due(self.now())
        for data, peer in due:
            try:
                self.socket.sendto(data, peer)
            except OSError:
                self.unsent += 1
        return bool(due)

    def _guard(self, body: Callable[[], None]) -> None:
        """Run a thread; what ends it ends the server."""
        try:
            body()
        except BaseException as error:
            self._error = error
            self.stop()


def _bind(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise StreamError(
            f"UDP {host}:{port}: {error.strerror or error}; is another server running? "
            "give another --port, or --host"
        ) from error
    got = bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if got < RECEIVE_BUFFER:
        logger.warning(
            "the receive buffer is %d KiB of %d: packets may be lost in bursts; "
            "sysctl -w net.core.rmem_max=%d",
            got >> 10,
            RECEIVE_BUFFER >> 10,
            RECEIVE_BUFFER,
        )
    with contextlib.suppress(AttributeError, OSError):
        bound.ioctl(socket.SIO_UDP_CONNRESET, False)  # type: ignore[attr-defined]
    bound.settimeout(POLL_S)
    return bound
