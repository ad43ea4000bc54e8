"""The sound of the spectral codec: levels, extremes, joins, and its checkpoint."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from accomptk.checkpoint import file_sha256, read_header
from accomptk.latents.codec import SHIPPED, decode, encode, load_codec
from accomptk.latents.contract import joins
from accomptk.latents.fit import CodecRecipe
from accomptk.latents.spectral import SpectralCodec, latent_space, load_spectral
from accomptk.latents.spectrum import SAMPLE_RATE
from accomptk.recipe import parse_recipe
from signals import clicks, sine

FRAME = 3675


def there_and_back(codec: SpectralCodec, wav: np.ndarray) -> np.ndarray:
    played = decode(codec, encode(codec, torch.from_numpy(wav)[None, None]))
    return played[0, 0, : wav.size].numpy()


def rms_db(wav: np.ndarray) -> float:
    return 20 * float(np.log10(np.sqrt(np.mean(wav**2)) + 1e-9))


@pytest.mark.parametrize("level", [0.05, 0.2, 0.99])
def test_level_is_kept(pca_codec, level):
    wav = sine(62.0, 2.0, level=level)
    played = there_and_back(pca_codec, wav)
    assert rms_db(played[FRAME:-FRAME]) == pytest.approx(rms_db(wav[FRAME:-FRAME]), abs=1.0)
    assert np.abs(played).max() < 1.0


def test_pitch_is_kept(pca_codec):
    played = there_and_back(pca_codec, sine(186.0, 2.0))[FRAME:-FRAME]
    spectrum = np.abs(np.fft.rfft(played * np.hanning(played.size)))
    peak_hz = np.argmax(spectrum) * 44100 / played.size
    assert peak_hz == pytest.approx(186.0, abs=3.0)


def test_joins_of_frames_do_not_click(pca_codec):
    wav = torch.from_numpy(sine(62.0, 6.0) + sine(186.0, 6.0))[None, None]
    for codec, first in ((load_codec(SHIPPED), 0), (pca_codec, 1)):
        # A linear code makes a broad click of the onset, which ends at the first join.
        late = codec.decode_next(encode(codec, wav), codec.decode_state(1))[:, 0].numpy()
        jump_db, treble_db = joins(late[:, first * FRAME :], FRAME, SAMPLE_RATE)
        assert jump_db < 2.0
        assert treble_db < 6.0


def test_clicks_keep_their_places(pca_codec):
    times_s = np.arange(0.5, 2.5, 0.5)
    played = there_and_back(pca_codec, clicks(times_s, 3.0))
    for time_s in times_s:
        start = round((time_s - 0.1) * 44100)
        loudest = start + int(np.argmax(np.abs(played[start : start + 8820])))
        assert loudest == pytest.approx(time_s * 44100, abs=600)


@pytest.mark.parametrize(
    "wav",
    [
        np.full(4 * FRAME, 0.5, np.float32),
        sine(20.0, 1.0, level=0.9),
        np.ones(1, np.float32),
        np.sign(sine(62.0, 1.0)) * np.float32(1.0),
    ],
    ids=["DC", "20 Hz", "one sample", "full-scale square"],
)
def test_extreme_input_stays_in_range(pca_codec, wav):
    played = there_and_back(pca_codec, wav)
    assert np.isfinite(played).all()
    assert np.abs(played).max() <= 1.0


def test_loud_latents_are_softened_not_clipped(pca_codec):
    latents = encode(pca_codec, torch.from_numpy(sine(62.0, 1.0))[None, None])
    played = decode(pca_codec, latents * 10)
    assert torch.isfinite(played).all()
    assert played.abs().max() <= 1.0


def test_iterations_bring_magnitudes_closer(pca_codec):
    wav = torch.from_numpy(sine(62.0, 2.0) + clicks(np.arange(0, 2, 0.3), 2.0))[None, None]
    latents = encode(pca_codec, wav)

    def error(iterations: int) -> float:
        codec = SpectralCodec(pca_codec.code, pca_codec.spectrum, "0", "0", iterations)
        again = encode(codec, decode(codec, latents))
        return float((again - latents)[..., 2:-2].square().mean())

    assert error(8) < 0.9 * error(0)


def test_training_latents_have_unit_variance_and_ordered_scales(pca_codec):
    weights = pca_codec.component_weights
    assert weights.shape == (pca_codec.channels,)
    assert weights.mean() == pytest.approx(1.0)
    assert (weights[1:5] > weights[-1]).all()


def test_header_says_what_the_codec_is(codec_path, recipe, pca_codec):
    header = read_header(codec_path)
    assert header.kind == "codec"
    assert header.extra["codec"] == "spectral"
    assert parse_recipe(header.recipe, CodecRecipe, "header") == recipe
    assert pca_codec.sha8 == file_sha256(codec_path)[:8]


def test_loading_twice_gives_the_same_codec(codec_path, pca_codec):
    again = load_spectral(codec_path)
    assert torch.equal(again.code.basis, pca_codec.code.basis)
    assert again.sha8 == pca_codec.sha8


def test_the_latent_space_is_named_by_what_encodes(recipe):
    encoder, decoder = {"basis": torch.tensor([0.0, 1.0])}, {"decoder.out": torch.ones(2)}
    named = latent_space(recipe.spectrum, encoder)
    assert named == latent_space(recipe.spectrum, {**encoder, **decoder})
    assert named == latent_space(recipe.spectrum, {"basis": torch.tensor([-0.0, 1.0])})
    assert named != latent_space(recipe.spectrum, {"basis": torch.tensor([0.5, 1.0])})
    assert named != latent_space(replace(recipe.spectrum, hearing=0.9), encoder)
