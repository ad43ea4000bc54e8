"""The table of messages is complete, consistent, and small enough for every patching program."""

import pytest

from accomptk.live.protocol import (
    DIALS,
    MAX_PACKET_FLOATS,
    MESSAGES,
    PACKET_FLOATS,
    PREFIX,
    SETTINGS,
    TABLE,
)

UDPSEND_BYTES, MACOS_BYTES, PD_BYTES = 5096, 9216, 4096


def packet_bytes(address: str, floats: int) -> int:
    """Length of an OSC message with its table's integers and some floats."""
    padded = 4 * (len(address) // 4 + 1)
    count = len(MESSAGES[address].arguments) + floats
    return padded + 4 * ((count + 1) // 4 + 1) + 4 * count


def test_each_address_is_there_once_and_has_the_prefix() -> None:
    assert len(MESSAGES) == len(TABLE)
    assert all(message.address.startswith(PREFIX) for message in TABLE)


def test_answers_are_messages_to_the_client() -> None:
    answers = {reply for message in TABLE for reply in message.replies}

    assert all(MESSAGES[reply].direction == "out" for reply in answers)
    assert not any(message.replies for message in TABLE if message.direction == "out")


def test_only_integers_floats_and_symbols_travel() -> None:
    for message in TABLE:
        for argument in (*message.arguments, *filter(None, [message.rest])):
            assert argument.tags
            assert set(argument.tags) <= set("ifs"), message.address


def test_every_message_and_argument_says_what_it_means() -> None:
    assert all(message.meaning for message in TABLE)
    assert all(argument.meaning for message in TABLE for argument in message.arguments)
    assert all(item.meaning for item in (*DIALS, *SETTINGS))


@pytest.mark.parametrize("address", [f"{PREFIX}audio/in", f"{PREFIX}audio/out"])
def test_packets_fit_the_programs_that_take_them(address: str) -> None:
    assert packet_bytes(address, PACKET_FLOATS) <= PD_BYTES
    assert packet_bytes(address, MAX_PACKET_FLOATS) <= min(UDPSEND_BYTES, MACOS_BYTES)
