"""The script of the Max patch, run by Node against a stand-in of Max's Buffer and outlet."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accomptk.live.protocol import CLOCK, PACKET_FLOATS, PREFIX
from patch_graphs import MAX

RING = 4096
"""Samples a ring of the stand-in holds."""
WELCOME = ("welcome", "0.1", 1, 44100, 7)

pytestmark = pytest.mark.skipif(
    not shutil.which("node"), reason="node is missing: apt-get install nodejs"
)


def run(*calls: Any) -> dict[str, Any]:
    """What the script puts out when it is called so."""
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("max_stand_in.js")), str(MAX / "accomptk.js")],
        input=json.dumps(calls), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def packets(found: dict[str, Any], name: str = "audio/in") -> list[tuple[int, np.ndarray]]:
    """Offsets and samples of the packets that were sent, which must have the right types."""
    result = []
    for outlet, address, stream, offset, *samples in found["outlet"]:
        if address == PREFIX + name:
            assert outlet == 0
            assert stream == {"int": 7}
            assert all(isinstance(sample, float) for sample in samples), "an int among samples"
            result.append((offset["int"], np.array(samples)))
    return result


@pytest.fixture
def heard(rng: np.random.Generator) -> list[float]:
    """A ring full of sound, and of silence and whole numbers, which Max would make ints of."""
    samples = rng.uniform(-1, 1, RING).astype(np.float32)
    samples[100:700] = 0
    samples[700:800] = 1
    samples[800:900] = -1
    return samples.tolist()


def test_sends_what_was_recorded_from_the_welcome_on(heard: list[float]) -> None:
    ticks = [("clock", count) for count in range(90, 3000, 441)]
    sent = packets(run(("fill", "accomptk-heard", heard), ("clock", 0), (*WELCOME, 0), *ticks))

    assert [offset for offset, _ in sent] == [PACKET_FLOATS * i for i in range(len(sent))]
    joined = np.concatenate([samples for _, samples in sent])
    assert joined.size == (ticks[-1][1] - 90) // PACKET_FLOATS * PACKET_FLOATS
    np.testing.assert_allclose(joined, heard[90 : 90 + joined.size], atol=2e-7)


@pytest.mark.parametrize("begin", [3000, CLOCK - 1000])
def test_goes_on_where_the_server_is_and_over_the_ends(heard: list[float], begin: int) -> None:
    reached = CLOCK - PACKET_FLOATS
    ticks = [("clock", (begin + step) % CLOCK) for step in (0, 600, 1200, 1800)]
    sent = packets(run(("fill", "accomptk-heard", heard), (*WELCOME, reached), *ticks))

    assert [offset for offset, _ in sent] == [reached, 0, PACKET_FLOATS]
    joined = np.concatenate([samples for _, samples in sent])
    expected = np.take(heard, np.arange(begin, begin + joined.size), mode="wrap")
    np.testing.assert_allclose(joined, expected, atol=2e-7)


@pytest.mark.parametrize("ahead", [0, 700, 1400])
def test_plays_a_stem_where_its_offset_says(ahead: int) -> None:
    begin, reached = 3000, 999_936
    samples = np.linspace(-0.9, 0.9, 500).tolist()
    found = run(
        (*WELCOME, reached), ("stems", "drums", "bass"), ("clock", begin), ("clock", begin + 600),
        ("list", 7, 1, reached + ahead, *samples),
        ("list", 6, 1, reached, *samples), ("list", 7, 2, reached, *samples),
        ("ring", "accomptk-bass"), ("ring", "accomptk-drums"),
    )  # fmt: skip
    expected = np.zeros(RING)
    expected[(begin + ahead + np.arange(500)) % RING] = samples

    np.testing.assert_allclose(found["rings"][0], expected, atol=1e-7)
    assert not any(found["rings"][1])


def test_one_stream_is_welcomed_once() -> None:
    calls = [(*WELCOME, 0), ("clock", 0), ("clock", 600), (*WELCOME, 512), ("clock", 1100)]

    assert [offset for offset, _ in packets(run(*calls))] == [0, 512]


def test_catches_up_little_by_little_and_leaves_no_hole() -> None:
    behind = RING // 2 // PACKET_FLOATS * PACKET_FLOATS
    late = run((*WELCOME, 0), ("clock", 0), *[("clock", behind)] * 3)
    gone = run((*WELCOME, 0), ("clock", 0), ("clock", 600), ("clock", 3500), ("clock", 4100))

    assert [offset for offset, _ in packets(late)] == list(range(0, behind, PACKET_FLOATS))
    assert [offset for offset, _ in packets(gone)] == [0, 512]


def test_says_nothing_without_a_stream() -> None:
    assert run(("clock", 0), ("clock", 600))["outlet"] == []
    assert run((*WELCOME, 0), ("clock", 0), ("forget",), ("clock", 600))["outlet"] == []
    assert run(("downbeat", 120, 4))["outlet"] == []


def test_plays_alone_by_the_clock_only() -> None:
    found = run((*WELCOME, 0), ("mode", "prompt"), ("clock", 0), ("clock", 1100))

    assert packets(found) == []
    assert [offset for offset, _ in packets(found, "clock")] == [0, 512]


def test_a_downbeat_is_where_the_clock_stands() -> None:
    found = run((*WELCOME, 4096), ("clock", 100), ("clock", 700), ("downbeat", 98.5, 3))

    assert found["outlet"][-1] == [
        0,
        "/accomptk/beats",
        {"int": 4696},
        98.5,
        {"int": 0},
        {"int": 3},
    ]
