"""When chunks are ready and which input arrives: latency models on a virtual clock, or real time.

A chunk keeps its own place on the timeline: what is late of it is lost, the rest is faded in.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import RecipeError
from accomptk.run import numpy_generator

Floats = NDArray[np.float32]
Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Latency:
    """From the moment a hop was heard to the moment its chunk is there.

    Args:
        compute_ms: Compute of every step; None takes what was measured.
        jitter_ms: Mean of an exponentially distributed delay of the transport on top.
    """

    compute_ms: float | None = None
    jitter_ms: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read ``none``, ``measured``, ``250ms`` or either of the last two ``+40ms`` of jitter.

        Raises:
            RecipeError: If the text is none of these.
        """
        if text == "none":
            return None
        compute, _, jitter = text.partition("+")
        return cls(
            None if compute == "measured" else _read_ms(text, compute),
            _read_ms(text, jitter) if jitter else 0.0,
        )


class Clock(Protocol):
    """Says when the chunks of the streams of a batch are ready."""

    def wait(self, heard_ms: float) -> None:
        """Return when the context up to ``heard_ms`` is there."""
        ...

    def ready_ms(self, heard_ms: float, compute_ms: float) -> Times:
        """When a chunk is there that was computed after hearing ``heard_ms``, [B]."""
        ...


class VirtualClock:
    """Time that passes as a latency model says; a step waits for the one before it.

    Args:
        latency: The model.
        seeds: One a stream; its delays do not depend on the other streams.
    """

    def __init__(self, latency: Latency, seeds: Sequence[int]) -> None:
        self.latency = latency
        self.draws = [numpy_generator(seed, "latency") for seed in seeds]
        self.free_ms = 0.0

    def wait(self, heard_ms: float) -> None:
        """Virtual time needs no waiting."""

    def ready_ms(self, heard_ms: float, compute_ms: float) -> Times:
        """When the chunk is there, [B]."""
        fixed_ms = self.latency.compute_ms
        self.free_ms = max(heard_ms, self.free_ms) + (compute_ms if fixed_ms is None else fixed_ms)
        late_ms = [rng.exponential(self.latency.jitter_ms) for rng in self.draws]
        return self.free_ms + np.array(late_ms)


class RealClock:
    """The time of this machine: a stream of 30 s takes 30 s.

    Args:
        streams: Streams of the batch.
    """

    def __init__(self, streams: int) -> None:
        self.streams = streams
        self.began_s = time.monotonic()

    def wait(self, heard_ms: float) -> None:
        """Sleep until a live input would have delivered that much."""
        time.sleep(max(0.0, heard_ms / 1000 - (time.monotonic() - self.began_s)))

    def ready_ms(self, heard_ms: float, compute_ms: float) -> Times:
        """Now, [B]."""
        return np.full(self.streams, 1000 * (time.monotonic() - self.began_s))


def make_clock(kind: str, latency: Latency | None, seeds: Sequence[int]) -> Clock | None:
    """The clock of a batch; None where every chunk is taken to be in time.

    Args:
        kind: ``virtual`` or ``real``.
        latency: Model of the virtual clock.
        seeds: One a stream.

    Raises:
        RecipeError: If a latency model is given for the real clock.
    """
    if kind == "real":
        if latency is not None:
            raise RecipeError("--clock real: has its own latency; leave --latency out")
        return RealClock(len(seeds))
    return None if latency is None else VirtualClock(latency, seeds)


def lose(contexts: Floats, share: float, frame_samples: int, seeds: Sequence[int]) -> Floats:
    """Contexts [B, N] in which a share of the frames never arrived: silence is heard there."""
    if share == 0:
        return contexts
    frames = -(-contexts.shape[1] // frame_samples)
    rows = [numpy_generator(seed, "loss").random(frames) >= share for seed in seeds]
    arrived = np.repeat(np.stack(rows), frame_samples, axis=1)[:, : contexts.shape[1]]
    return contexts * arrived.astype(np.float32)


def _read_ms(whole: str, text: str) -> float:
    try:
        value = float(text.removesuffix("ms")) if text.endswith("ms") else float("nan")
    except ValueError:
        value = float("nan")
    if not value >= 0:
        raise RecipeError(
            f"latency '{whole}': not a latency model; give none, measured, 250ms, or one of the "
            "last two with jitter (250ms+40ms)"
        )
    return value
