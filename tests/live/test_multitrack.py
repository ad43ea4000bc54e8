"""The wire of the published external, as its clients speak it."""

import numpy as np
import pytest
from pythonosc.osc_message import OscMessage

from accomptk.live.multitrack import Multitrack
from accomptk.live.packets import Samples, read_packet, write_message, write_samples
from accomptk.live.protocol import Argument, Message
from accomptk.live.ring import Datagram
from accomptk.live.takes import replay
from accomptk.streaming.beat_sources import NoBeats
from live_rig import HOST, SIZE, Parrot, Rig, changed, noise
from tiny_codecs import Echo, Passthrough

RATE, WINDOW = 44100, 264_600
STEMS = ("bass", "drums", "guitar", "piano")
PACKET = 5120
DELAY = 48  # frames; a hop made a hop ahead must lie in what was heard
SETUP = changed(instruments=("bass", "drums"), hop=18, gap=18)
ints = tuple(Argument(name, "i", "") for name in ("batch", "chunk", "total"))
AUDIO = {
    f"/{stem}": Message(f"/{stem}", "out", ints, "", Argument("samples", "f", "")) for stem in STEMS
}


class Client:
    """Sends hops and lays what comes back where the external would write it."""

    def __init__(self, model=None, ratio=0.25, ahead=1, **stage):
        self.rig = Rig(SETUP, model=model or Parrot(delay=DELAY), **stage)
        self.front = Multitrack(self.rig.stage, 8000)
        self.ratio, self.ahead, self.batch, self.fade = ratio, ahead, 0, 882
        self.tracks = {stem: np.zeros(40 * RATE, np.float32) for stem in STEMS}
        self.messages, self.chunks = [], {}
        self.say("/update_r", ratio)
        self.say("/w", float(ahead))

    @property
    def hop(self):
        return int(self.ratio * WINDOW)

    def send(self, data, host=HOST):
        self.front.handle(Datagram(data, (host, 5000), self.rig.time_s))

    def say(self, address, *values):
        self.send(write_message(address, *values))

    def play(self, wav: Samples, order=None, drop=()):
        """A hop as a batch of chunks."""
        starts = list(range(0, len(wav), PACKET))
        for index in order or range(len(starts)):
            if index not in drop:
                part = wav[starts[index] : starts[index] + PACKET]
                head = (self.batch, starts[index], len(starts))
                self.send(write_samples("/context", head, part))
        self.batch += 1

    def run(self, seconds=0.2):
        self.front.work()
        for _ in range(int(seconds * 200)):
            self.rig.time_s += 0.005
            self.front.beat()
            self.front.work()
            for data, peer in self.front.due(self.rig.time_s):
                assert peer == (HOST, 8000)
                self.take(data)

    def take(self, data):
        address = data[: data.index(0)].decode()
        if address not in AUDIO:
            self.messages.append((address, OscMessage(data).params))
            return
        packet = read_packet(data, AUDIO)
        batch, chunk, total = packet.values
        self.chunks.setdefault((address[1:], batch), {})[chunk] = packet.samples
        parts = self.chunks[address[1:], batch]
        if len(parts) == total:
            wav = np.concatenate([parts[index] for index in range(total)])
            assert len(wav) == self.hop + self.fade
            first = (batch + 1 + self.ahead) * self.hop
            self.tracks[address[1:]][first + self.fade : first + len(wav)] = wav[self.fade :]
            ramp = np.linspace(0, 1, self.fade)
            self.tracks[address[1:]][first : first + self.fade] *= 1 - ramp  # the external's fade
            self.tracks[address[1:]][first : first + self.fade] += wav[: self.fade]

    def perform(self, wav):
        for first in range(0, len(wav) - self.hop + 1, self.hop):
            self.play(wav[first : first + self.hop])
            self.run()
        return self


@pytest.mark.parametrize("ratio", [0.25, 0.2, 0.1, 0.0625])
@pytest.mark.parametrize("ahead", [1, 0])
def test_every_sample_has_its_place_whatever_the_hop(ratio, ahead):
    """Hops of 0.2, 0.1 and 0.0625 windows are no whole frames."""
    client, wav = Client(ratio=ratio, ahead=ahead), noise(10.5)
    client.perform(wav)
    first, last = 8 * RATE, int(9.5 * RATE) if ahead else 9 * RATE
    expected = wav[first - DELAY * SIZE : last - DELAY * SIZE]
    assert np.allclose(client.tracks["bass"][first:last], expected, atol=1e-6)
    assert not client.tracks["piano"].any()


def test_retrospective_chunks_cover_what_was_just_heard():
    client, wav = Client(model=Echo(), ahead=-1), noise(6.0)
    client.perform(wav)
    for hop in range(3):
        heard = slice(hop * client.hop + SIZE, (hop + 1) * client.hop)  # the fade was made before
        assert np.allclose(client.tracks["drums"][heard], wav[heard], atol=1e-6)


def test_says_what_the_external_waits_for():
    client = Client()
    client.front.announce((HOST, 8000))
    client.run()
    assert ("/ready", [True]) in client.messages
    client.say("/load_model")
    client.run()
    assert client.messages.count(("/ready", [True])) == 2
    client.send(write_samples("/packet_test", (3,), np.arange(3)))
    client.perform(noise(1.5))
    assert ("/packet_test_response", [3, 0.0, 1.0, 2.0]) in client.messages
    assert ("/server_predicted", [True]) in client.messages


def test_chunks_may_come_out_of_order_and_twice():
    wav = noise(9.0)
    one, other = Client().perform(wav), Client()
    for first in range(0, len(wav) - other.hop + 1, other.hop):
        count = -(-other.hop // PACKET)
        other.play(wav[first : first + other.hop], order=[0, 0, *reversed(range(count))])
        other.run()
    assert np.abs(one.tracks["bass"]).max() > 0.1
    assert np.array_equal(one.tracks["bass"], other.tracks["bass"])
    assert other.front.ignored == 2 * 6


def test_a_watchdog_plays_on_when_chunks_are_lost():
    client, wav = Client(), noise(3.0)
    client.play(wav[: client.hop], drop=(3,))
    client.front.work()
    assert client.front.predicted == 0
    client.run(0.5)
    assert client.front.predicted == 1
    assert client.front.concealed == PACKET


def test_a_batch_that_comes_while_busy_is_dropped_and_heard():
    client, wav = Client(), noise(12.0)
    hop = client.hop
    client.play(wav[:hop])
    client.play(wav[hop : 2 * hop])  # the first one is not answered yet
    client.run()
    assert ("/batch_dropped", [1]) in client.messages
    assert client.front.predicted == 1
    client.perform(wav[2 * hop :])
    first, last = 9 * RATE, 11 * RATE
    expected = wav[first - DELAY * SIZE : last - DELAY * SIZE]
    assert np.allclose(client.tracks["drums"][first:last], expected, atol=1e-6)


def test_stems_are_chosen():
    client = Client()
    client.say("/predict_instruments", 0, 0, 1, 1)
    client.perform(noise(3.0))
    assert {stem for stem, _ in client.chunks} == {"guitar", "piano"}


def test_reset_counts_batches_from_the_start():
    client = Client()
    client.perform(noise(3.0))
    client.say("/reset", 1)
    client.batch = 0
    client.perform(noise(1.5))
    assert client.front.predicted == 3


def test_what_leaves_nothing_to_hear_is_ignored():
    client = Client()
    before = client.front.hop_samples
    client.say("/update_r", 0.5)  # with w = 1
    client.say("/update_r", 0.0)
    client.say("/w", 7.0)
    client.say("/nonsense", 1)
    client.send(b"rubbish!")
    assert client.front.hop_samples == before
    assert client.front.ignored == 5


def test_only_one_host_is_served():
    client = Client()
    client.send(write_message("/update_r", 0.125), host="10.0.0.9")
    assert client.front.ratio == 0.25


def test_its_takes_are_replayed(tmp_path):
    client = Client(record=tmp_path / "takes")
    client.perform(noise(4.5))
    client.front.close()
    (take,) = (tmp_path / "takes").iterdir()
    same = replay(take, tmp_path / "again", client.rig.model, Passthrough(), NoBeats)
    assert set(same) == {"context", "bass", "drums"}
    assert all(same.values()), same
