"""Whatever comes, nothing breaks, and what is invalid changes nothing."""

import copy
import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accomptk.live.commands import COMMANDS
from accomptk.live.packets import Malformed, read_packet, write_message, write_samples
from accomptk.live.protocol import MESSAGES, PREFIX
from live_rig import Rig

EXAMPLES = int(os.environ.get("ACCOMPTK_FUZZ", "1000"))
VALID = [
    write_samples(PREFIX + "audio/in", (1, 512), np.full(16, 0.1)),
    write_samples(PREFIX + "packet_test", (1,), np.full(4, 0.1)),
    write_message(PREFIX + "hello", "rig", 1, 44100, 512, 8000),
    *(write_message(PREFIX + name) for name in ("start", "stop", "reset", "status", "bye", "quit")),
    write_message(PREFIX + "prompt", "slow", 3, 0.5),
    write_message(PREFIX + "prompt/stem", "bass", "x"),
    write_message(PREFIX + "instruments", "bass", "piano"),
    write_message(PREFIX + "control", "energy", 0.5),
    write_message(PREFIX + "beats", 512, 120.0, 1.0, 4),
    write_message(PREFIX + "config", "hop", "750ms"),
    write_message(PREFIX + "file/in", 1, 0, "../../etc/passwd"),
    b"#bundle\0" + b"\0" * 8 + (20).to_bytes(4, "big") + write_message("/accomptk/pi", 1)[:20],
]


@st.composite
def mutated(draw):
    """A valid datagram with some bytes changed, taken out, put in, or cut off."""
    data = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.integers(0, 3)):
            case 0 if data:
                data[at] = draw(st.integers(0, 255))
            case 1:
                del data[at:]
            case 2:
                data[at:at] = draw(st.binary(max_size=8))
            case _:
                data += draw(st.binary(max_size=64))
    return bytes(data)


def is_valid(data):
    try:
        read_packet(data, MESSAGES)
    except Malformed:
        return data.startswith(b"#bundle")
    return True


def condition(desk):
    """What an invalid packet must leave alone."""
    playing = desk.playing
    counts = copy.copy(playing.timeline.counts)
    values = (desk.stream, playing.wanted, playing.is_playing, desk.is_ended, counts)
    return values, playing.timeline.taken, playing.timeline.end, copy.copy(desk.client)


RIG = Rig().join()


@given(st.one_of(st.binary(max_size=256), mutated()))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_no_datagram_breaks_anything_and_invalid_ones_change_nothing(data):
    if RIG.desk.client is None or RIG.desk.is_ended:
        RIG.desk.is_ended = False
        RIG.join()
    before, ignored = condition(RIG.desk), RIG.desk.ignored
    RIG.time_s += 0.001
    RIG.send(data)
    RIG.desk.due(RIG.time_s)
    if not is_valid(data):
        assert RIG.desk.ignored == ignored + 1
        assert condition(RIG.desk) == before


def test_the_seeds_of_the_fuzz_are_valid_and_many():
    named = {read_packet(data, MESSAGES).message.name for data in VALID[:-1]}
    assert len(named & COMMANDS.keys()) > 10
