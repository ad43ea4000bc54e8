"""Where a tracker hears the beat in a stem, and how that agrees with where it is.

Conventions: beats are ascending times in seconds. The judge is one of BeatNet's three networks
with madmom's offline dynamic Bayesian network; the tracker that a model listens with has the
two others, so a model is never judged by its own ears.

Metrics: F-measure within 70 ms (mir_eval.beat), and the shares of beats in a correctly tracked
passage at the tempo given (CMLt) or at any of its octaves and offbeats (AMLt).
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from accomptk.weights.beatnet import BeatNet

Floats = NDArray[np.floating[Any]]

JUDGE_NETWORK = 2  # 1 hears stems better, but only 1 lets a tracker count bars
JUDGE = f"BeatNet {JUDGE_NETWORK}, scaled, with madmom's DBN"
EARS = (f"BeatNet {JUDGE_NETWORK}",)
WINDOW_S = 0.07
SILENCE_DB = -70.0
LONGEST_S = 30_000.0
LEAST_PEAK = 0.1  # of the activations; weaker ones are not made louder
UNLIKELY = 1e-6  # keeps the DBN's logarithms finite


def validate(reference: Floats, estimated: Floats) -> None:
    """Refuse what are not beat times.

    Raises:
        ValueError: If either is not one-dimensional, ascending, finite and below 30,000 s.
    """
    for name, beats in (("reference", reference), ("estimated", estimated)):
        if beats.ndim != 1:
            raise ValueError(f"{name} beats: shape is {beats.shape}, must be [n]")
        if not np.isfinite(beats).all():
            raise ValueError(f"{name} beats: not all are numbers; give seconds")
        if np.any(np.diff(beats) < 0):
            raise ValueError(f"{name} beats: not ascending; sort them")
        if beats.size and np.abs(beats).max() > LONGEST_S:
            raise ValueError(f"{name} beats: up to {np.abs(beats).max():.0f}; give seconds")


def beat_f1(reference: Floats, estimated: Floats, *, start_s: float = 0.0) -> float:
    """F-measure of matched beats within 70 ms; 0 when either is empty.

    Args:
        reference: Beats in seconds, [n].
        estimated: Beats in seconds, [m].
        start_s: Beats before this time are left out, on both sides; nothing else is trimmed.
    """
    from mir_eval.beat import f_measure

    validate(reference, estimated)
    reference, estimated = _trim(reference, start_s), _trim(estimated, start_s)
    if reference.size == 0 or estimated.size == 0:
        return 0.0
    return float(f_measure(reference, estimated, WINDOW_S))


def beat_continuity(
    reference: Floats, estimated: Floats, *, start_s: float = 0.0
) -> tuple[float, float]:
    """CMLt and AMLt of mir_eval; 0 when either side has fewer than two beats.

    Args:
        reference: Beats in seconds, [n].
        estimated: Beats in seconds, [m].
        start_s: Beats before this time are left out, on both sides.
    """
    from mir_eval.beat import continuity

    validate(reference, estimated)
    reference, estimated = _trim(reference, start_s), _trim(estimated, start_s)
    if reference.size < 2 or estimated.size < 2:
        return 0.0, 0.0
    _, correct, _, any_level = continuity(reference, estimated)
    return float(correct), float(any_level)


def judge_beats(wav: Floats, sample_rate: int) -> Floats:
    """Beats that the judge hears in a stem or a mix.

    Args:
        wav: Mono, [N].
        sample_rate: In Hz.

    Returns:
        Beats in seconds, [n]; none in silence.

    Raises:
        MissingTool: If BeatNet's weights were not fetched.
    """
    from accomptk.metrics.onset import level_db

    if level_db(wav) < SILENCE_DB:
        return np.zeros(0)
    found: Floats = _tracker()(_activations(wav, sample_rate, load_judge()))
    return found[:, 0]


@lru_cache(maxsize=1)
def load_judge() -> "BeatNet":
    """The judge's network.

    Raises:
        MissingTool: If BeatNet's weights were not fetched.
    """
    from accomptk.weights import registry
    from accomptk.weights.beatnet import load_beatnet

    return load_beatnet(registry.path("beatnet"), JUDGE_NETWORK)


def _activations(wav: Floats, sample_rate: int, net: "BeatNet") -> Floats:
    """Probability of any beat in each frame, as bars of one beat have it, [T, 2].

    Single stems excite the network less than the mixes that it learned from, so the largest
    probability is made 1.
    """
    import soxr
    import torch

    from accomptk.weights.beatnet import SAMPLE_RATE, beat_features

    low = soxr.resample(np.asarray(wav, np.float32), sample_rate, SAMPLE_RATE)
    with torch.inference_mode():
        beat, downbeat, _ = net(torch.from_numpy(beat_features(low))[None])[0][0].numpy()
    either = (beat + downbeat) / max(float((beat + downbeat).max(initial=0)), LEAST_PEAK)
    either = np.clip(either, UNLIKELY, 1 - 2 * UNLIKELY)
    return np.stack([np.full_like(either, UNLIKELY), either], axis=1)


@lru_cache(maxsize=1)
def _tracker() -> Any:
    """The DBN with bars of one beat: six times as fast as with bars, and as good at beats."""
    from madmom_infer.features.downbeats import DBNDownBeatTrackingProcessor

    from accomptk.weights.beatnet import FRAMES_PER_SECOND

    return DBNDownBeatTrackingProcessor(beats_per_bar=[1], fps=FRAMES_PER_SECOND)


def _trim(beats: Floats, start_s: float) -> Floats:
    return beats[beats >= start_s]
