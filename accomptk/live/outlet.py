"""What is sent: packets at the pace that a patch can take, late music cut and faded in.

A chunk keeps its own place on the timeline. Where the next one is not there in time the end of the
last is sent again, fading out, so that a stop is never a click.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from accomptk.live.clock import ClientClock
from accomptk.live.packets import Samples

SPEED = 4.0
"""Packets leave this much faster than they are played; Max queues 512 of them, four stems of
1.5 s are 520."""
FADE_S = 0.01
GUARD_S = 0.02
"""How long before the end of what was sent the fade-out is sent, if nothing follows."""

Write = Callable[[int, int, Samples], bytes]
"""write(stem, position, samples) gives a datagram."""


@dataclass(slots=True)
class Delivery:
    """What came of a chunk.

    Args:
        first: Where it begins on the client's timeline.
        cut: Samples at its start that were too late.
    """

    first: int
    cut: int


class Outlet:
    """Paces what is made; safe to use from the thread that makes and the one that sends.

    Args:
        clock: Where the client is.
        packet: Samples a packet.
        write: Makes the datagrams.
        allowance_s: Time that a packet needs to the client's buffer.
    """

    def __init__(
        self, clock: ClientClock, packet: int, write: Write, allowance_s: float = 0.005
    ) -> None:
        self.clock, self.packet, self.write, self.allowance_s = clock, packet, write, allowance_s
        self.end: int | None = None
        self._tail = np.zeros((0, round(FADE_S * clock.rate)), np.float32)
        self._is_faded = True
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._lock = threading.Lock()

    def deliver(self, first: int, wav: Samples, now_s: float, is_fresh: bool = False) -> Delivery:
        """Send a chunk.

        Args:
            first: Where it begins on the client's timeline.
            wav: [stems, N].
            now_s: The time.
            is_fresh: Whether it does not go on from the chunk before.
        """
        with self._lock:
            reached = self._reached(now_s)
            cut = min(max(reached - first, -first, 0), wav.shape[1])
            goes_on = not is_fresh and cut == 0 and first == self.end and not self._is_faded
            if not goes_on:
                self._fade_out(now_s)
                wav = wav.copy()
                fade = min(self._tail.shape[1], wav.shape[1] - cut)
                wav[:, cut : cut + fade] *= np.linspace(0, 1, fade, dtype=np.float32)
            self._enqueue(first + cut, wav[:, cut:], now_s)
            self._tail = wav[:, -self._tail.shape[1] :]
            self.end, self._is_faded = first + wav.shape[1], cut == wav.shape[1]
            return Delivery(first, cut)

    def due(self, now_s: float) -> list[bytes]:
        """Datagrams to send now."""
        with self._lock:
            if self.end is not None and not self._is_faded:
                guard = round(GUARD_S * self.clock.rate) + self._tail.shape[1]
                if self._reached(now_s) + guard >= self.end:
                    self._fade_out(now_s)
            due = []
            while self._waiting and self._waiting[0][0] <= now_s:
                due.append(self._waiting.popleft()[1])
            return due

    def stop(self, now_s: float) -> None:
        """Fade out what was sent, and send no more of what waits."""
        with self._lock:
            self._fade_out(now_s)

    def clear(self) -> None:
        """Forget everything: another stream begins."""
        with self._lock:
            self._waiting.clear()
            self.end, self._is_faded = None, True

    def _reached(self, now_s: float) -> int:
        """First sample that can still reach the client in time."""
        position = self.clock.position(now_s + self.allowance_s)
        return -(1 << 62) if position is None else position

    def _enqueue(self, first: int, wav: Samples, now_s: float) -> None:
        begin_s = max(now_s, self._waiting[-1][0]) if self._waiting else now_s
        for start in range(0, wav.shape[1], self.packet):
            at_s = begin_s + start / self.clock.rate / SPEED
            for stem, samples in enumerate(wav[:, start : start + self.packet]):
                self._waiting.append((at_s, self.write(stem, first + start, samples)))

    def _fade_out(self, now_s: float) -> None:
        """Send the end of the last chunk once more, fading to silence."""
        if self.end is None or self._is_faded or self._tail.shape[1] == 0:
            return
        fading = self._tail * np.linspace(1, 0, self._tail.shape[1], dtype=np.float32)
        self._enqueue(self.end - fading.shape[1], fading, now_s)
        self._is_faded = True
