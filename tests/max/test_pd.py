"""The Pd patch in real Pd, without a window: it plays a file to a server and records the answer."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from accomptk.live.protocol import CLOCK, PACKET_FLOATS
from accomptk.stems.instruments import INSTRUMENTS
from patch_graphs import MAX
from pd_client import ROUND_TRIP, free_port, open_pd, play, running_pd
from signals import RATE
from stand_in_server import StandIn, standing_in

SECONDS, DELAY = 1.0, 20_011

pytestmark = pytest.mark.skipif(
    not shutil.which("pd"), reason="pd is missing: apt-get install puredata-core"
)


@pytest.fixture(scope="module", params=[0, CLOCK - 20_000], ids=["new", "over the end"])
def exchange(request, tmp_path_factory) -> tuple[StandIn, np.ndarray, np.ndarray]:
    """One round trip: the server, what was played, and what came back."""
    rng = np.random.default_rng(0)
    wav = rng.uniform(-0.5, 0.5, int(SECONDS * RATE)).astype(np.float32)
    for _ in range(
        3
    ):  # on a busy machine the system drops packets of those who do not come to read
        with standing_in(delay=DELAY, start=request.param) as server:
            heard = play(tmp_path_factory.mktemp("pd"), wav, server.port, "guitar", "bass")
        if ("bye",) in server.said and np.count_nonzero(heard) == 3 * np.count_nonzero(wav):
            break
    return server, wav, heard


def test_stems_come_back_bit_for_bit_on_their_sample(exchange) -> None:
    _, wav, heard = exchange
    begin = int(np.flatnonzero(heard[0])[0])
    channels = dict(zip(INSTRUMENTS, heard[1:], strict=True))

    np.testing.assert_array_equal(heard[0, begin : begin + wav.size], wav)
    for name, share in (("bass", 2), ("guitar", 3)):  # stems come in the order of the strips
        there = channels[name][begin + DELAY : begin + DELAY + wav.size]
        np.testing.assert_allclose(there, wav / share, rtol=1e-6)
        assert not channels[name][: begin + DELAY].any()
        assert not channels[name][begin + DELAY + wav.size :].any()
    assert not any(channels[name].any() for name in ("drums", "piano", "strings"))


def test_audio_is_sent_without_holes(exchange) -> None:
    server, *_ = exchange
    offsets = [offset for offset, _ in server.heard]

    assert {size for _, size in server.heard} == {PACKET_FLOATS}
    assert offsets[0] == server.start
    assert set(np.diff(offsets) % CLOCK) == {PACKET_FLOATS}


def test_the_face_is_told_before_the_stream_starts(exchange) -> None:
    server, *_ = exchange
    names = [name for name, *_ in server.said]

    assert server.said[0][:4] == ("hello", "accomptk-pd", 1, RATE)
    assert ("config", "gap", "auto") in server.said
    assert ("control", "temperature", 1.0) in server.said
    assert ("instruments", "bass", "guitar") in server.said
    assert names.index("instruments") < names.index("start")
    assert "status" in names
    assert any(said[:2] == ("config", "transport_ms") for said in server.said)
    assert names[-2:] == ["stop", "bye"]


def test_waits_for_a_server_and_finds_the_next_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.zeros(60 * RATE), RATE)
    port = free_port()
    run = f"run {tmp_path / 'in.wav'} {tmp_path / 'out.wav'} {port} {free_port()} drums"
    with running_pd(ROUND_TRIP, run) as pd:
        time.sleep(1.5)  # nobody is there
        for start in (0, 5120):
            with standing_in(delay=DELAY, start=start, port=port) as server:
                wait_for(lambda: len(server.heard) > 10)
            assert ("start",) in server.said
            assert server.heard[0] == (start, PACKET_FLOATS)
        pd.terminate()
        assert pd.communicate()[1] == ""


def wait_for(happened: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["accomptk.pd", "accomptk-help.pd"])
def test_patches_open_without_a_complaint(name: str) -> None:
    assert open_pd(MAX / name, "pd quit") == ""
