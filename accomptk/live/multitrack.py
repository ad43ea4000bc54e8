"""The wire of the published multi_track external, served unchanged.

A client sends a hop of audio as a batch of chunks and gets a hop of every selected stem back, as
far ahead as it asked for. Its hops are samples, ours are frames: what is made covers its hop, and
the rest is kept for the next one, so the two never drift apart.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np

from accomptk.errors import AccomptkError
from accomptk.live.batches import PAST_SAMPLES, Batch
from accomptk.live.conductor import Conductor
from accomptk.live.packets import (
    NOTHING,
    Malformed,
    Packet,
    Samples,
    read_packet,
    split,
    write_message,
    write_samples,
)
from accomptk.live.performance import Performance
from accomptk.live.protocol import Argument, Message
from accomptk.live.resampling import Resampler
from accomptk.live.ring import Datagram, Peer
from accomptk.live.stage import Stage
from accomptk.live.takes import Recorder
from accomptk.streaming.ledger import Ledger

RATE = 44_100
WINDOW_SAMPLES = 264_600
STEMS = ("bass", "drums", "guitar", "piano")
PACKET = 5_120
PACE_S = 0.0005
"""Between two packets, so that a receiver without a large buffer keeps up."""

_FLOATS = Argument("samples", "f", "audio")


def _message(address: str, *arguments: Argument, rest: Argument | None = None) -> Message:
    return Message(address, "in", arguments, "as the external sends it", rest)


MESSAGES = {
    message.address: message
    for message in (
        _message(
            "/context",
            Argument("batch_id", "i", "of the hop"),
            Argument("start", "i", "sample in the hop", 0, WINDOW_SAMPLES),
            Argument("total_chunks", "i", "of the hop", 1, WINDOW_SAMPLES),
            rest=_FLOATS,
        ),
        _message("/predict_instruments", *(Argument(name, "i", "0 or 1", 0, 1) for name in STEMS)),
        _message("/update_r", Argument("r", "f", "hop / window", 0.0, 1.0)),
        _message("/w", Argument("w", "f", "-1, 0 or 1", -1, 1)),
        _message("/update_fade", Argument("fade", "f", "of the sample rate", 0.0, 0.5)),
        _message("/update_package_size", Argument("size", "i", "samples", 128, 16_384)),
        _message("/load_model"),
        _message("/predict"),
        _message("/reset", Argument("any", "i", "")),
        _message("/verbose", Argument("level", "i", "")),
        _message("/print"),
        _message("/packet_test", Argument("size", "i", "samples"), rest=_FLOATS),
    )
}


class Multitrack:
    """Speaks the multitrack wire.

    Args:
        stage: Models; its instruments are those selected to begin with.
        reply_port: Where clients listen.
        event: Told what happens, for views.
    """

    def __init__(
        self,
        stage: Stage,
        reply_port: int,
        event: Callable[[str, dict[str, Any]], None] = lambda kind, values: None,
    ) -> None:
        self.stage, self.reply_port, self.event, self.now = stage, reply_port, event, stage.now
        self.conductor: Conductor | None = None  # views know that this wire has none
        self.is_ended = False
        self.peer: Peer | None = None
        self.ratio, self.ahead, self.fade, self.packet = 0.25, 1, 0.02, PACKET
        self.selected = tuple(name for name in STEMS if name in stage.setup.instruments)
        self.batch: Batch | None = None
        self.ignored = self.dropped = self.concealed = self.predicted = 0
        self._last = -1
        self._job: Batch | None = None
        self._missed: list[Samples] = []  # hops that came while busy: heard, not answered
        self._mail: deque[tuple[float, bytes]] = deque()
        self._lock, self._busy = threading.Lock(), threading.Lock()
        self._begin()

    @property
    def hop_samples(self) -> int:
        """Samples of a batch."""
        return int(self.ratio * WINDOW_SAMPLES)

    def handle(self, datagram: Datagram) -> None:
        """Do what a datagram says; the first host that sends anything valid is the client."""
        try:
            for data in split(datagram.data):
                packet = read_packet(data, MESSAGES)
                if self.peer is None:
                    self.peer = (datagram.peer[0], self.reply_port)
                if self.peer[0] == datagram.peer[0]:
                    self._obey(packet, datagram.at_s)
        except Malformed:
            self.ignored += 1

    def work(self) -> bool:
        """Make what is due; whether there was anything."""
        with self._busy:
            job = self._job
            if job is None:
                return False
            try:
                self._predict(job)
            finally:
                self._job = None
            return True

    def due(self, now_s: float) -> list[tuple[bytes, Peer]]:
        """Datagrams to send now."""
        mail = []
        while self.peer is not None and self._mail and self._mail[0][0] <= now_s:
            mail.append((self._mail.popleft()[1], self.peer))
        return mail

    def beat(self) -> None:
        """Give up on chunks that will not come."""
        with self._lock:
            if self.batch is not None and self.batch.is_overdue(self.now()):
                self._finish(self.batch)

    def announce(self, peer: Peer) -> None:
        """Say that the server is bound."""
        self.peer = peer
        self._post(write_message("/ready", True))

    def recover(self) -> None:
        """Go on with a fresh engine."""
        with self._busy:
            self.performance.leap(NOTHING)

    def close(self) -> None:
        """Finish the take."""
        if self.recorder is not None:
            self.recorder.close()

    def state(self) -> tuple[str, float, float, int, int, int]:
        """As a desk's: lost are samples, late are batches."""
        name = "playing" if self.predicted else "waiting"
        return name, 0.0, 0.0, self.concealed, self.dropped, self.ignored

    def _begin(self) -> None:
        """A stream that has heard nothing."""
        setup = replace(self.stage.setup, instruments=self.selected or STEMS)
        self.ledger = Ledger()
        self.performance: Performance = self.stage.perform(self.ledger, setup)
        self.recorder: Recorder | None = self.stage.recorder(self.performance)
        rate = self.stage.codec.sample_rate
        self._inward, self._outward = Resampler(RATE, rate), Resampler(rate, RATE)
        self._held, self._past = NOTHING, NOTHING
        self._heard = 0  # samples of the client
        self._made = np.zeros((len(setup.instruments), 0), np.float32)
        self._made_from = 0  # sample that `_made` begins at
        self._last = -1

    def _obey(self, packet: Packet, at_s: float) -> None:
        name, values = packet.message.name.removeprefix("/"), packet.values
        match name:
            case "context":
                self._hear(int(values[0]), int(values[1]), int(values[2]), packet.samples, at_s)
            case "predict_instruments":
                self.selected = tuple(s for s, wanted in zip(STEMS, values, strict=True) if wanted)
            case "update_r":
                self._geometry(float(values[0]), self.ahead)
            case "w":
                self._geometry(self.ratio, round(float(values[0])))
            case "update_fade":
                self.fade = float(values[0])
            case "update_package_size":
                self.packet = int(values[0])
            case "load_model":
                self._post(write_message("/ready", True))
            case "predict":
                with self._lock:
                    if self.batch is not None:
                        self._finish(self.batch)
            case "reset":
                self._reset()
            case "packet_test":
                reply = write_samples("/packet_test_response", (int(values[0]),), packet.samples)
                self._post(reply)
            case _:  # verbose, print: nothing that a client would see
                self.event(name, {"values": list(values)})

    def _geometry(self, ratio: float, ahead: int) -> None:
        """Another hop or look-ahead, unless it leaves nothing to hear."""
        codec = self.stage.codec
        hop = ratio * WINDOW_SAMPLES / RATE * codec.sample_rate / codec.frame_samples
        if hop < 1 or ceil(hop * (1 + max(ahead, 0))) + 2 >= self.stage.model.frames:
            self.ignored += 1
            return
        with self._lock:
            self.ratio, self.ahead, self.batch = ratio, ahead, None
        if ahead < 1:
            self.event("notice", {"values": [f"w = {ahead}: served, but not real time"]})

    def _reset(self) -> None:
        with self._busy, self._lock:
            self._mail.clear()
            self._missed.clear()
            self.batch = None
            self.close()
            self._begin()

    def _hear(self, number: int, start: int, total: int, samples: Samples, at_s: float) -> None:
        with self._lock:
            if number <= self._last:
                self.ignored += 1
                return
            if self.batch is not None and self.batch.number != number:
                self._finish(self.batch)
            if self.batch is None:
                self.batch = Batch(number, self.hop_samples, total)
            if not self.batch.add(start, samples, at_s):
                self.ignored += 1
            if self.batch.is_whole:
                self._finish(self.batch)

    def _finish(self, batch: Batch) -> None:
        """Hand a batch on to be played to; one that comes while busy is heard and not answered."""
        self.batch, self._last = None, batch.number
        self.concealed += int((~batch.is_here).sum())
        if self._job is None:
            self._job = batch
        else:
            self.dropped += 1
            self._missed.append(batch.concealed())
            self._post(write_message("/batch_dropped", batch.number))

    def _predict(self, batch: Batch) -> None:
        """Hear a batch and answer it."""
        with self._lock:
            missed, self._missed = self._missed, []
        wav = np.concatenate([*missed, batch.concealed(self._past)])
        self._past = wav[-PAST_SAMPLES:]
        self._heard += len(wav)
        self._held = np.concatenate([self._held, self._inward.push(wav[None])[0]])
        self._choose()
        first = self._heard + self.ahead * batch.hop
        self._make(first, first + batch.hop + self._fade_samples())
        self._answer(batch.number, first, batch.hop)
        self.predicted += 1

    def _fade_samples(self) -> int:
        return round(self.fade * RATE)

    def _choose(self) -> None:
        """Play what is selected now."""
        wanted = self.selected or STEMS
        if wanted != self.performance.setup.instruments:
            if self.recorder is not None:
                self.recorder.change({"instruments": wanted})
            self.performance.change(instruments=wanted)

    def _make(self, start: int, end: int) -> None:
        """Hear all whole frames that came, and make audio for the client's samples [start, end)."""
        codec = self.stage.codec
        size, ratio = codec.frame_samples, codec.sample_rate / RATE
        whole = len(self._held) // size
        heard, self._held = self._held[: whole * size], self._held[whole * size :]
        edge = 0 if codec.sample_rate == RATE else size
        last = ceil((end * ratio + codec.decode_delay + edge) / size)
        where = whole, max(int(start * ratio / size), 0), last
        if whole == 0:
            return
        try:
            self.performance.aim(*where)
        except AccomptkError:  # so many hops were missed that no chunk reaches over them
            self._leap(heard)
            return
        if self.recorder is not None:
            self.recorder.aim(*where)
            self.recorder.hear(heard)
        for made in self.performance.hear(heard):
            if self.recorder is not None:
                self.recorder.made(made)
            if made.is_fresh:
                self._outward = Resampler(codec.sample_rate, RATE, len(made.stems))
                self._made = np.zeros((len(made.stems), 0), np.float32)
                self._made_from = round(made.first_sample / ratio)
            self._made = np.concatenate([self._made, self._outward.push(made.wav)], 1)
        self.ledger.close_step()
        self.ledger.steps.clear()

    def _leap(self, heard: Samples) -> None:
        if self.recorder is not None:
            self.recorder.leap(heard, 0)
        self.performance.leap(heard)

    def _answer(self, number: int, first: int, hop: int) -> None:
        """Send a hop of every stem, and the fade after it, from sample ``first`` on."""
        count, fade = hop + self._fade_samples(), self._fade_samples()
        begin = first - self._made_from
        wav = np.zeros((len(self._made), count), np.float32)
        known = self._made[:, max(begin, 0) : max(begin + count, 0)]
        wav[:, max(-begin, 0) : max(-begin, 0) + known.shape[1]] = known
        if fade:
            wav[:, :fade] *= np.linspace(0, 1, fade, dtype=np.float32)
        stale = min(max(begin, 0), self._made.shape[1])
        self._made, self._made_from = self._made[:, stale:], self._made_from + stale
        total = -(-count // self.packet)
        for stem, samples in zip(self.performance.setup.instruments, wav, strict=True):
            for index in range(total if stem in self.selected else 0):
                part = samples[index * self.packet : (index + 1) * self.packet]
                self._post(write_samples(f"/{stem}", (number, index, total), part))
        self._post(write_message("/server_predicted", True))

    def _post(self, data: bytes) -> None:
        now_s = self.now()
        last_s = self._mail[-1][0] if self._mail else now_s - PACE_S
        self._mail.append((max(now_s, last_s + PACE_S), data))
