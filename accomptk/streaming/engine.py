"""The streaming engine: context audio in, chunks of accompaniment out.

It is pure: no clock, no socket, no global. The same pushes and controls give the same chunks,
and its whole state can be copied out and put back.
"""

import copy
import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accomptk.conditions.controls import CONTROLS, control_rows
from accomptk.conditions.harmony import heard_harmony
from accomptk.diffusion.accompanist import Accompanist, Sampling
from accomptk.diffusion.transformer import Conditions
from accomptk.errors import StreamError
from accomptk.latents.chroma import ChromaListener
from accomptk.latents.codec import Codec, check_space
from accomptk.run import generator
from accomptk.stems.instruments import INSTRUMENTS
from accomptk.streaming.beat_sources import BeatSource
from accomptk.window import Chunk, Window

Floats = NDArray[np.float32]

FADE_SAMPLES = 882
"""20 ms, in which a stream that is switched on or off comes and goes."""

HOTTEST = 2.0

Timed = Callable[[str], AbstractContextManager[Any]]
"""timed(term) measures what runs inside it; the engine itself has no clock."""


@dataclass(frozen=True, slots=True)
class Controls:
    """What may change at any chunk.

    Args:
        window: Hop and gap.
        instruments: Instrument of each stream; as many as the stream was opened with.
        prompts: Prompt of each stream, None for none.
        sampling: Steps and guidance; None for the model's own.
        listen: Whether the context is heard; a stream that does not listen plays by prompt alone.
        prompts_b: Prompts that ``mix`` goes to, one a stream; empty for none.
        mix: 0 for ``prompts``, 1 for ``prompts_b``, between them a mixture.
        energy: Level, -1 to 1 where 0 is usual; None leaves it to the model. Likewise the next.
        density: Onsets a second.
        brightness: Spectral centroid.
        tension: Roughness.
        temperature: Scale of the first noise, times the model's own.
        playing: Whether each stream is heard; empty for all. One that is not plays on unheard,
            so that it comes back in its place.
    """

    window: Window
    instruments: tuple[str, ...]
    prompts: tuple[str | None, ...]
    sampling: Sampling | None = None
    listen: bool = True
    prompts_b: tuple[str | None, ...] = ()
    mix: float = 0.0
    energy: float | None = None
    density: float | None = None
    brightness: float | None = None
    tension: float | None = None
    temperature: float = 1.0
    playing: tuple[bool, ...] = ()

    @property
    def turned(self) -> dict[str, float]:
        """The controls that are given, by name."""
        values = {name: getattr(self, name) for name in CONTROLS}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Played:
    """One chunk as heard.

    Args:
        chunk: Its frames.
        first_sample: Where ``wav`` begins on the context's timeline; may be negative.
        wav: Audio, [B, N].
        latents: What it was decoded from, [B, C, hop].
    """

    chunk: Chunk
    first_sample: int
    wav: Tensor
    latents: Tensor


@dataclass(slots=True)
class Stream:
    """Everything that changes while a stream runs."""

    controls: Controls
    memory: Any
    encoder: Any
    decoder: Any
    beats: list[BeatSource]
    chroma: list[ChromaListener]
    gains: Tensor
    heard: int = 0
    next_step: int = 0
    made: int | None = None


class StreamingEngine:
    """Plays along with ``contexts`` simultaneous contexts, the same instruments for each.

    Args:
        model: What plays.
        codec: The codec that the model was trained on.
        controls: Initial controls; streams are grouped by context: with 2 contexts and
            instruments (a, b, a, b) the first two play with the first context.
        beats: One source a context.
        seeds: Root of each stream's noise.
        timed: Measures the terms of the latency ledger (encode, beats, towers, sampling,
            decode).

    Raises:
        CodecError: If the model works in another codec's latent space.
        StreamError: If the numbers of contexts and streams do not fit.
    """

    def __init__(
        self,
        model: Accompanist,
        codec: Codec,
        controls: Controls,
        beats: Sequence[BeatSource],
        seeds: Sequence[int],
        timed: Timed = lambda term: nullcontext(),
    ) -> None:
        check_space(f"model '{model.name}'", model.space, codec.space)
        self.model, self.codec, self.timed = model, codec, timed
        self.contexts, self.seeds = len(beats), tuple(seeds)
        self.stream = Stream(
            controls=controls,
            memory=model.open(),
            encoder=codec.encode_state(self.contexts),
            decoder=codec.decode_state(len(seeds)),
            beats=list(beats),
            chroma=[ChromaListener(codec.frame_samples) for _ in beats],
            gains=torch.ones(len(seeds)),
            next_step=controls.window.hop,
        )
        self._check(controls)

    def control(self, **changes: Any) -> None:
        """Change any field of ``Controls`` from the next chunk on.

        Raises:
            StreamError: If the change does not fit the stream; nothing is changed then.
        """
        controls = replace(self.stream.controls, **changes)
        self._check(controls)
        self.stream.controls = controls

    def push(self, wav: Tensor) -> list[Played]:
        """Hear context audio and make what is due.

        Args:
            wav: The samples that follow those pushed before, [contexts, N], N a whole number of
                frames.

        Returns:
            The chunks that became due, in order.

        Raises:
            StreamError: If the audio is not whole frames or not one row a context.
        """
        size = self.codec.frame_samples
        if wav.dim() != 2 or wav.shape[0] != self.contexts or wav.shape[1] % size:
            raise StreamError(
                f"push: got audio of shape {tuple(wav.shape)}; wanted is [{self.contexts}, n x "
                f"{size}] samples; pad or cut it to whole frames"
            )
        played = []
        for block in self._until_due(wav):
            # A copy of its own: kernels round by where a slice lies in memory.
            self._hear(block.clone())
            if self.stream.heard == self.stream.next_step:
                self.stream.next_step += self.stream.controls.window.hop
                played += self._step()
        return played

    def save(self) -> Stream:
        """A copy of the whole state; continuing from it gives the same bytes."""
        return copy.deepcopy(self.stream)

    def restore(self, stream: Stream) -> None:
        """Go on from a state that ``save`` returned."""
        self.stream = copy.deepcopy(stream)

    def _until_due(self, wav: Tensor) -> list[Tensor]:
        """Cut audio where steps become due, so that no chunk hears past its time."""
        size, hop = self.codec.frame_samples, self.stream.controls.window.hop
        due = self.stream.next_step - self.stream.heard
        edges = [0, *range(due * size, wav.shape[1], hop * size), wav.shape[1]]
        return [wav[:, a:b] for a, b in itertools.pairwise(edges) if b > a]

    def _hear(self, wav: Tensor) -> None:
        with self.timed("encode"):
            latents = self.codec.encode_next(wav.unsqueeze(1), self.stream.encoder)
        with self.timed("beats"):
            listeners = zip(self.stream.beats, self.stream.chroma, strict=True)
            for (beats, chroma), heard in zip(listeners, wav.detach().numpy(), strict=True):
                beats.hear(heard)
                chroma.hear(heard)
        with self.timed("towers"):
            self.model.hear(self.stream.memory, latents)
        self.stream.heard += latents.shape[2]

    def _step(self) -> list[Played]:
        """Make the chunk that is due; an empty one when enough was made already."""
        stream, controls = self.stream, self.stream.controls
        chunk = controls.window.chunk(stream.heard, stream.made)
        if chunk.hop == 0:
            return []
        with self.timed("beats"):
            conditions = self._conditions(chunk)
        generators = [generator(seed, "chunk", chunk.start) for seed in self.seeds]
        with self.timed("sampling"):
            latents = self.model.play(
                stream.memory,
                chunk if controls.listen else Chunk(0, chunk.start, chunk.end),
                conditions,
                generators,
                replace(controls.sampling or self.model.sampling, temperature=controls.temperature),
            )
        with self.timed("decode"):
            wav = self._fade(self.codec.decode_next(latents, stream.decoder)[:, 0])
        stream.made = chunk.end
        first = chunk.start * self.codec.frame_samples - self.codec.decode_delay
        return [Played(chunk, first, wav, latents)]

    def _fade(self, wav: Tensor) -> Tensor:
        """Fade streams in and out that were switched, at the chunk's start; wav [B, N]."""
        before = self.stream.gains
        after = torch.tensor(self.stream.controls.playing or [True] * len(before)).to(wav)
        self.stream.gains = after
        if bool((before == 1).all()) and bool((after == 1).all()):
            return wav
        fade = torch.linspace(0, 1, min(FADE_SAMPLES, wav.shape[1]))
        gains = after[:, None].repeat(1, wav.shape[1])
        gains[:, : len(fade)] = torch.lerp(before[:, None], after[:, None], fade)
        return wav * gains

    def _conditions(self, chunk: Chunk) -> Conditions:
        controls, streams = self.stream.controls, len(self.seeds)
        rows = [
            source.features(chunk.heard, chunk.start, chunk.end) for source in self.stream.beats
        ]
        heard = [
            heard_harmony(listener, chunk, beats)
            for listener, beats in zip(self.stream.chroma, rows, strict=True)
        ]
        beats, harmony = (
            torch.from_numpy(np.stack(part)).repeat_interleave(streams // self.contexts, 0)
            for part in (rows, heard)
        )
        which = torch.tensor([INSTRUMENTS.index(name) for name in controls.instruments])
        prompts = self.model.vocabulary.vectors(controls.prompts)
        sounds = self._sounds(controls.prompts)
        if controls.prompts_b:
            other = self.model.vocabulary.vectors(controls.prompts_b)
            prompts = (1 - controls.mix) * prompts + controls.mix * other
            sounds = (1 - controls.mix) * sounds + controls.mix * self._sounds(controls.prompts_b)
        turned = torch.from_numpy(control_rows(controls.turned, chunk.hop))
        steering = turned.expand(streams, -1, -1)
        asked, told = torch.from_numpy(prompts), torch.from_numpy(sounds)
        return Conditions(which, asked, beats, harmony, steering, told)

    def _sounds(self, prompts: Sequence[str | None]) -> Floats:
        instruments = self.stream.controls.instruments
        return self.model.sounds.choices(instruments, prompts, self.seeds)

    def _check(self, controls: Controls) -> None:
        streams = len(self.seeds)
        unknown = [name for name in controls.instruments if name not in INSTRUMENTS]
        if unknown:
            raise StreamError(
                f"instrument '{unknown[0]}': not one that a model plays; "
                f"choose of {', '.join(INSTRUMENTS)}"
            )
        if len(controls.prompts_b) not in (0, streams):
            raise StreamError(
                f"{len(controls.prompts_b)} second prompts for {streams} streams; give one of each "
                "a stream, or none"
            )
        if not len(controls.instruments) == len(controls.prompts) == streams:
            raise StreamError(
                f"{len(controls.instruments)} instruments and {len(controls.prompts)} prompts for "
                f"{streams} streams; give one of each a stream"
            )
        if len(controls.playing) not in (0, streams):
            raise StreamError(
                f"playing: {len(controls.playing)} switches for {streams} streams; give one of "
                "each a stream, or none"
            )
        control_rows(controls.turned, 1)
        if not (0 <= controls.mix <= 1 and 0 <= controls.temperature <= HOTTEST):
            raise StreamError(
                f"mix {controls.mix:g}, temperature {controls.temperature:g}: mix is 0 to 1, "
                f"temperature 0 to {HOTTEST:g}; give such numbers"
            )
        if self.contexts == 0 or streams % self.contexts:
            raise StreamError(
                f"{streams} streams for {self.contexts} contexts; each context needs as many"
            )
        if controls.window.frames != self.model.frames:
            raise StreamError(
                f"window.frames = {controls.window.frames}: model '{self.model.name}' reaches "
                f"{self.model.frames} frames; use that"
            )
