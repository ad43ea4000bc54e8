"""A tiny prepared set and a codec fitted to it."""

import dataclasses
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest
import torch

from accomptk.latents.autoencoder import NeuralCode
from accomptk.latents.code import LinearCode
from accomptk.latents.codec import Codec, load_codec
from accomptk.latents.fit import CodecRecipe, fit_base
from accomptk.latents.music2latent import load_music2latent
from accomptk.latents.spectral import SpectralCodec, load_spectral, save_spectral
from accomptk.recipe import load_recipe
from accomptk.stems.index import StemSet
from published_codec import stand_in
from tiny_sets import write_set


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory: pytest.TempPathFactory) -> StemSet:
    return StemSet.open(write_set(tmp_path_factory.mktemp("set") / "tiny"))


@pytest.fixture(scope="session")
def recipe() -> CodecRecipe:
    return load_recipe("smoke/codec", CodecRecipe, ["size.channels=48"])


@pytest.fixture(scope="session")
def codec_path(
    tiny_set: StemSet, recipe: CodecRecipe, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("codec") / "codec.safetensors"
    base, _ = fit_base(tiny_set, recipe)
    save_spectral(path, asdict(base), recipe, {})
    return path


@pytest.fixture(scope="session")
def pca_codec(codec_path: Path) -> SpectralCodec:
    return load_spectral(codec_path)


@pytest.fixture(scope="session")
def neural_codec(
    pca_codec: SpectralCodec, recipe: CodecRecipe, tmp_path_factory: pytest.TempPathFactory
) -> SpectralCodec:
    """An autoencoder whose networks do something, saved and loaded."""
    code = pca_codec.code
    assert isinstance(code, LinearCode)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        neural = NeuralCode(code, torch.ones(48), dataclasses.replace(recipe.size, channels=16))
        for parameter in neural.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    small = dataclasses.replace(recipe, size=dataclasses.replace(recipe.size, channels=16))
    path = tmp_path_factory.mktemp("neural") / "codec.safetensors"
    save_spectral(path, neural.state_dict(), small, {})
    return load_spectral(path)


@pytest.fixture(params=["linear", "neural"])
def spectral_codec(request: pytest.FixtureRequest) -> SpectralCodec:
    """Each kind of code in turn."""
    name = {"linear": "pca_codec", "neural": "neural_codec"}[request.param]
    codec: SpectralCodec = request.getfixturevalue(name)
    return codec


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A stand-in for the installed package music2latent."""
    module = stand_in(tmp_path / "music2latent")
    monkeypatch.setitem(sys.modules, "music2latent", module)
    load_music2latent.cache_clear()
    yield module
    load_music2latent.cache_clear()


@pytest.fixture(params=["linear", "neural", "music2latent"])
def any_codec(request: pytest.FixtureRequest) -> Codec:
    """Each codec in turn."""
    if request.param == "music2latent":
        request.getfixturevalue("published")
        return load_codec(Path("music2latent"))
    name = {"linear": "pca_codec", "neural": "neural_codec"}[request.param]
    codec: Codec = request.getfixturevalue(name)
    return codec
