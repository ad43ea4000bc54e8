import numpy as np
import pytest
import torch

from accomptk.metrics import spectra
from accomptk.metrics.spectra import levels, needed, views
from signals import RATE, clicks, sine


def view(wav):
    heard = levels(wav, RATE)
    frames = 10
    long, short = needed(frames)
    return views(
        torch.from_numpy(heard.long[None, :long]), torch.from_numpy(heard.short[None, :short])
    )


def test_sine_has_its_level_on_its_band():
    heard = levels(sine(440.0, 2.0, level=0.5), RATE)
    band = heard.long[10].argmax()
    assert spectra.LOWEST_MIDI + band / spectra.BINS_PER_SEMITONE == 69
    assert heard.long[10].max() == pytest.approx(-6.0, abs=1.5)


def test_bands_have_their_centres():
    long_hz, short_hz = spectra.band_hz()
    assert long_hz[58 * 2 - 28 * 2] == pytest.approx(233.08, rel=0.01)  # B flat 3
    assert (np.diff(long_hz) > 0).all()
    assert (np.diff(short_hz) > 0).all()


def test_views_have_their_shapes():
    made = view(sine(440.0, 3.0))
    assert made.harmonic.shape == (1, 10, spectra.LONG_STEPS * spectra.LONG_BANDS)
    assert made.percussive.shape == (1, 10, spectra.SHORT_STEPS * spectra.SHORT_BANDS)


def test_gain_changes_nothing():
    wav = sine(440.0, 3.0) + clicks(np.array([0.5, 1.0]), 3.0)
    for one, two in zip(view(wav), view(wav * 0.25), strict=True):
        torch.testing.assert_close(one, two, atol=1e-3, rtol=0)


def test_a_tone_lasts_and_clicks_begin():
    tone, ticks = view(sine(440.0, 3.0)), view(clicks(np.arange(0.2, 3.0, 0.4), 3.0))
    assert tone.harmonic[:, 2:8].mean() > 5 * tone.percussive[:, 2:8].mean()
    assert ticks.percussive.mean() > 5 * tone.percussive[:, 2:8].mean()


def test_a_click_begins_at_its_place():
    made = view(clicks(np.array([0.64]), 3.0)).percussive
    frame, step = divmod(round(0.64 * spectra.SAMPLE_RATE / 256), spectra.SHORT_STEPS)
    rises = made[0].unflatten(1, (spectra.SHORT_STEPS, -1)).sum(dim=2)
    found = int(rises.flatten().argmax())
    assert abs(found - (frame * spectra.SHORT_STEPS + step)) <= 3


def test_silence_shows_nothing():
    made = view(np.zeros(3 * RATE, np.float32))
    assert not made.harmonic.any()
    assert not made.percussive.any()
