"""Audio that comes in pieces, put in order; what is missing is concealed."""

from dataclasses import dataclass, field

import numpy as np

from accomptk.live.packets import NOTHING, Samples
from accomptk.live.protocol import CLOCK

FADE_S = 0.02
"""A hole is filled with the mirrored past, fading out in this time."""


def unwrap(offset: int, near: int) -> int:
    """The position that is ``offset`` modulo CLOCK and nearest to ``near``."""
    return near + (offset - near + CLOCK // 2) % CLOCK - CLOCK // 2


@dataclass(slots=True)
class Counts:
    """Samples and packets that did not come as they should.

    Args:
        lost: Samples that never came and were concealed.
        late: Samples that came after their time.
        doubled: Samples that had come before.
        skipped: Samples that the client left out by jumping ahead.
    """

    lost: int = 0
    late: int = 0
    doubled: int = 0
    skipped: int = 0


@dataclass(slots=True)
class Timeline:
    """What a client sends, by position; positions do not wrap.

    Args:
        rate: Samples a second.
        hold_s: How far ahead of what was taken samples are held.
        taken: First sample that was not taken.
    """

    rate: int
    hold_s: float = 16.0
    taken: int = 0
    end: int = 0
    counts: Counts = field(default_factory=Counts)
    _wav: Samples = field(init=False)
    _is_here: np.ndarray[tuple[int], np.dtype[np.bool_]] = field(init=False)
    _past: Samples = field(init=False)

    def __post_init__(self) -> None:
        size = int(self.rate * self.hold_s)
        self._wav, self._is_here = np.zeros(size, np.float32), np.zeros(size, np.bool_)
        self._past = np.zeros(int(self.rate * FADE_S), np.float32)

    def place(self, position: int, samples: Samples) -> bool:
        """Put samples [N] where they belong.

        Returns:
            Whether they fit; too far ahead, nothing is done.
        """
        last = position + len(samples)
        if last > self.taken + len(self._wav):
            return False
        first = max(position, self.taken)
        self.counts.late += min(max(first - position, 0), len(samples))
        if first >= last:
            return True
        at = np.arange(first, last) % len(self._wav)
        self.counts.doubled += int(self._is_here[at].sum())
        self._wav[at], self._is_here[at] = samples[first - position :], True
        self.end = max(self.end, last)
        return True

    def holds(self, count: int) -> bool:
        """Whether the next ``count`` samples are here without a hole."""
        if self.end - self.taken < count:
            return False
        return bool(self._is_here[np.arange(self.taken, self.taken + count) % len(self._wav)].all())

    def take(self, count: int) -> tuple[Samples, int]:
        """The next ``count`` samples, holes concealed, and how many those are."""
        if count <= 0:
            return NOTHING, 0
        at = np.arange(self.taken, self.taken + count) % len(self._wav)
        wav, here = self._wav[at], self._is_here[at].copy()
        self._is_here[at] = False
        self.taken += count
        self.end = max(self.end, self.taken)
        missing = count - int(here.sum())
        self.counts.lost += missing
        if missing:
            wav = conceal(wav, here, self._past)
        self._past = np.concatenate([self._past, wav])[-len(self._past) :]
        return wav, missing

    def skip(self, count: int) -> None:
        """Leave ``count`` samples out, and count them."""
        self.pass_over(count)
        self.counts.skipped += count

    def pass_over(self, count: int) -> None:
        """Go on as if ``count`` samples had been taken: nobody wanted them."""
        last = self.taken + min(count, len(self._wav))
        self._is_here[np.arange(self.taken, last) % len(self._wav)] = False
        self.taken += count
        self.end = max(self.end, self.taken)


def conceal(
    wav: Samples, here: np.ndarray[tuple[int], np.dtype[np.bool_]], past: Samples
) -> Samples:
    """Fill holes with the mirrored past, fading out: no click that a beat tracker would hear.

    Args:
        wav: [N]; what stands in the holes does not matter.
        here: Where samples are known, [N].
        past: What came before, [M]; the longest piece that is mirrored.
    """
    fade = np.linspace(1, 0, len(past), dtype=np.float32)
    heard = np.concatenate([past, np.where(here, wav, 0)])
    edges = np.flatnonzero(np.diff(np.concatenate([[True], here, [True]]).astype(np.int8)))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        count = min(last - first, len(past))
        begin = len(past) + first
        mirrored = heard[begin - count : begin][::-1]
        heard[begin : begin + count] = mirrored * fade[:count]
    whole: Samples = heard[len(past) :]
    return whole
