"""What every stream of a server shares: models, and the setup to begin with."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accomptk.conditions.thesaurus import Thesaurus
from accomptk.diffusion.accompanist import Accompanist
from accomptk.latents.codec import Codec
from accomptk.live.clock import ClientClock
from accomptk.live.conductor import Conductor, Tell
from accomptk.live.gap import Keeper, Limits
from accomptk.live.outlet import Outlet, Write
from accomptk.live.performance import Performance
from accomptk.live.resampling import lag_s
from accomptk.live.setup import Setup
from accomptk.live.takes import Recorder
from accomptk.streaming.beat_sources import BeatSource, tracker
from accomptk.streaming.ledger import Ledger

JOIN_MS = 2.0


@dataclass(slots=True)
class Stage:
    """Opens streams.

    Args:
        model: What plays.
        codec: Its codec.
        setup: How a stream begins.
        seed: Root of its random numbers.
        record: Folder for a take a stream; None for none.
        round_trip_s: To the client and back.
        auto_hop: Whether the hop is chosen here.
        auto_gap: Whether the gap is.
        thesaurus: Finds known words for unknown ones of a prompt; None for none.
        open_tracker: Gives a beat tracker that has heard nothing.
        now: The time in seconds.
    """

    model: Accompanist
    codec: Codec
    setup: Setup
    seed: int = 0
    record: Path | None = None
    round_trip_s: float = 0.01
    auto_hop: bool = False
    auto_gap: bool = False
    thesaurus: Thesaurus | None = None
    open_tracker: Callable[[], BeatSource] = tracker
    now: Callable[[], float] = time.monotonic
    takes: int = 0

    @property
    def frame_s(self) -> float:
        """Length of a latent frame."""
        return self.codec.frame_samples / self.codec.sample_rate

    def perform(self, ledger: Ledger, setup: Setup | None = None) -> Performance:
        """A performance that has heard nothing."""
        return Performance(
            self.model,
            self.codec,
            setup or self.setup,
            self.seed,
            self.open_tracker,
            ledger.timed,
        )

    def open(self, rate: int, packet: int, write: Write, tell: Tell) -> Conductor:
        """A stream for a client.

        Args:
            rate: The client's sample rate.
            packet: Samples a packet.
            write: Makes its datagrams.
            tell: Sends it messages.
        """
        ledger, clock = Ledger(), ClientClock(rate)
        performance = self.perform(ledger)
        return Conductor(
            performance,
            ledger,
            rate,
            Outlet(clock, packet, write, self.round_trip_s / 2),
            clock,
            self.keeper(rate) if self.auto_gap else None,
            self.recorder(performance),
            self.now,
            tell,
        )

    def limits(self, rate: int) -> Limits:
        """What the gap has to hold besides compute, for a client's sample rate."""
        own = self.codec.sample_rate
        delays_s = (self.codec.encode_delay + self.codec.decode_delay) / own
        edges_s = lag_s(rate, own) + lag_s(own, rate)
        fixed_s = delays_s + edges_s + self.round_trip_s
        return Limits(1000 * self.frame_s, self.model.frames, 1000 * fixed_s + JOIN_MS)

    def keeper(self, rate: int) -> Keeper:
        """What widens and narrows the gap of a stream."""
        return Keeper(self.limits(rate), keeps_hop=not self.auto_hop)

    def recorder(self, performance: Performance) -> Recorder | None:
        """What writes a new performance down; None where nothing is to be recorded."""
        if self.record is None:
            return None
        self.takes += 1
        folder = self.record / f"take-{time.strftime('%Y%m%d-%H%M%S')}-{self.takes}"
        return Recorder(folder, performance, self.now)
