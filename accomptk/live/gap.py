"""The shortest hop and gap that this machine and transport sustain, chosen and kept.

The deadline law: codec delays, compute, join and transport fit into the gap, and compute alone
fits into the hop.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

HOPS = (3, 6, 9, 12, 18, 24, 36)
"""Hops that are tried, frames; models are trained on 3 to 36."""
MARGIN = 1.4
"""A step may take this much longer than the slowest one that was measured; the slowest of
some minutes is about 1.3 times that of the two seconds at the start."""
BUSY = 0.8
"""Share of the hop that compute may take: a machine that is always busy falls behind."""
RECENT, CALM = 8, 64
"""Steps that a widening looks at, and steps without trouble before a narrowing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a gap has to hold besides compute.

    Args:
        frame_ms: Length of a latent frame.
        frames: The model's reach.
        fixed_ms: Delays of codec and resamplers, join, and transport.
    """

    frame_ms: float
    frames: int
    fixed_ms: float

    @property
    def most(self) -> int:
        """Largest hop + gap: a third of the reach is left to hear."""
        return self.frames - self.frames // 3

    def gap(self, step_ms: float) -> int:
        """Shortest gap for steps that take so long at most."""
        return max(ceil((step_ms * MARGIN + self.fixed_ms) / self.frame_ms), 1)

    def fits(self, hop: int, gap: int, step_ms: float) -> bool:
        """Whether steps that take so long at most meet the deadline law."""
        in_time = self.gap(step_ms) <= gap and hop + gap <= self.most
        return in_time and self.sustains(hop, step_ms)

    def sustains(self, hop: int, step_ms: float) -> bool:
        """Whether the machine keeps up with steps that take so long at most."""
        return step_ms * MARGIN <= BUSY * hop * self.frame_ms


def choose(
    limits: Limits, measure: Callable[[int], float], hops: Sequence[int] = HOPS
) -> tuple[int, int]:
    """The shortest hop and gap that hold.

    Args:
        limits: Of model, codec and transport.
        measure: Slowest step of a hop, in ms; called for ascending hops until one holds. A longer
            hop is never cheaper: those that the last figure rules out are not measured.
        hops: Those allowed.

    Returns:
        Hop and gap; where none holds, the last hop that leaves room for a gap.
    """
    best, step_ms = (min(hops), 1), 0.0
    possible = [hop for hop in sorted(hops) if hop < limits.most]
    for hop in possible:
        if not limits.sustains(hop, step_ms) and hop != possible[-1]:
            continue
        step_ms = measure(hop)
        gap = limits.gap(step_ms)
        best = (hop, min(gap, limits.most - hop))
        if limits.fits(hop, gap, step_ms):
            break
    return best


class Keeper:
    """Widens hop and gap when steps get slow, and narrows the gap again when they are calm.

    Args:
        limits: Of model, codec and transport; may be replaced.
        keeps_hop: Whether the hop is the user's own.
    """

    def __init__(self, limits: Limits, keeps_hop: bool) -> None:
        self.limits, self.keeps_hop = limits, keeps_hop
        self._recent: deque[float] = deque(maxlen=CALM)
        self._since = 0

    def note(self, hop: int, gap: int, step_ms: float, is_late: bool) -> tuple[int, int] | None:
        """Hop and gap to go on with, None to leave them.

        Args:
            hop: As it is.
            gap: As it is.
            step_ms: Compute of the latest step, scaled to a chunk of one hop.
            is_late: Whether its chunk came too late.
        """
        self._recent.append(step_ms)
        self._since += 1
        worst = max(list(self._recent)[-RECENT:])
        wanted = self._widen(hop, gap, worst, is_late)
        is_calm = wanted == (hop, gap) and self._since >= CALM
        if is_calm and self.limits.gap(max(self._recent)) < gap:
            wanted = (hop, gap - 1)
        if wanted == (hop, gap):
            return None
        if wanted[0] != hop:
            self._recent.clear()
        self._since = 0
        return wanted

    def _widen(self, hop: int, gap: int, worst_ms: float, is_late: bool) -> tuple[int, int]:
        """Slow steps count at once, a late chunk only when the last change is old."""
        if worst_ms * MARGIN > hop * self.limits.frame_ms and not self.keeps_hop:
            longer = [other for other in HOPS if other > hop and other < self.limits.most]
            hop = longer[0] if longer else hop
        needed = max(self.limits.gap(worst_ms), gap)
        if is_late and self._since > 2:
            needed = max(needed, gap + 1)
        return hop, min(needed, self.limits.most - hop)
