"""The packet codec against python-osc, and against whatever else a socket may bring."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from accomptk.live.packets import (
    LOUDEST,
    Malformed,
    read_packet,
    split,
    write_message,
    write_samples,
)
from accomptk.live.protocol import MESSAGES, PREFIX

IN = f"{PREFIX}audio/in"
floats = st.floats(-4, 4, width=32)


def refused(data):
    with pytest.raises(Malformed) as caught:
        read_packet(data, MESSAGES)
    return str(caught.value)


@given(st.integers(0, 2**24 - 1), st.lists(floats, max_size=64))
@settings(max_examples=50, deadline=None)
def test_samples_are_written_as_python_osc_reads_them(offset, values):
    data = write_samples(IN, (3, offset), np.array(values, np.float32))
    assert OscMessage(data).address == IN
    assert OscMessage(data).params == [3, offset, *np.array(values, np.float32).tolist()]


@given(st.lists(floats, max_size=64))
@settings(max_examples=50, deadline=None)
def test_samples_are_read_as_python_osc_writes_them(values):
    builder = OscMessageBuilder(IN)
    for value in (3, 512, *values):
        builder.add_arg(value)
    packet = read_packet(builder.build().dgram, MESSAGES)
    assert packet.values == (3, 512)
    assert np.array_equal(packet.samples, np.array(values, np.float32))


def test_numbers_are_taken_as_either_type():
    assert read_packet(write_message(f"{PREFIX}control", "energy", 1), MESSAGES).values[1] == 1.0
    packet = read_packet(write_message(f"{PREFIX}ping", 7.0), MESSAGES)
    assert packet.values == (7,)
    assert isinstance(packet.values[0], int)
    body = struct.pack(">ff2f", 3.0, 512.0, 0.5, 0.25)  # as Pd sends integers
    packet = read_packet(IN.encode().ljust(20, b"\0") + b",ffff\0\0\0" + body, MESSAGES)
    assert packet.values == (3, 512)
    assert packet.samples.tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "length"),
        (b"/accomptk/ping\0", "length"),
        (b"/accomptk/nothing\0\0\0,\0\0\0", "no such message"),
        (b"/accomptk/" + b"x" * 10, "without end"),
        (b"/\xff\xff\xff\0\0\0\0", "not ASCII"),
        (write_message(f"{PREFIX}ping", "seven"), "another type"),
        (write_message(f"{PREFIX}ping", 7.5), "another type"),
        (write_message(f"{PREFIX}ping", True), "another type"),
        (write_message(f"{PREFIX}ping", b"\0" * 8), "another type"),
        (write_message(f"{PREFIX}ping"), "1 arguments are wanted, 0 came"),
        (write_message(f"{PREFIX}control", "energy", math.nan), "another type"),
        (write_message(f"{PREFIX}prompt", "x" * 600), "another type"),
        (write_message(f"{PREFIX}prompt", "a\nb"), "another type"),
        (write_message(f"{PREFIX}prompt", *["x" * 400] * 12), "too long"),
        (write_samples(IN, (1,), np.zeros(0)), "other types"),
        (write_samples(IN, (1, 2), np.array([math.nan])), "no numbers"),
        (write_samples(IN, (1, 2**24), np.zeros(4)), "offset = 1.67772e+07: outside"),
        (write_samples(IN, (1, -1), np.zeros(4)), "outside"),
        (write_samples(IN, (1, 2), np.zeros(4))[:-4], "not as long"),
        (write_samples(IN, (1, 2), np.zeros(4)) + b"\0" * 4, "not as long"),
    ],
)
def test_what_does_not_fit_the_table_is_refused(data, reason):
    assert reason in refused(data)


def test_strangers_cannot_write_to_the_log(caplog):
    refused(b"/accomptk/ping\0\0,\x1b[\0")
    assert not caplog.records


def test_loud_samples_are_clipped():
    packet = read_packet(write_samples(IN, (1, 2), np.array([99.0, -99.0])), MESSAGES)
    assert packet.samples.tolist() == [LOUDEST, -LOUDEST]


def test_broken_bundles_are_refused():
    head = b"#bundle\0" + b"\0" * 8
    for body in (struct.pack(">i", -4), struct.pack(">i", 400), struct.pack(">i", 6) + b"x" * 6):
        with pytest.raises(Malformed, match="do not fit"):
            list(split(head + body))
    nested = head
    for _ in range(6):
        nested = head + struct.pack(">i", len(nested)) + nested
    with pytest.raises(Malformed, match="bundles in bundles"):
        list(split(nested))
