"""Drives a performance by a client's timeline: when to hear, when to make, what to do when late.

All of it is told the time, so that tests run it on a virtual clock. Two threads use it: one places
audio and asks for changes, the other one calls ``tick``.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np

from accomptk.errors import AccomptkError
from accomptk.live.clock import ClientClock
from accomptk.live.figures import Figures
from accomptk.live.gap import Keeper
from accomptk.live.outlet import Outlet
from accomptk.live.packets import NOTHING, Samples
from accomptk.live.performance import Made, Performance
from accomptk.live.protocol import GONE_S
from accomptk.live.resampling import Resampler
from accomptk.live.setup import Setup
from accomptk.live.takes import Recorder
from accomptk.live.timeline import Timeline, unwrap
from accomptk.stems.audio import rms_db
from accomptk.streaming.ledger import Ledger

GRACE_S = (0.02, 0.25)
"""How long a missing packet is waited for: at least, and at most when packets come unevenly."""
LEAP_S = 1.0
"""Further behind than a hop and this, what was missed is not made up for."""
Tell = Callable[..., None]
"""tell(name, *values) sends a message to the client."""


class Conductor:
    """One stream of one client.

    Args:
        performance: What plays; it has heard nothing.
        ledger: What the performance's engine is timed with.
        rate: The client's sample rate.
        outlet: Where chunks go.
        clock: Where the client is.
        keeper: Chooses hop and gap; None leaves them alone.
        recorder: Writes a take; None for none.
        now: The time in seconds.
        tell: Sends a message to the client.
    """

    def __init__(
        self,
        performance: Performance,
        ledger: Ledger,
        rate: int,
        outlet: Outlet,
        clock: ClientClock,
        keeper: Keeper | None,
        recorder: Recorder | None,
        now: Callable[[], float],
        tell: Tell,
    ) -> None:
        self.performance, self.ledger, self.rate = performance, ledger, rate
        self.outlet, self.clock, self.keeper, self.recorder = outlet, clock, keeper, recorder
        self.now, self.tell = now, tell
        self.codec = performance.codec
        self.wanted = performance.setup
        self.timeline, self.figures = Timeline(rate), Figures()
        self.is_playing = self.was_playing = False
        self.runs_alone = True  # in mode prompt, until the client says where it is
        self._inward = Resampler(rate, self.codec.sample_rate)
        self._outward = Resampler(self.codec.sample_rate, rate)
        self._sent = (0, 0)  # where the outward stream began (codec), samples it gave (client)
        self._held = NOTHING
        self._skipped_frames = 0
        self._lock = threading.Lock()

    @property
    def frame_samples(self) -> int:
        """A latent frame in the client's samples; whole at every rate that is allowed."""
        return self.codec.frame_samples * self.rate // self.codec.sample_rate

    def start(self, at_s: float) -> None:
        """Play from here on."""
        with self._lock:
            self.clock.forget()
            if self.wanted.mode == "prompt" and self.runs_alone:
                self.clock.note(self.timeline.taken, at_s)
            self.is_playing = True

    def stop(self) -> None:
        """Play no more; everything is remembered."""
        self.was_playing, self.is_playing = self.is_playing, False
        self.outlet.stop(self.now())

    def place(self, offset: int, samples: Samples, at_s: float) -> None:
        """Audio of the client that begins at ``offset``, modulo CLOCK; none tells the time only."""
        with self._lock:
            position = unwrap(offset, self.timeline.end)
            if not self.timeline.place(position, samples):
                self._skip(position)
                self.timeline.place(position, samples)
            self.runs_alone = False
            self.clock.note(position + len(samples), at_s)

    def want(self, **fields: Any) -> Setup:
        """Change fields of the setup from the next chunk on.

        Raises:
            AccomptkError: If they cannot be; nothing is changed then.
        """
        with self._lock:
            setup = replace(self.wanted, **fields)
            setup.controls(self.performance.model.frames, None)
            self.wanted = setup
            return setup

    def is_waiting(self, now_s: float) -> bool:
        """Whether nothing of the client was heard for long."""
        return not self.runs_alone and self.clock.is_silent(now_s, GONE_S)

    def tick(self) -> bool:
        """Do what is due: hear a hop and make a chunk. Returns whether there was anything."""
        if not self.is_playing:
            return False
        now_s = self.now()
        with self._lock:
            skipped, self._skipped_frames = self._skipped_frames, 0
            needed = self._needed()
            is_behind = self._behind(now_s) > needed + LEAP_S * self.rate
            if is_behind:
                wav = self._take(self._behind(now_s))
            elif self._is_due(now_s, needed):
                wav = self._take(needed)
            elif not skipped:
                return False
            else:
                wav = NOTHING
        if skipped:
            self._leap(skipped)
        self._held = np.concatenate([self._held, self._inward.push(wav[None])[0]])
        if is_behind:
            self._leap(0)
        elif self._samples_due() <= len(self._held):
            self._step(now_s)
        return True

    def recover(self) -> None:
        """Go on with a fresh engine that hears the last window again."""
        self._leap(0)

    def close(self) -> None:
        """Finish the take."""
        if self.recorder is not None:
            self.recorder.close()

    def _samples_due(self) -> int:
        return self.performance.due_frames * self.codec.frame_samples

    def _needed(self) -> int:
        """Samples of the client to take until the next chunk is made."""
        missing = max(self._samples_due() - len(self._held), 1)
        return ceil(missing * self.rate / self.codec.sample_rate)

    def _behind(self, now_s: float) -> int:
        """Samples between what was taken and where the client is."""
        position = self.clock.position(now_s)
        if position is None or self.is_waiting(now_s):
            return 0
        return position - self.timeline.taken

    def _is_due(self, now_s: float, needed: int) -> bool:
        """Whether the samples are there, or their time is over."""
        position = self.clock.position(now_s)
        if position is None:
            return False
        if self.wanted.mode == "prompt":
            is_over = position >= self.timeline.taken + needed
            return is_over and not self.is_waiting(now_s)
        if self.timeline.holds(needed):
            return True
        grace_s = min(max(self.clock.delay_s, GRACE_S[0]), GRACE_S[1])
        is_over = position >= self.timeline.taken + needed + grace_s * self.rate
        return is_over and not self.is_waiting(now_s)

    def _take(self, needed: int) -> Samples:
        first = self.timeline.taken
        if self.wanted.mode == "prompt":
            self.timeline.pass_over(needed)
            return np.zeros(needed, np.float32)
        wav, missing = self.timeline.take(needed)
        if missing:
            self.tell("underrun", first, missing)
        return wav

    def _skip(self, position: int) -> None:
        """Go ahead to a client that jumped, by whole frames, so that all places stay whole."""
        frames = (position - self.timeline.taken) // self.frame_samples
        self.timeline.skip(frames * self.frame_samples)
        self._skipped_frames += frames

    def _leap(self, skipped: int) -> None:
        """Let what is held, and ``skipped`` frames after it, pass without making anything."""
        size = self.codec.frame_samples
        whole = len(self._held) // size * size
        wav, self._held = self._held[:whole], self._held[whole:]
        self.figures.leaps += 1
        if self.recorder is not None:
            self.recorder.leap(wav, skipped)
        self.performance.leap(wav, skipped)

    def _step(self, ready_s: float) -> None:
        self._apply()
        due = self._samples_due()
        wav, self._held = self._held[:due], self._held[due:]
        if self.recorder is not None:
            self.recorder.hear(wav)
        chunks = self.performance.hear(wav)
        made_s = self.now()
        late = [self._send(made) for made in chunks]
        self.ledger.close_step()
        terms = {**self.ledger.steps.pop(), "join": 1000 * (self.now() - made_s)}
        self._sum_up(terms, ready_s)
        self.figures.in_db = rms_db(wav)
        if [made.wav.shape[1] for made in chunks] == [self._hop_samples()]:
            self._keep(any(late))

    def _hop_samples(self) -> int:
        return self.performance.setup.hop * self.codec.frame_samples

    def _apply(self) -> None:
        """Bring the performance to what is wanted."""
        wanted, setup = self.wanted, self.performance.setup
        old = setup.to_json()
        fields = {name: getattr(wanted, name) for name in old if getattr(wanted, name) != old[name]}
        if not fields:
            return
        try:
            self.performance.change(**fields)
        except AccomptkError as error:
            self.wanted = setup
            self.tell("notice", str(error))
            return
        if self.recorder is not None:
            self.recorder.change(fields)

    def _send(self, made: Made) -> bool:
        """Convert and deliver a chunk; whether it was late."""
        rate = self.codec.sample_rate
        if made.is_fresh:
            self._outward = Resampler(rate, self.rate, len(made.stems))
            self._sent = (made.first_sample, 0)
        if self.recorder is not None:
            self.recorder.made(made)
        wav = self._outward.push(made.wav)
        begun, count = self._sent
        self._sent = (begun, count + wav.shape[1])
        first = round(begun * self.rate / rate) + count
        delivery = self.outlet.deliver(first, wav, self.now(), made.is_fresh)
        self.figures.out_db = tuple(rms_db(stem) for stem in made.wav)
        self.figures.chunks += 1
        is_late = delivery.cut > max(-first, 0)
        if is_late:
            self.figures.late += 1
            self.tell("late", first, delivery.cut)
        return is_late

    def _sum_up(self, terms: dict[str, float], ready_s: float) -> None:
        figures = self.figures
        figures.terms_ms.append(terms)
        figures.step_ms.append(sum(terms.values()))
        figures.latency_ms.append(1000 * (self.now() - ready_s))
        hop_ms = 1000 * self._hop_samples() / self.codec.sample_rate
        figures.rtf = float(np.mean(figures.step_ms)) / hop_ms
        stream = self.performance.engine.stream
        figures.hear_tempo(stream.beats[0], stream.heard)
        self.tell("tempo", round(figures.bpm, 1), round(figures.confidence, 2))

    def _keep(self, is_late: bool) -> None:
        """Another hop or gap, where the latest steps ask for it."""
        setup = self.performance.setup
        if self.keeper is None or (setup.hop, setup.gap) != (self.wanted.hop, self.wanted.gap):
            return
        found = self.keeper.note(setup.hop, setup.gap, self.figures.step_ms[-1], is_late)
        if found is not None:
            self.want(hop=found[0], gap=found[1])
            self.tell("window", *self.window())

    def window(self) -> tuple[int, int, float, float]:
        """Arguments of ``/accomptk/window``: hop and gap in frames and in ms."""
        frame_ms = 1000 * self.codec.frame_samples / self.codec.sample_rate
        hop, gap = self.wanted.hop, self.wanted.gap
        return hop, gap, hop * frame_ms, gap * frame_ms
