"""Fitting: reproducible, orthonormal, of unit variance, and honest about too little audio."""

import dataclasses

import numpy as np
import pytest
import torch

from accomptk.errors import DatasetError
from accomptk.latents.fit import draw_excerpts, fit_code
from accomptk.latents.spectrum import FRAME_SAMPLES, OVERLAP, Spectrum
from accomptk.run import numpy_generator
from accomptk.stems.index import StemSet


def test_same_seed_same_code(tiny_set, recipe, pca_codec):
    code, _ = fit_code(tiny_set, recipe)
    torch.testing.assert_close(code.basis, pca_codec.code.basis, atol=1e-3, rtol=0)
    other, _ = fit_code(tiny_set, dataclasses.replace(recipe, seed=1))
    assert not torch.allclose(other.basis, code.basis, atol=1e-3)


def test_basis_is_orthonormal_and_latents_have_unit_variance(tiny_set, recipe):
    code, figures = fit_code(tiny_set, recipe)
    torch.testing.assert_close(code.basis @ code.basis.T, torch.eye(48), atol=1e-4, rtol=0)
    spectrum = Spectrum(recipe.spectrum)
    latents = [
        code.encode(spectrum.analyse(torch.from_numpy(wav)[None]))[0]
        for song in tiny_set.split("train")
        for wav in draw_excerpts(
            tiny_set, song, recipe.excerpts, numpy_generator(recipe.seed, f"codec/{song.track}")
        )
    ]
    every = torch.cat(latents, dim=1)
    assert figures["frames"] == every.shape[1]
    assert every.var(dim=1).mean() == pytest.approx(1.0, abs=0.02)
    assert every.mean(dim=1).abs().max() < 1e-3
    assert 0.9 < figures["energy_kept"] <= 1.0


def test_excerpts_alternate_between_stems_and_mixes_within_full_scale(tiny_set, recipe):
    song = tiny_set.songs[0]
    loud = dataclasses.replace(recipe.excerpts, gain_min_db=40.0, gain_max_db=60.0)
    excerpts = list(draw_excerpts(tiny_set, song, loud, np.random.default_rng(0)))
    assert all((wav.size - OVERLAP) % FRAME_SAMPLES == 0 for wav in excerpts)
    assert max(np.abs(wav).max() for wav in excerpts) == pytest.approx(1.0)


def test_only_training_songs_are_heard(tiny_set, recipe):
    test_only = StemSet(tiny_set.root, tiny_set.split("test"))
    with pytest.raises(DatasetError, match="no song in split 'train'"):
        fit_code(test_only, recipe)


def test_too_little_audio_is_refused(tiny_set, recipe):
    short = dataclasses.replace(
        recipe,
        components=100,
        excerpts=dataclasses.replace(recipe.excerpts, per_song=1, seconds=0.1),
    )
    with pytest.raises(DatasetError, match="too few for 100 components"):
        fit_code(tiny_set, short)
