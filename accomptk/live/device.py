"""This machine's own sound as the musician's place: the sound card's clock drives the stream."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from accomptk.errors import MissingTool, StreamError
from accomptk.extras import import_extra
from accomptk.live.conductor import Conductor
from accomptk.live.packets import Samples, read_packet, write_samples
from accomptk.live.protocol import CLOCK, MESSAGES, PREFIX, RATES_HZ
from accomptk.live.stage import Stage
from accomptk.live.timeline import unwrap
from accomptk.stems.audio import rms_db

BLOCK = 512
QUIET_DB = -50.0
HANGOVER_S = 4.0
"""How long it plays on after the musician stopped."""
FADE_S = 0.05
AUDIO_OUT = f"{PREFIX}audio/out"


class Watcher(Protocol):
    """The view that is shown meanwhile."""

    def follow(self, front: Any) -> None:
        """Look at this from now on."""

    def event(self, kind: str, values: dict[str, Any]) -> None:
        """Something happened."""

    def show(self) -> None:
        """Called a few times a second."""


@dataclass(frozen=True, slots=True)
class CountIn:
    """Clicks before the stream begins.

    Args:
        beats: How many.
        bpm: How fast.
    """

    beats: int
    bpm: float

    def samples(self, rate: int) -> Samples:
        """The clicks, the first one higher, [N]."""
        beat = round(60 / self.bpm * rate)
        time_s = np.arange(beat) / rate
        decay = np.exp(-60 * time_s)
        tones = [np.sin(2 * np.pi * hz * time_s) for hz in (1600.0, 1000.0)]
        clicks = [0.3 * decay * tones[min(index, 1)] for index in range(self.beats)]
        samples: Samples = np.concatenate([np.zeros(0), *clicks]).astype(np.float32)
        return samples


class Player:
    """Between the sound card's callback and a conductor.

    Args:
        stage: What plays.
        rate: Of the sound card.
        count_in: Clicks to begin with.
        event: Told what happens.
        always: Whether it plays on while the musician is silent.
    """

    def __init__(
        self,
        stage: Stage,
        rate: int,
        count_in: CountIn,
        event: Callable[[str, dict[str, Any]], None],
        always: bool = False,
    ) -> None:
        self.rate, self.event, self.now = rate, event, stage.now
        self.always = always or stage.setup.mode == "prompt"
        self.clicks = count_in.samples(rate)
        self.position = -len(self.clicks)
        self.xruns = 0
        self._loud_s = -HANGOVER_S
        self._gain = 0.0
        stems = len(stage.setup.instruments)
        self._out = np.zeros((stems, rate * 16), np.float32)
        self.conductor: Conductor = stage.open(rate, BLOCK, self._write, self._tell)
        self.conductor.start(self.now())

    def callback(self, heard: Samples, out: Samples, is_xrun: bool = False) -> None:
        """One block of the sound card.

        Args:
            heard: What the musician plays, [N].
            out: Filled with what is heard, [N].
            is_xrun: Whether the card lost samples.
        """
        self.xruns += is_xrun
        count = len(heard)
        out[:] = 0
        if self.position < 0:
            clicks = self.clicks[len(self.clicks) + self.position :][:count]
            out[: len(clicks)] = clicks
            self.position += len(clicks)
            return
        self.conductor.place(self.position % CLOCK, heard.astype(np.float32), self.now())
        at = np.arange(self.position, self.position + count) % self._out.shape[1]
        out[:] = self._out[:, at].sum(0) * self._gate(heard)
        self._out[:, at] = 0
        self.position += count

    def take_in(self) -> None:
        """Put what is made in its place; for the thread that computes."""
        for data in self.conductor.outlet.due(self.now()):
            packet = read_packet(data, {AUDIO_OUT: MESSAGES[AUDIO_OUT]})
            _, stem, offset = map(int, packet.values)
            first = unwrap(offset, self.position)
            at = np.arange(first, first + len(packet.samples)) % self._out.shape[1]
            self._out[stem, at] = packet.samples

    def state(self) -> tuple[str, float, float, int, int, int]:
        """As a desk's; ignored are blocks that the card lost."""
        figures = self.conductor.figures
        lost = self.conductor.timeline.counts.lost
        name = "count-in" if self.position < 0 else "playing"
        return name, figures.rtf, figures.latency(0.5), lost, figures.late, self.xruns

    def _gate(self, heard: Samples) -> Samples:
        """Gain of each sample of the block: nothing sounds while the musician is silent."""
        now_s = self.position / self.rate
        if rms_db(heard) > QUIET_DB:
            self._loud_s = now_s
        wanted = 1.0 if self.always or now_s - self._loud_s < HANGOVER_S else 0.0
        step = len(heard) / (FADE_S * self.rate)
        last = min(max(wanted, self._gain - step), self._gain + step)
        ramp: Samples = np.linspace(self._gain, last, len(heard), dtype=np.float32)
        self._gain = last
        return ramp

    def _write(self, stem: int, position: int, samples: Samples) -> bytes:
        return write_samples(AUDIO_OUT, (0, stem, position % CLOCK), samples)

    def _tell(self, name: str, *values: int | float | str) -> None:
        self.event(name, {"values": values})


def play(stage: Stage, count_in: CountIn, view: Watcher, always: bool = False) -> None:
    """Play through the default input and output until interrupted.

    Raises:
        MissingTool: If the package sounddevice, or PortAudio, is not installed.
        StreamError: If the sound card cannot be opened.
    """
    sounddevice = _sounddevice()
    rate = _rate(sounddevice)
    player = Player(stage, rate, count_in, view.event, always)
    view.follow(player)
    ended = threading.Event()

    def callback(heard: Any, out: Any, frames: int, times: Any, status: Any) -> None:
        player.callback(heard[:, 0], out[:, 0], bool(status))

    def compute() -> None:
        while not ended.is_set():
            worked = player.conductor.tick()
            player.take_in()
            if not worked:
                time.sleep(0.002)

    worker = threading.Thread(target=compute, name="accomptk compute")
    try:
        with sounddevice.Stream(
            samplerate=rate, blocksize=BLOCK, channels=1, dtype="float32", callback=callback
        ):
            worker.start()
            while worker.is_alive():
                view.show()
                time.sleep(0.25)
    except sounddevice.PortAudioError as error:
        raise StreamError(
            f"sound card: {error}; choose another one in the system's settings"
        ) from error
    finally:
        ended.set()
        if worker.is_alive():
            worker.join()
        player.conductor.close()


def _sounddevice() -> Any:
    try:
        return import_extra("sounddevice", "audio", "--audio needs sounddevice")
    except OSError as error:  # what it raises where the system's library is missing
        raise MissingTool("--audio needs PortAudio: apt-get install libportaudio2") from error


def _rate(sounddevice: Any) -> int:
    """The card's own rate where we know it, else 48 kHz."""
    found = round(sounddevice.query_devices(kind="output")["default_samplerate"])
    return found if found in RATES_HZ else 48_000
