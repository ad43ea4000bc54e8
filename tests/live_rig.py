"""A client and a server on a virtual clock, and a model that plays what it heard a while ago."""

from collections import Counter
from dataclasses import replace

import numpy as np
import torch

from accomptk.live.desk import Desk
from accomptk.live.packets import read_packet, write_message, write_samples
from accomptk.live.protocol import CLOCK, MESSAGES, PREFIX, PROTOCOL
from accomptk.live.ring import Datagram
from accomptk.live.setup import Setup
from accomptk.live.stage import Stage
from accomptk.streaming.beat_sources import NoBeats
from tiny_codecs import Echo, Passthrough

SIZE = 3675  # samples a frame of the codec
DELAY = 24  # frames by which the model repeats what it heard
OUT = {address: m for address, m in MESSAGES.items() if m.direction == "out"}
LONGEST = CLOCK + 4096
HOST = "127.0.0.1"
SETUP = Setup(instruments=("drums", "bass"), hop=6, gap=3, beats="none")


class Parrot(Echo):
    """Plays what it heard ``delay`` frames ago: every sample is accounted for."""

    name = "parrot"

    def __init__(self, cost_s=lambda chunk: 0.0, spend=lambda s: None, delay=DELAY):
        super().__init__(SIZE)
        self.cost_s, self.spend, self.delay = cost_s, spend, delay

    def play(self, memory, chunk, conditions, generators, sampling):
        self.spend(self.cost_s(chunk))
        made = torch.zeros(len(generators), self.channels, chunk.hop)
        latents, heard = memory["latents"], memory["heard"]
        for index, frame in enumerate(range(chunk.start - self.delay, chunk.end - self.delay)):
            place = frame - (heard - latents.shape[2])
            if 0 <= frame < heard and place >= 0:
                made[:, :, index] = latents[0, :, place]
        return made


class Rig:
    """A desk, a clock that stands still until told, and a client at its reply port."""

    def __init__(self, setup=SETUP, rate=44100, packet=1000, model=None, codec=None, **stage):
        self.time_s = self.client_s = 100.0
        self.model = model or Parrot(spend=self.spend)
        self.stage = Stage(
            self.model,
            codec or Passthrough(),
            setup,
            open_tracker=NoBeats,
            now=lambda: self.time_s,
            **stage,
        )
        self.desk = Desk(self.stage)
        self.rate, self.packet = rate, packet
        self.messages, self.peers = [], Counter()
        self.heard, self.keeps = {}, True  # what came of each stem, by offset
        self.stream = None
        self.position = 0

    def spend(self, seconds):
        self.time_s += seconds

    def send(self, data, peer=(HOST, 5000), at_s=None):
        self.desk.handle(Datagram(data, peer, self.time_s if at_s is None else at_s))

    def say(self, name, *values, peer=(HOST, 5000)):
        """Send a message and return what came back at once."""
        before = len(self.messages)
        self.send(write_message(PREFIX + name, *values), peer)
        self.collect()
        return self.messages[before:]

    def hello(self, name="rig", port=8000, peer=(HOST, 5000)):
        answers = self.say("hello", name, PROTOCOL, self.rate, self.packet, port, peer=peer)
        for address, values in answers:
            if address == "welcome":
                self.stream = values[3]
        return answers

    def join(self):
        """Connect and start."""
        self.hello()
        self.say("start")
        return self

    def audio(self, samples, offset=None, at_s=None):
        """One packet of audio; the next one follows it."""
        offset = self.position if offset is None else offset
        data = write_samples(PREFIX + "audio/in", (self.stream, offset % CLOCK), samples)
        self.send(data, at_s=at_s)
        self.position = offset + len(samples)

    def stream_in(self, wav, link=None):
        """Play audio in real time, packet by packet, over a link that may spoil it.

        The client goes on while the server computes: what it sent meanwhile came in its own time.
        """
        if self.time_s > self.client_s + 1:  # it slept, or was told to wait
            self.client_s = self.time_s
        for first in range(0, len(wav), self.packet):
            samples = wav[first : first + self.packet]
            self.client_s += len(samples) / self.rate
            self.time_s = max(self.time_s, self.client_s)
            offset, self.position = self.position, self.position + len(samples)
            data = write_samples(PREFIX + "audio/in", (self.stream, offset % CLOCK), samples)
            for item in [data] if link is None else link(data, self.client_s):
                self.send(item, at_s=self.client_s)
            if self.client_s >= self.time_s:  # else it computed: what came meanwhile is read first
                self.run()
        return self

    def run(self):
        """Let the server do all that is due now."""
        while self.desk.work():
            self.collect()
            if self.time_s > self.client_s:  # packets that came meanwhile are read first
                break
        self.desk.beat()
        self.collect()

    def wait(self, seconds, step_s=0.01):
        """Let time pass."""
        end_s = self.time_s + seconds
        while self.time_s < end_s:
            self.time_s = min(self.time_s + step_s, end_s)
            self.run()
        self.client_s = self.time_s

    def collect(self):
        for data, peer in self.desk.due(self.time_s):
            self.peers[peer] += 1
            packet = read_packet(data, OUT)
            if packet.message.name == "audio/out":
                stream, stem, offset = packet.values
                if stream == self.stream and self.keeps:
                    if stem not in self.heard:
                        self.heard[stem] = np.zeros(LONGEST, np.float32)
                    self.heard[stem][offset : offset + len(packet.samples)] = packet.samples
            else:
                values = [*packet.values, *packet.rest, *packet.samples]
                self.messages.append((packet.message.name, values))

    def named(self, name):
        """Values of all messages of a name that came."""
        return [values for address, values in self.messages if address == name]


def noise(seconds, rate=44100, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(int(seconds * rate))).astype(np.float32)


def changed(setup=SETUP, **fields):
    return replace(setup, **fields)


class Link:
    """A line that loses, doubles, reorders and holds up packets."""

    def __init__(self, loss=0.0, burst=1, double=0.0, swap=0.0, jitter_s=0.0, seed=0):
        self.loss, self.burst, self.double, self.swap = loss, burst, double, swap
        self.jitter_s = jitter_s
        self.rng = np.random.default_rng(seed)
        self.losing = self.lost = self.doubled = 0
        self.held = []

    def __call__(self, data, now_s):
        if self.losing == 0 and self.rng.random() < self.loss / self.burst:
            self.losing = self.burst
        if self.losing:
            self.losing -= 1
            self.lost += 1
        else:
            delay_s = self.rng.random() * self.jitter_s
            delay_s += 0.03 if self.rng.random() < self.swap else 0.0
            copies = 2 if self.rng.random() < self.double else 1
            self.doubled += copies - 1
            self.held += [(now_s + delay_s, len(self.held), data)] * copies
        due = [item for item in self.held if item[0] <= now_s]
        self.held = [item for item in self.held if item[0] > now_s]
        return [data for _, _, data in sorted(due, key=lambda item: item[0])]
