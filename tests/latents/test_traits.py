"""Each trait follows what it is named for, and silence has none."""

import numpy as np
import pytest

from accomptk.latents.traits import TRAITS, measure
from signals import clicks, sine

RATE, FRAME, SECONDS = 44100, 3675, 6.0


def middle(wav: np.ndarray) -> dict[str, float]:
    """Traits in the middle of a signal."""
    measured = measure(wav.astype(np.float32), RATE, FRAME)
    assert measured.shape == (len(TRAITS), -(-len(wav) // FRAME))
    return dict(zip(TRAITS, measured[:, measured.shape[1] // 2].tolist(), strict=True))


def test_energy_is_the_level():
    quiet, loud = (middle(sine(220.0, SECONDS, level=level)) for level in (0.05, 0.5))
    assert loud["energy"] - quiet["energy"] == pytest.approx(20.0, abs=0.5)
    assert loud["brightness"] == pytest.approx(quiet["brightness"], abs=0.05)


def test_density_counts_onsets():
    sparse, dense = (
        middle(clicks(np.arange(0.2, SECONDS - 0.2, gap_s), SECONDS)) for gap_s in (1.0, 0.25)
    )
    assert dense["density"] - sparse["density"] == pytest.approx(2.0, abs=0.5)


def test_brightness_is_an_octave_higher():
    low, high = (middle(sine(hz, SECONDS)) for hz in (440.0, 880.0))
    assert high["brightness"] - low["brightness"] == pytest.approx(1.0, abs=0.1)


def test_a_semitone_is_tenser_than_an_octave():
    calm = middle(sine(440.0, SECONDS) * 0.5 + sine(880.0, SECONDS) * 0.5)
    tense = middle(sine(440.0, SECONDS) * 0.5 + sine(466.16, SECONDS) * 0.5)
    assert tense["tension"] > calm["tension"] + 0.05


def test_silence_has_no_traits():
    half = np.concatenate([np.zeros(6 * RATE, np.float32), sine(220.0, 6.0)])
    measured = measure(half, RATE, FRAME)
    assert np.isnan(measured[:, :24]).all()
    assert np.isfinite(measured[:, -24:]).all()
