"""Where a client's timeline is now, from when its packets came."""

from collections import deque

WINDOW_S = 5.0
PAUSE_S = 1.0
"""After so long without a packet the client's clock may have stood still."""


class ClientClock:
    """Follows the position of a client that counts samples.

    The packet that came fastest tells most about the client's clock; the others tell how much
    packets are held up. Old ones are forgotten, so the two clocks may drift apart.

    Args:
        rate: The client's samples a second.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.last_s: float | None = None
        self.delay_s = 0.0
        """How late the latest packets come, next to the fastest."""
        self._leads: deque[tuple[float, float]] = deque()  # (when, position - rate * when), falling

    def note(self, position: int, at_s: float) -> None:
        """A packet that ends at ``position`` came at ``at_s``."""
        if self.last_s is not None and at_s - self.last_s > PAUSE_S:
            self._leads.clear()
        lead = position - self.rate * at_s
        while self._leads and self._leads[0][0] < at_s - WINDOW_S:
            self._leads.popleft()
        if self._leads:
            late_s = max(self._leads[0][1] - lead, 0) / self.rate
            self.delay_s = max(late_s, self.delay_s * 0.999)
        while self._leads and self._leads[-1][1] <= lead:
            self._leads.pop()
        self._leads.append((at_s, lead))
        self.last_s = at_s

    def forget(self) -> None:
        """The client may begin anywhere."""
        self._leads.clear()
        self.last_s = None

    def position(self, now_s: float) -> int | None:
        """Where the client is now; None before it was heard of."""
        if not self._leads:
            return None
        return round(self._leads[0][1] + self.rate * now_s)

    def is_silent(self, now_s: float, limit_s: float) -> bool:
        """Whether nothing came for ``limit_s``, or ever."""
        return self.last_s is None or now_s - self.last_s > limit_s
