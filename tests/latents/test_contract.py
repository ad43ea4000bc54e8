"""What a stream asks of a codec: the figures know a click, a hiss and a gain."""

import numpy as np
import pytest

from accomptk.latents import contract
from accomptk.latents.contract import joins, measure_contract
from signals import clicks, sine
from tiny_codecs import Passthrough

FRAME, RATE = 3675, 44100


def noise(*shape: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def test_joins_of_a_signal_that_knows_none_are_places_like_any_other():
    gains = np.repeat(np.tile([1.0, 0.1, 0.01], 40), FRAME - 50)[: 100 * FRAME]
    uneven = noise(8, 100 * FRAME) * gains.astype(np.float32)
    assert joins(uneven, FRAME, RATE) == pytest.approx((0.0, 0.0), abs=1.5)


def test_a_step_at_each_join_is_heard():
    steps = sine(100.0, 5.0) + np.repeat(np.arange(60) % 2 * 0.1, FRAME)
    jump_db, treble_db = joins(steps[None].astype(np.float32), FRAME, RATE)
    assert jump_db > 20
    assert treble_db > 6


def test_silence_has_no_joins():
    assert joins(np.zeros((1, 5 * FRAME), np.float32), FRAME, RATE) == (0.0, 0.0)


class Faulty(Passthrough):
    """Half as loud, and it hisses."""

    def decode_next(self, latents, state):
        return 0.5 * super().decode_next(latents, state) + 0.01


def test_figures_of_a_copy_and_of_a_faulty_one(monkeypatch):
    monkeypatch.setattr(contract, "TIMED_HOPS", 4)
    wavs = [noise(3 * RATE), sine(220.0, 3.0), clicks(np.arange(0, 3, 0.3), 3.0), sine(55.0, 3.0)]
    good, bad = (measure_contract(codec, wavs) for codec in (Passthrough(), Faulty()))
    assert good["silence_dbfs"] == pytest.approx(-200)
    assert bad["silence_dbfs"] == pytest.approx(-40, abs=0.1)
    assert good["full_scale_peak"] == 1.0
    assert good["level_db"] == pytest.approx(0.0, abs=1e-4)
    assert bad["level_db"] == pytest.approx(6.0, abs=0.5)
    assert 0 < good["share_of_hop_p50"] <= good["share_of_hop_p95"]


def test_delay_does_not_show_in_the_level(monkeypatch):
    monkeypatch.setattr(contract, "TIMED_HOPS", 1)
    late = Passthrough(decode_delay=FRAME)
    begins = np.concatenate([np.zeros(RATE, np.float32), sine(220.0, 2.0)])
    figures = measure_contract(late, [begins] * 4)
    assert figures["level_db"] == pytest.approx(0.0, abs=0.01)
