"""Offline simulation of a live stream: files in, the accompaniment as it would be heard out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.diffusion.accompanist import Accompanist, Sampling
from accomptk.latents.codec import Codec
from accomptk.streaming.beat_sources import BeatSource
from accomptk.streaming.engine import Controls, Played, StreamingEngine
from accomptk.streaming.ledger import Ledger, count_misses
from accomptk.window import Window

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a simulated stream gave.

    Args:
        audio: Made audio on the context's timeline, silent where nothing was made, [B, N].
        step_ms: Compute of each step of the whole batch.
        ledger: The same, term by term.
        audio_s: Audio made per stream.
        nfe: Network evaluations per step.
        misses: Late steps of the virtual clock, None for an offline bound.
    """

    audio: Floats
    step_ms: list[float]
    ledger: dict[str, list[float]]
    audio_s: float
    nfe: int
    misses: int | None


@torch.inference_mode()
def simulate(
    model: Accompanist,
    codec: Codec,
    contexts: Floats,
    instruments: Sequence[str],
    window: Window,
    *,
    beats: Sequence[BeatSource],
    prompts: Sequence[str | None] | None = None,
    sampling: Sampling | None = None,
    seeds: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
) -> Simulation:
    """Push contexts hop by hop through the engine and lay its chunks on the timeline.

    Args:
        model: What plays.
        codec: Its codec.
        contexts: Context audio at the codec's rate, [Bc, N].
        instruments: One a stream, [B]; B is a multiple of Bc, streams grouped by context.
        window: Hop and gap.
        beats: One source a context.
        prompts: One a stream, None for none.
        sampling: Steps and guidance, None for the model's own.
        seeds: One a stream.
        progress: Called with frames done and frames in all.

    Returns:
        Audio as long as the contexts.
    """
    size, length = codec.frame_samples, contexts.shape[1]
    controls = Controls(
        window, tuple(instruments), tuple(prompts or [None] * len(instruments)), sampling
    )
    ledger = Ledger()
    engine = StreamingEngine(model, codec, controls, beats, seeds, ledger.timed)
    frames = -(-length // size)
    wav = torch.zeros(contexts.shape[0], frames * size)
    wav[:, :length] = torch.from_numpy(contexts)
    audio = np.zeros((len(instruments), length), np.float32)
    made_s = 0.0
    for first in range(0, frames, window.hop):
        hop = wav[:, first * size : (first + window.hop) * size]
        for played in engine.push(hop):
            lay(audio, played)
            made_s += played.wav.shape[1] / codec.sample_rate
            ledger.close_step()
        if progress:
            progress(min(first + window.hop, frames), frames)
    rate_ms = 1000 / codec.sample_rate
    misses = count_misses(
        ledger.step_ms(),
        window.hop * size * rate_ms,
        window.gap * size * rate_ms,
        (codec.encode_delay + codec.decode_delay) * rate_ms,
    )
    chosen = sampling or model.sampling
    return Simulation(
        audio, ledger.step_ms(), ledger.terms(), made_s, model.evaluations(chosen), misses
    )


def lay(audio: Floats, played: Played) -> None:
    """Put a chunk [B, n] in its place on the timeline [B, N]; what lies outside is cut."""
    first = max(played.first_sample, 0)
    last = min(played.first_sample + played.wav.shape[1], audio.shape[1])
    if last > first:
        part = played.wav[:, first - played.first_sample : last - played.first_sample]
        audio[:, first:last] = part.numpy()
