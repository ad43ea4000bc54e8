"""Batches of the multitrack wire: chunks of one hop put together, or given up for lost."""

from dataclasses import dataclass, field

import numpy as np

from accomptk.live.packets import NOTHING, Samples
from accomptk.live.timeline import conceal

WATCHDOG = 5.0
FIRST_GAP_S = 0.05
"""Between two chunks, before it was measured."""
PAST_SAMPLES = 882


@dataclass(slots=True)
class Batch:
    """One hop of audio as it comes.

    Args:
        number: The client's batch_id.
        hop: Samples that it will have.
        total: Chunks that it will have.
    """

    number: int
    hop: int
    total: int
    wav: Samples = field(init=False)
    is_here: np.ndarray[tuple[int], np.dtype[np.bool_]] = field(init=False)
    starts: set[int] = field(default_factory=set)
    first_s: float = 0.0
    last_s: float = 0.0

    def __post_init__(self) -> None:
        self.wav = np.zeros(self.hop, np.float32)
        self.is_here = np.zeros(self.hop, np.bool_)

    def add(self, start: int, samples: Samples, at_s: float) -> bool:
        """Put a chunk in its place; whether it is new and fits."""
        if start in self.starts or not 0 <= start < self.hop or start + len(samples) > self.hop:
            return False
        if not self.starts:
            self.first_s = at_s
        self.starts.add(start)
        self.last_s = at_s
        self.wav[start : start + len(samples)] = samples
        self.is_here[start : start + len(samples)] = True
        return True

    @property
    def is_whole(self) -> bool:
        """Whether all chunks came."""
        return len(self.starts) >= self.total

    def is_overdue(self, now_s: float) -> bool:
        """Whether what is missing will not come: nothing came for five mean gaps."""
        count = len(self.starts)
        mean_s = (self.last_s - self.first_s) / (count - 1) if count > 2 else FIRST_GAP_S
        return count > 0 and now_s - self.last_s > WATCHDOG * max(mean_s, 0.001)

    def concealed(self, past: Samples = NOTHING) -> Samples:
        """The hop [N], holes filled from the past."""
        if self.is_here.all():
            return self.wav
        before = np.concatenate([np.zeros(PAST_SAMPLES, np.float32), past])[-PAST_SAMPLES:]
        return conceal(self.wav, self.is_here, before)
