"""Fitting: reproducible, orthonormal, of unit variance, and honest about too little audio."""

import dataclasses

import numpy as np
import pytest
import torch

from accomptk.errors import DatasetError
from accomptk.latents.autoencoder import NeuralCode
from accomptk.latents.fit import codec_loss, draw_excerpt, fit_base, fit_codec, write_components
from accomptk.latents.spectral import load_spectral
from accomptk.latents.spectrum import FRAME_SAMPLES, OVERLAP, Spectrum
from accomptk.run import Run
from accomptk.stems.index import StemSet


@pytest.fixture(scope="module")
def base(tiny_set, recipe):
    return fit_base(tiny_set, recipe)


def test_same_seed_same_code(tiny_set, recipe, base, pca_codec):
    torch.testing.assert_close(base[0].basis, pca_codec.code.basis.float(), atol=1e-3, rtol=0)
    other, _ = fit_base(tiny_set, dataclasses.replace(recipe, seed=1))
    assert not torch.allclose(other.basis, base[0].basis, atol=1e-3)


def test_basis_is_orthonormal_and_latents_have_unit_variance(tiny_set, recipe, base):
    code, deviation = base
    torch.testing.assert_close(code.basis @ code.basis.T, torch.eye(48), atol=1e-4, rtol=0)
    spectrum = Spectrum(recipe.spectrum)
    wavs = [draw_excerpt(tiny_set, recipe, index) for index in range(recipe.excerpts.count)]
    latents = [code.encode(spectrum.analyse(torch.from_numpy(wav)[None]), {})[0] for wav in wavs]
    every = torch.cat(latents, dim=1)
    assert every.var(dim=1).mean() == pytest.approx(1.0, abs=0.02)
    assert every.mean(dim=1).abs().max() < 1e-3
    torch.testing.assert_close(every.std(dim=1), deviation, atol=1e-2, rtol=1e-2)


def test_an_excerpt_is_its_index_and_fills_the_scale(tiny_set, recipe):
    wavs = [draw_excerpt(tiny_set, recipe, index) for index in (0, 1, 2, 3)]
    assert {wav.size for wav in wavs} == {OVERLAP + recipe.excerpts.frames * FRAME_SAMPLES}
    assert np.array_equal(wavs[1], draw_excerpt(tiny_set, recipe, 1))
    assert not np.array_equal(wavs[1], wavs[2])
    peaks_db = [20 * np.log10(np.abs(wav).max()) for wav in wavs]
    assert min(peaks_db) >= recipe.excerpts.gain_min_db - 0.01
    assert max(peaks_db) <= 0.01


def test_components_are_those_of_the_features(tiny_set, recipe, base, tmp_path):
    path = tmp_path / "components.npy"
    write_components(path, tiny_set, recipe, base[0])
    written = np.load(path)
    assert written.shape == (recipe.excerpts.count, recipe.excerpts.frames, 48)
    wav = torch.from_numpy(draw_excerpt(tiny_set, recipe, 5))[None]
    wanted = Spectrum(recipe.spectrum).analyse(wav)[0] @ base[0].basis.T
    np.testing.assert_allclose(written[5], wanted.numpy(), atol=5e-3)


def test_training_makes_more_of_the_same_numbers(tiny_set, recipe, tmp_path):
    """A code of 8 numbers learns what follows from them, and a resumed run goes on."""
    small = dataclasses.replace(
        recipe,
        size=dataclasses.replace(recipe.size, channels=8),
        optim=dataclasses.replace(recipe.optim, steps=150, lr=3e-3),
        polish=dataclasses.replace(recipe.polish, steps=50, lr=3e-3),
    )
    run = Run.create("codec", tmp_path / "run", small.seed, small)
    path = fit_codec(run, tiny_set, small)
    assert run.is_finished
    assert path.parent.name == "decoder"
    base, deviation = fit_base(tiny_set, small)
    trained, fresh = load_spectral(path).code, NeuralCode(base, deviation, small.size)
    components = torch.from_numpy(np.load(run.folder / "components.npy").astype(np.float32))
    whole = load_spectral(run.folder / "ema.safetensors")
    losses = [loss_of(code, components, small) for code in (trained, whole.code, fresh)]
    assert losses[0] < losses[1] < 0.9 * losses[2]
    assert load_spectral(path).space == whole.space
    assert load_spectral(path).sha8 != whole.sha8
    assert fit_codec(run, tiny_set, small) == path


def loss_of(code, components, recipe):
    draws = (np.random.default_rng(0), torch.Generator().manual_seed(0))
    return codec_loss(code, Spectrum(recipe.spectrum), components, recipe, *draws).item()


def test_only_training_songs_are_heard(tiny_set, recipe):
    test_only = StemSet(tiny_set.root, tiny_set.split("test"))
    with pytest.raises(DatasetError, match="no song in split 'train'"):
        fit_base(test_only, recipe)


def test_too_little_audio_is_refused(tiny_set, recipe):
    short = dataclasses.replace(
        recipe, excerpts=dataclasses.replace(recipe.excerpts, base=1, frames=1)
    )
    with pytest.raises(DatasetError, match="too few for 48 components"):
        fit_base(tiny_set, short)
