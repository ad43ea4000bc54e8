"""What a live stream costs here: one context, several instruments, nothing batched over songs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from accomptk.diffusion.accompanist import Accompanist, Sampling
from accomptk.latents.codec import Codec
from accomptk.run import numpy_generator
from accomptk.streaming.beat_sources import BeatSource, NoBeats
from accomptk.streaming.ledger import TERMS
from accomptk.streaming.simulate import simulate
from accomptk.window import Window

WARM_STEPS = 2


def measure_stream(
    model: Accompanist,
    codec: Codec,
    instruments: Sequence[str],
    window: Window,
    sampling: Sampling | None = None,
    seconds: float = 24.0,
    beats: BeatSource | None = None,
) -> dict[str, Any]:
    """Run one stream of quiet noise and sum up its ledger.

    Args:
        model: What plays.
        codec: Its codec.
        instruments: What it plays at once.
        window: Hop and gap.
        sampling: Steps and guidance.
        seconds: Length of the stream.
        beats: Beat source whose cost counts; None for none.

    Returns:
        ``terms_ms`` and ``step_ms`` with p50, p95, p99 each, ``rtf`` (compute / audio, of all
        instruments together), ``misses``, ``steps``, ``nfe``.
    """
    samples = int(seconds * codec.sample_rate)
    context = 0.05 * numpy_generator(0, "bench").standard_normal((1, samples))
    result = simulate(
        model,
        codec,
        context.astype(np.float32),
        instruments,
        window,
        beats=[beats or NoBeats()],
        sampling=sampling,
        seeds=list(range(len(instruments))),
    )
    hop_ms = 1000 * window.hop * codec.frame_samples / codec.sample_rate
    step_ms = result.step_ms[WARM_STEPS:]
    return {
        "instruments": list(instruments),
        "hop": window.hop,
        "gap": window.gap,
        "nfe": result.nfe,
        "steps": len(step_ms),
        "terms_ms": {term: quantiles(result.ledger[term][WARM_STEPS:]) for term in TERMS},
        "step_ms": quantiles(step_ms),
        "rtf": float(np.mean(step_ms)) / hop_ms,
        "misses": result.misses,
    }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99."""
    return {f"p{q}": float(np.percentile(values, q)) for q in (50, 95, 99)}
