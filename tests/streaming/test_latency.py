import numpy as np
import pytest

from accomptk.errors import RecipeError
from accomptk.streaming.beat_sources import NoBeats
from accomptk.streaming.latency import Latency, RealClock, VirtualClock, lose, make_clock
from accomptk.streaming.simulate import FADE_S, simulate
from accomptk.window import Window
from tiny_codecs import Echo, Passthrough

RATE = 44_100
HOP_S = 0.5


@pytest.mark.parametrize(
    ("text", "latency"),
    [
        ("none", None),
        ("measured", Latency()),
        ("250ms", Latency(250.0)),
        ("250ms+40ms", Latency(250.0, 40.0)),
        ("measured+5ms", Latency(None, 5.0)),
    ],
)
def test_latency_models_are_read(text, latency):
    assert Latency.parse(text) == latency


@pytest.mark.parametrize("text", ["", "soon", "250", "-5ms", "nanms", "250ms+x"])
def test_other_words_are_refused(text):
    with pytest.raises(RecipeError, match="not a latency model"):
        Latency.parse(text)


def test_a_step_waits_for_the_one_before():
    clock = VirtualClock(Latency(700.0), seeds=[0])
    assert [clock.ready_ms(heard, 1.0)[0] for heard in (500, 1000, 3000)] == [1200, 1900, 3700]
    measured = VirtualClock(Latency(), seeds=[0])
    assert measured.ready_ms(500, 30.0)[0] == 530


def test_jitter_is_a_stream_s_own():
    two = VirtualClock(Latency(100.0, 50.0), seeds=[1, 2]).ready_ms(0, 0)
    one = VirtualClock(Latency(100.0, 50.0), seeds=[2]).ready_ms(0, 0)
    assert two[1] == one[0]
    assert two[0] != two[1]
    assert (two > 100).all()


def test_real_clock_takes_its_time():
    clock = RealClock(streams=2)
    clock.wait(50.0)
    ready = clock.ready_ms(0.0, 0.0)
    assert ready.shape == (2,)
    assert (ready >= 50).all()


def test_clock_of_options():
    assert make_clock("virtual", None, [0]) is None
    assert isinstance(make_clock("virtual", Latency(), [0]), VirtualClock)
    assert isinstance(make_clock("real", None, [0]), RealClock)
    with pytest.raises(RecipeError, match="--clock real"):
        make_clock("real", Latency(), [0])


class Ones(Echo):
    """Plays ones."""

    def play(self, memory, chunk, conditions, generators, sampling):
        return super().play(memory, chunk, conditions, generators, sampling) * 0 + 1


def play(latency_ms, gap=6):
    contexts = np.zeros((1, 3 * RATE), np.float32)
    return simulate(
        Ones(),
        Passthrough(),
        contexts,
        ["drums"],
        Window(hop=6, gap=gap),
        beats=[NoBeats()],
        seeds=[0],
        clock=VirtualClock(Latency(latency_ms), [0]),
    )


def test_in_time_nothing_is_lost():
    result = play(latency_ms=500.0)
    assert result.late == [0.0] * 6
    assert (result.audio[0, RATE:] == 1).all()


def test_late_chunks_keep_their_place_and_are_faded_in():
    result = play(latency_ms=600.0 - 1e-6)  # longer than a hop: each is later than the one before
    wav = result.audio[0]
    assert result.late == [1.0] * 6
    assert result.misses == 6
    first = round(1.1 * RATE)  # heard 0.5 s, ready 0.6 s later
    fade = round(FADE_S * RATE)
    assert not wav[: first - 1].any()
    assert 0 < wav[first + 1] < 0.1
    assert (wav[first + fade : round(1.5 * RATE)] == 1).all()
    assert not wav[round(1.5 * RATE) : round(1.7 * RATE) - 1].any()


def test_an_offline_bound_is_never_late():
    assert play(latency_ms=900.0, gap=0).late is None


def test_lost_frames_are_silent_and_chosen_by_the_stream():
    contexts = np.ones((2, 1000), np.float32)
    heard = lose(contexts, 0.5, 100, seeds=[1, 2])
    frames = heard.reshape(2, 10, 100)
    assert ((frames == 0).all(2) | (frames == 1).all(2)).all()
    assert 0 < heard.mean() < 1
    assert np.array_equal(lose(contexts[1:], 0.5, 100, seeds=[2]), heard[1:])
    assert lose(contexts, 0.0, 100, seeds=[1, 2]) is contexts
