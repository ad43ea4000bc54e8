"""Live, offline and replayed: the same input gives the same bytes, through real sockets."""

import socket
import time

import numpy as np
import pytest
import soundfile
from pythonosc.osc_message import OscMessage
from pythonosc.udp_client import SimpleUDPClient

from accomptk.errors import DatasetError, StreamError
from accomptk.live import rehearsal
from accomptk.live.client import Client
from accomptk.live.desk import Desk
from accomptk.live.protocol import PREFIX, PROTOCOL
from accomptk.live.rehearsal import Line, rehearse, serving, sheets
from accomptk.live.server import Server
from accomptk.live.setup import Setup
from accomptk.live.stage import Stage
from accomptk.live.takes import replay
from accomptk.streaming.beat_sources import NoBeats
from accomptk.streaming.simulate import simulate
from accomptk.window import Window
from live_rig import Rig, noise
from tiny_codecs import tiny_spectral
from tiny_models import tiny_teacher

SIZE = 3675
SETUP = Setup(instruments=("drums", "bass"), hop=3, gap=6, beats="none")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_teacher(tmp_path_factory.mktemp("model") / "t.safetensors")


def slowly():
    """The time on a clock that no busy machine is too slow for."""
    return time.monotonic() / 8


def open_stage(model, **fields):
    return Stage(model, tiny_spectral(), SETUP, open_tracker=NoBeats, **fields)


def test_through_udp_as_simulate_makes_it(model):
    hops, hop = 8, SETUP.hop * SIZE
    wav = noise(hops * hop / 44100 + 0.01)[: hops * hop]
    desk = Desk(open_stage(model, now=slowly))
    with serving(desk) as server:
        client = Client(server.address, 44100)
        try:
            client.join()
            for index in range(hops):
                client.play(wav[index * hop : (index + 1) * hop])
                delay = desk.stage.codec.decode_delay
                client.wait_for((SETUP.hop * (index + 2) + SETUP.gap) * SIZE - delay - 512)
        finally:
            client.close()
    end = (hops * SETUP.hop + SETUP.gap) * SIZE
    offline = simulate(
        model,
        tiny_spectral(),
        np.pad(wav, (0, end - len(wav)))[None],
        SETUP.instruments,
        Window(frames=model.frames, hop=SETUP.hop, gap=SETUP.gap),
        beats=[NoBeats()],
        seeds=[0, 1],
    )
    first, last = (SETUP.hop + SETUP.gap) * SIZE, hops * hop
    for stem in (0, 1):
        live = client.track(stem, end)
        begin = first - 1575 + 441  # past the first fade-in
        assert np.abs(live[begin:last]).max() > 0
        assert live[begin:last].tobytes() == offline.audio[stem, begin:last].tobytes()
    assert desk.ignored == 0


def test_a_take_is_replayed_byte_for_byte(model, tmp_path):
    rig = Rig(SETUP, model=model, codec=tiny_spectral(), record=tmp_path / "takes").join()
    rig.stream_in(noise(2.0))
    rig.say("prompt", "jazz")
    rig.say("control", "energy", 0.8)
    rig.stream_in(noise(1.0, seed=1))
    rig.say("instruments", "piano", "drums", "guitar")
    rig.say("config", "gap", 4)
    rig.stream_in(noise(2.0, seed=2))
    rig.position += 3 * 44100
    rig.time_s += 3.0
    rig.stream_in(noise(2.0, seed=3))
    rig.desk.close()
    (take,) = (tmp_path / "takes").iterdir()

    same = replay(take, tmp_path / "again", model, tiny_spectral(), NoBeats)
    assert set(same) == {"context", "drums", "bass", "piano", "guitar"}
    assert all(same.values()), same
    journal = (take / "journal.jsonl").read_text()
    assert '"do": "leap"' in journal
    assert journal.count('"do": "change"') == 2  # changes take hold at the next chunk, together
    wav, rate = soundfile.read(take / "piano.wav", dtype="float32")
    assert rate == 44100
    assert np.abs(wav[-44100:]).max() > 0


def test_a_take_asks_for_its_own_models(model, tmp_path):
    rig = Rig(SETUP, model=model, codec=tiny_spectral(), record=tmp_path / "takes").join()
    rig.stream_in(noise(1.0))
    rig.desk.close()
    (take,) = (tmp_path / "takes").iterdir()
    codec = tiny_spectral()
    text = (take / "take.json").read_text().replace(model.sha8, "deadbeef")
    (take / "take.json").write_text(text)
    with pytest.raises(DatasetError, match="was played with model deadbeef"):
        replay(take, tmp_path / "again", model, codec, NoBeats)
    with pytest.raises(DatasetError, match="is no take"):
        replay(tmp_path, tmp_path / "again", model, codec, NoBeats)


def test_a_python_osc_client_is_served(model):
    answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answers.bind(("127.0.0.1", 0))
    answers.settimeout(20)
    with serving(Desk(open_stage(model, now=slowly))) as server:
        client = SimpleUDPClient(*server.address)
        port = answers.getsockname()[1]
        client.send_message(f"{PREFIX}hello", ["osc", PROTOCOL, 48000, 256, port])
        welcome = OscMessage(answers.recv(9000))
        stream = welcome.params[3]
        client.send_message(f"{PREFIX}start", [])
        for first in range(0, 48000, 480):
            samples = [0.1 * ((first + i) % 97) / 97 for i in range(480)]
            client.send_message(f"{PREFIX}audio/in", [stream, first, *samples])
            time.sleep(0.01)
        found = {welcome.address: welcome.params}
        while f"{PREFIX}audio/out" not in found:
            message = OscMessage(answers.recv(9000))
            found[message.address] = message.params
        assert found[f"{PREFIX}done"] == ["start"]
        assert len(found[f"{PREFIX}audio/out"]) == 3 + 256
        client.send_message(f"{PREFIX}quit", [])
        while message.params != ["quit"]:
            message = OscMessage(answers.recv(9000))
        client._sock.close()
    answers.close()


def test_a_rehearsal_is_summed_up(model):
    row = rehearse(open_stage(model), 6, 6, 3.0, Line(round_trip_s=0.02, loss=0.02, packet=286))
    assert row["chunks"] >= 4
    assert row["lookahead"] == 2
    assert row["terms_ms"].keys() >= {"encode", "beats", "towers", "sampling", "decode", "join"}
    assert row["in_to_out_ms"]["p50"] > 20
    assert row["lost_samples"] > 0


def test_a_rehearsal_is_stored_by_stream_and_by_term(model):
    row = rehearse(open_stage(model), 6, 6, 3.0, Line())
    stored = sheets([row], "this machine")
    (stream,) = stored["live"]
    assert stream["step_p95_share_of_hop"] == row["step_ms"]["p95"] / 500
    terms = {line["term"]: line for line in stored["live-terms"]}
    steps = sum(terms[f"hop 6, gap 6: {term}"]["p50_ms"] for term in row["terms_ms"])
    assert "hop 6, gap 6: transport" in terms
    assert steps == pytest.approx(stream["in_to_out_ms_p50"], rel=0.2)


@pytest.mark.parametrize(("misses", "tried"), [((0,), 1), ((3, 1, 0), 3), ((9, 9, 9, 9, 9), 4)])
def test_gaps_are_tried_until_nothing_is_missed(model, monkeypatch, misses, tried):
    gaps = []

    def play(stage, hop, gap, seconds, line):
        gaps.append(gap)
        return {"misses": misses[len(gaps) - 1]}

    monkeypatch.setattr(rehearsal, "rehearse", play)
    assert len(list(rehearsal.hold(open_stage(model), 1.0))) == tried
    assert gaps == list(range(6, 6 + tried))


def test_a_port_that_is_taken_is_named(model):
    desk = Desk(open_stage(model))
    with serving(desk) as server, pytest.raises(StreamError, match="another server running"):
        Server(desk, *server.address)
