"""How a stream is going: times, levels and tempo, as views and benches show them."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from accomptk.streaming.beat_sources import BeatSource

KEPT = 256
"""Steps that the figures are taken from."""


@dataclass(slots=True)
class Figures:
    """How it is going; times in ms."""

    step_ms: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    latency_ms: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    terms_ms: deque[dict[str, float]] = field(default_factory=lambda: deque(maxlen=KEPT))
    chunks: int = 0
    late: int = 0
    leaps: int = 0
    rtf: float = 0.0
    in_db: float = -120.0
    out_db: tuple[float, ...] = ()
    bpm: float = 0.0
    confidence: float = 0.0

    def latency(self, quantile: float) -> float:
        """A quantile of the time from the last sample heard to the chunk sent."""
        kept = list(self.latency_ms)
        return float(np.quantile(kept, quantile)) if kept else 0.0

    def hear_tempo(self, beats: BeatSource, heard: int) -> None:
        """Note the tempo that is heard at frame ``heard``."""
        rows = beats.features(heard, heard, heard + 1)[:, 0]
        self.confidence = float(rows[5])
        self.bpm = 120 * 2 ** float(rows[4]) if self.confidence > 0 else 0.0
