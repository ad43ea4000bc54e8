"""One performance: an engine whose players may come and go, on one timeline of frames.

No clock and no socket: the same blocks and changes give the same bytes, live and replayed.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.diffusion.accompanist import Accompanist, Sampling
from accomptk.latents.codec import Codec
from accomptk.live.packets import Samples
from accomptk.live.setup import Setup
from accomptk.live.steady import SteadyBeats
from accomptk.streaming.beat_sources import BeatSource, NoBeats, tracker
from accomptk.streaming.engine import Played, StreamingEngine, Timed
from accomptk.streaming.models import sampling_of
from accomptk.window import Window


@dataclass(frozen=True, slots=True)
class Made:
    """A chunk on the performance's timeline.

    Args:
        first_sample: Where it begins, at the codec's rate; may be negative.
        wav: Audio, [stems, N].
        stems: What plays.
        is_fresh: Whether it begins anew rather than going on from the chunk before.
    """

    first_sample: int
    wav: Samples
    stems: tuple[str, ...]
    is_fresh: bool


class Performance:
    """Plays along to one context.

    Args:
        model: What plays.
        codec: Its codec.
        setup: How it begins.
        seed: Root of its random numbers.
        open_tracker: Gives a beat tracker that has heard nothing.
        timed: Measures the terms of the ledger.
    """

    def __init__(
        self,
        model: Accompanist,
        codec: Codec,
        setup: Setup,
        seed: int = 0,
        open_tracker: Callable[[], BeatSource] = tracker,
        timed: Timed = lambda term: nullcontext(),
    ) -> None:
        self.model, self.codec, self.seed = model, codec, seed
        self.open_tracker, self.timed = open_tracker, timed
        self.setup = setup
        self.origin = self.frames = 0
        self.is_fresh = True
        self._recent = np.zeros(model.frames * codec.frame_samples, np.float32)
        self.engine = self._open(setup)

    @property
    def due_frames(self) -> int:
        """Frames to hear until the next chunk is made."""
        return self.engine.stream.next_step - self.engine.stream.heard

    @property
    def made_frames(self) -> int | None:
        """End of what was made, on this timeline."""
        made = self.engine.stream.made
        return None if made is None else made + self.origin

    def change(self, **fields: Any) -> None:
        """Change fields of the setup from the next chunk on.

        Raises:
            AccomptkError: If they cannot be; nothing is changed then.
        """
        setup = replace(self.setup, **fields)
        controls = setup.controls(self.model.frames, self._sampling(setup))
        if len(setup.instruments) == len(self.setup.instruments):
            names = controls.__dataclass_fields__
            self.engine.control(**{name: getattr(controls, name) for name in names})
            if (setup.beats, setup.grid) != (self.setup.beats, self.setup.grid):
                self.engine.stream.beats = [self._beats(setup, self.origin)]
            self.setup = setup
        else:
            self._recast(setup)

    def aim(self, frames: int, start: int, end: int) -> None:
        """Say when the next chunk is made and how far it reaches.

        Args:
            frames: It is made when so many more are heard.
            start: Frame that it begins with, where nothing was made before.
            end: Frame after its last.

        Raises:
            AccomptkError: If the model's window does not reach so far.
        """
        stream = self.engine.stream
        heard = stream.heard + frames
        last = end - self.origin
        first = start - self.origin if stream.made is None else stream.made
        hop = max(last - first, 1)
        self.engine.control(
            window=Window(frames=self.model.frames, hop=hop, gap=last - heard - hop)
        )
        stream.next_step = heard

    @torch.inference_mode()
    def hear(self, wav: Samples) -> list[Made]:
        """Hear whole frames of context [N] and make what is due."""
        self.frames += len(wav) // self.codec.frame_samples
        self._remember(wav)
        return [self._made(played) for played in self.engine.push(torch.from_numpy(wav)[None])]

    def leap(self, wav: Samples, skipped: int = 0) -> None:
        """Let time pass without making anything, and begin anew.

        Args:
            wav: What was heard meanwhile, whole frames, [N].
            skipped: Frames after it of which nothing is known.
        """
        self.frames += skipped + len(wav) // self.codec.frame_samples
        self._remember(wav)
        self._remember(np.zeros(min(skipped, self.model.frames) * self.codec.frame_samples))
        self._recast(self.setup, keep_place=False)

    def _made(self, played: Played) -> Made:
        offset = self.origin * self.codec.frame_samples
        fresh, self.is_fresh = self.is_fresh, False
        wav = played.wav.numpy().astype(np.float32)
        return Made(played.first_sample + offset, wav, self.setup.instruments, fresh)

    def _remember(self, wav: NDArray[np.floating[Any]]) -> None:
        recent = np.concatenate([self._recent, wav])[-len(self._recent) :]
        self._recent = recent.astype(np.float32)

    @torch.inference_mode()
    def _recast(self, setup: Setup, keep_place: bool = True) -> None:
        """Open another engine that hears the last window again and goes on from there."""
        due, made = self.due_frames, self.made_frames
        heard = min(self.frames, self.model.frames)
        origin = self.frames - heard
        engine = self._open(setup, origin)
        if keep_place:
            engine.stream.next_step = heard + due
            engine.stream.made = None if made is None else made - origin
        else:
            engine.stream.next_step = heard + setup.hop
        if heard:
            wav = self._recent[-heard * self.codec.frame_samples :]
            engine.push(torch.from_numpy(wav.copy())[None])
        self.engine, self.setup, self.origin, self.is_fresh = engine, setup, origin, True

    def _open(self, setup: Setup, origin: int = 0) -> StreamingEngine:
        controls = setup.controls(self.model.frames, self._sampling(setup))
        seeds = [self.seed + index for index in range(len(setup.instruments))]
        beats = [self._beats(setup, origin)]
        return StreamingEngine(self.model, self.codec, controls, beats, seeds, self.timed)

    def _sampling(self, setup: Setup) -> Sampling:
        return sampling_of(self.model, setup.steps or None)

    def _beats(self, setup: Setup, origin: int) -> BeatSource:
        if setup.beats == "tracker":
            return self.open_tracker()
        if setup.beats == "given" and setup.grid is not None:
            at_s, bpm, beat, meter = setup.grid
            frame_s = self.codec.frame_samples / self.codec.sample_rate
            return SteadyBeats(at_s - origin * frame_s, bpm, beat, meter)
        return NoBeats()
