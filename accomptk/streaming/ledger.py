"""The latency ledger: what each term of a step costs, and which deadlines it broke."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

TERMS = ("encode", "beats", "towers", "sampling", "decode")


class Ledger:
    """Wall time of every term of every step, in ms."""

    def __init__(self) -> None:
        self._running: dict[str, float] = defaultdict(float)
        self.steps: list[dict[str, float]] = []

    @contextmanager
    def timed(self, term: str) -> Iterator[None]:
        """Add the time spent inside to a term of the current step."""
        began = time.perf_counter()
        yield
        self._running[term] += 1000 * (time.perf_counter() - began)

    def close_step(self) -> None:
        """End the current step and begin the next."""
        self.steps.append({term: self._running[term] for term in TERMS})
        self._running.clear()

    def step_ms(self) -> list[float]:
        """Sum of all terms, a step each."""
        return [sum(step.values()) for step in self.steps]

    def terms(self) -> dict[str, list[float]]:
        """Every term's times, ms."""
        return {term: [step[term] for step in self.steps] for term in TERMS}


def late_steps(step_ms: list[float], hop_ms: float, allowed_ms: float) -> list[float]:
    """1 for each step that breaks the deadline law: compute <= what the gap leaves, and <= hop.

    Args:
        step_ms: Compute of each step.
        hop_ms: Audio made per step.
        allowed_ms: Gap between what was heard and what is made, less the codec's delays.
    """
    return [float(ms > min(allowed_ms, hop_ms)) for ms in step_ms]
