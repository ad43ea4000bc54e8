"""The Pd patch in real Pd, without a window: it plays a file to a server and records the answer."""

import shutil

import numpy as np
import pytest

from accomptk.live.protocol import CLOCK, PACKET_FLOATS
from accomptk.stems.instruments import INSTRUMENTS
from patch_graphs import MAX
from pd_client import open_pd, play
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


@pytest.mark.parametrize("name", ["accomptk.pd", "accomptk-help.pd"])
def test_patches_open_without_a_complaint(name: str) -> None:
    assert open_pd(MAX / name, "pd quit") == ""
