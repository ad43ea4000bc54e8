"""Simulation of a live stream: files in, the accompaniment as it would be heard out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.diffusion.accompanist import Accompanist, Sampling
from accomptk.latents.codec import Codec
from accomptk.streaming.beat_sources import BeatSource
from accomptk.streaming.engine import Controls, Played, StreamingEngine
from accomptk.streaming.latency import Clock
from accomptk.streaming.ledger import Ledger, late_steps
from accomptk.window import Window

Floats = NDArray[np.float32]
Indices = NDArray[np.int_]

FADE_S = 0.01  # of what is left of a late chunk


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a simulated stream gave.

    Args:
        audio: Made audio on the context's timeline, silent where nothing was made, [B, N].
        step_ms: Compute of each step of the whole batch.
        ledger: The same, term by term.
        audio_s: Audio made per stream.
        nfe: Network evaluations per step.
        late: Share of the streams whose chunk came late, a step each; None where the gap leaves
            no time at all, which is an offline bound.
    """

    audio: Floats
    step_ms: list[float]
    ledger: dict[str, list[float]]
    audio_s: float
    nfe: int
    late: list[float] | None

    @property
    def misses(self) -> int | None:
        """Steps in which any chunk came late; None for an offline bound."""
        return None if self.late is None else sum(share > 0 for share in self.late)


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
    clock: Clock | None = None,
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
        clock: Says when chunks are ready; what is late of them is not heard. None lets all of
            them be in time, and counts those that this machine would have been late with.
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
    made_s, late, frame_ms = 0.0, [], 1000 * size / codec.sample_rate
    has_deadline = window.gap > 0
    for first in range(0, frames, window.hop):
        heard_ms = min(first + window.hop, frames) * frame_ms
        if clock is not None:
            clock.wait(heard_ms)
        for played in engine.push(wav[:, first * size : (first + window.hop) * size]):
            ledger.close_step()
            made_s += played.wav.shape[1] / codec.sample_rate
            ready = None
            if clock is not None and has_deadline:
                ready_ms = clock.ready_ms(heard_ms, ledger.step_ms()[-1])
                ready = np.ceil(ready_ms / 1000 * codec.sample_rate).astype(int)
                late.append(float(np.mean(ready > played.first_sample)))
            lay(audio, played, ready, round(FADE_S * codec.sample_rate))
        if progress:
            progress(min(first + window.hop, frames), frames)
    if clock is None and has_deadline:
        delay_ms = (codec.encode_delay + codec.decode_delay) / codec.sample_rate * 1000
        late = late_steps(ledger.step_ms(), window.hop * frame_ms, window.gap * frame_ms - delay_ms)
    evaluations = model.evaluations(sampling or model.sampling)
    return Simulation(
        audio,
        ledger.step_ms(),
        ledger.terms(),
        made_s,
        evaluations,
        late if has_deadline else None,
    )


def lay(audio: Floats, played: Played, ready: Indices | None = None, fade: int = 1) -> None:
    """Put a chunk [B, n] in its place on the timeline [B, N]; what lies outside is cut.

    Args:
        audio: The timeline.
        played: The chunk.
        ready: Sample of the timeline from which each stream can be heard, [B]; None for all.
        fade: Samples in which a late stream is faded in.
    """
    first = max(played.first_sample, 0)
    last = min(played.first_sample + played.wav.shape[1], audio.shape[1])
    if last <= first:
        return
    part = played.wav[:, first - played.first_sample : last - played.first_sample].numpy()
    if ready is not None:
        since = np.arange(first, last) - ready[:, None]
        gain = np.clip((since + 1) / fade, 0, 1) * (since >= 0)
        part = part * np.where(ready[:, None] <= first, 1, gain).astype(np.float32)
    audio[:, first:last] = part
