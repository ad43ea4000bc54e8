"""The sound card as the client, with a card that is played by the test."""

import sys
import types

import numpy as np
import pytest

from accomptk.errors import MissingTool, StreamError
from accomptk.live import device
from accomptk.live.device import BLOCK, CountIn, Player
from live_rig import DELAY, SIZE, Rig, noise

RATE = 44100


def perform(player, rig, wav):
    """Run the card block by block; what sounded."""
    heard = np.zeros_like(wav)
    for first in range(0, len(wav) - BLOCK + 1, BLOCK):
        rig.time_s += BLOCK / RATE
        player.callback(wav[first : first + BLOCK], heard[first : first + BLOCK])
        while player.conductor.tick():
            pass
        player.take_in()
    return heard


def open_player(always=False, beats=0):
    rig = Rig()
    return rig, Player(rig.stage, RATE, CountIn(beats, 240.0), lambda kind, values: None, always)


def test_plays_along_on_the_cards_clock():
    rig, player = open_player()
    wav = noise(6.0)
    heard = perform(player, rig, wav)
    first, last, shift = 3 * RATE, 5 * RATE, DELAY * SIZE
    both = 2 * wav[first - shift : last - shift]  # drums and bass play the same
    assert np.allclose(heard[first:last], both, atol=1e-6)
    assert player.state()[3:] == (0, 0, 0)


def test_nothing_sounds_while_the_musician_is_silent():
    wav = np.concatenate([noise(4.0), np.zeros(8 * RATE, np.float32)])
    gated, open_ = (perform(p, rig, wav) for rig, p in (open_player(), open_player(always=True)))
    tail = slice(int(5.5 * RATE), int(5.9 * RATE))
    assert np.abs(gated[tail]).max() > 0.1
    assert np.array_equal(gated[: int(7.5 * RATE)], open_[: int(7.5 * RATE)])
    assert not gated[9 * RATE :].any()


def test_counts_in():
    rig, player = open_player(beats=4)
    heard = perform(player, rig, np.zeros(2 * RATE, np.float32))
    onsets = [index for index in range(4) if np.abs(heard[index * RATE // 4 :][:400]).max() > 0.1]
    assert onsets == [0, 1, 2, 3]
    assert not heard[RATE + BLOCK :].any()
    assert player.position > 0


class Card(types.ModuleType):
    """Stands in for the package sounddevice."""

    class PortAudioError(Exception):
        pass

    def __init__(self, error=None):
        super().__init__("sounddevice")
        self.error, self.opened = error, {}

    def query_devices(self, kind):
        return {"default_samplerate": 44100.0}

    def Stream(self, **options):
        if self.error:
            raise self.PortAudioError(self.error)
        self.opened = options
        return self

    def __enter__(self):
        out = np.ones((BLOCK, 1), np.float32)
        self.opened["callback"](np.zeros((BLOCK, 1), np.float32), out, BLOCK, None, None)
        assert not out.any()

    def __exit__(self, *error):
        return None


class Interrupt:
    """A view at which the musician presses Ctrl-C."""

    def follow(self, front):
        self.front = front

    def event(self, kind, values):
        pass

    def show(self):
        raise KeyboardInterrupt


def test_opens_the_card_and_ends_on_ctrl_c(monkeypatch):
    card = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    with pytest.raises(KeyboardInterrupt):
        device.play(Rig().stage, CountIn(0, 120), Interrupt())
    assert (card.opened["samplerate"], card.opened["channels"]) == (44100, 1)


def test_a_card_that_cannot_be_opened(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", Card("no device"))
    with pytest.raises(StreamError, match="sound card: no device"):
        device.play(Rig().stage, CountIn(0, 120), Interrupt())


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingTool, match=r"pip install 'accomptk\[audio\]'"):
        device.play(Rig().stage, CountIn(0, 120), Interrupt())
