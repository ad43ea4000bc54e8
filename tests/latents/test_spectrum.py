"""Features: silence is 0, a full-scale sine is 1, and magnitudes survive the way back."""

import pytest
import torch

from accomptk.latents.fit import CodecRecipe
from accomptk.latents.spectrum import (
    COLUMNS,
    FRAME_SAMPLES,
    N_FFT,
    OVERLAP,
    Spectrum,
    SpectrumRecipe,
)
from accomptk.recipe import load_recipe
from signals import sine

RECIPE = SpectrumRecipe(power=0.3, floor_db=-80.0, split_hz=8000.0, mel_bands=28)


def heard(wav: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.pad(wav, (OVERLAP, 0))[None]


def test_silence_has_no_features():
    spectrum = Spectrum(RECIPE)
    features = spectrum.analyse(heard(torch.zeros(2 * FRAME_SAMPLES)))
    assert features.shape == (1, 2, spectrum.features)
    assert features.abs().max() < 1e-6
    assert spectrum.synthesise(features).abs().max() == 0


def test_full_scale_sine_is_1_in_its_bin():
    spectrum = Spectrum(RECIPE)
    wav = torch.from_numpy(sine(44100 / N_FFT * 21, 1.0, level=1.0))[: 6 * FRAME_SAMPLES]
    features = spectrum.analyse(heard(wav)).reshape(6, COLUMNS, spectrum.bands)
    assert features[3, :, 21] == pytest.approx(1 - 1e-4**0.3, abs=1e-3)


def test_magnitudes_below_the_split_survive():
    spectrum = Spectrum(RECIPE)
    wav = torch.randn(5 * FRAME_SAMPLES, generator=torch.Generator().manual_seed(0)) * 0.1
    columns = heard(wav).unfold(-1, N_FFT, FRAME_SAMPLES // COLUMNS) * spectrum.window
    wanted = torch.fft.rfft(columns).abs().reshape(5, COLUMNS, -1)
    found = spectrum.synthesise(spectrum.analyse(heard(wav)))[0]
    low = slice(0, spectrum.linear)
    loud = wanted[..., low] * spectrum.scale > 1e-3
    torch.testing.assert_close(found[..., low][loud], wanted[..., low][loud], rtol=2e-2, atol=0)
    high = slice(spectrum.linear, None)
    ratio = found[..., high].square().sum() / wanted[..., high].square().sum()
    assert float(ratio) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("name", ["pocket/codec", "smoke/codec"])
def test_no_band_of_a_shipped_recipe_is_empty(name):
    spectrum = Spectrum(load_recipe(name, CodecRecipe).spectrum)
    assert (spectrum.pool.sum(0) > 0).all()
    assert (spectrum.pool.sum(1) > 0).all()
    assert spectrum.bands <= N_FFT // 2 + 1
