"""What the receive thread fills and the desk empties: datagrams in the order they came."""

from collections import deque
from typing import NamedTuple

Peer = tuple[str, int]


class Datagram(NamedTuple):
    """A datagram as it came.

    Args:
        data: Its bytes.
        peer: Host and port of the sender.
        at_s: When it came, on the server's monotonic clock.
    """

    data: bytes
    peer: Peer
    at_s: float


class Ring:
    """Holds at most ``capacity`` bytes; what does not fit is dropped and counted.

    One thread puts, another one takes; neither waits for the other.
    """

    def __init__(self, capacity: int = 16 << 20) -> None:
        self.capacity, self.dropped = capacity, 0
        self._waiting: deque[Datagram] = deque()
        self._put = self._taken = 0

    def put(self, datagram: Datagram) -> None:
        """Add a datagram, or drop it when the ring is full."""
        if self._put - self._taken + len(datagram.data) > self.capacity:
            self.dropped += 1
            return
        self._put += len(datagram.data)
        self._waiting.append(datagram)

    def take(self) -> Datagram | None:
        """The oldest datagram, None when there is none."""
        if not self._waiting:
            return None
        datagram = self._waiting.popleft()
        self._taken += len(datagram.data)
        return datagram
