"""A tiny prepared set and a codec fitted to it."""

from pathlib import Path

import pytest

from accomptk.latents.fit import CodecRecipe, fit_code
from accomptk.latents.spectral import SpectralCodec, load_spectral, save_spectral
from accomptk.recipe import load_recipe
from accomptk.stems.index import StemSet
from tiny_sets import write_set


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory: pytest.TempPathFactory) -> StemSet:
    return StemSet.open(write_set(tmp_path_factory.mktemp("set") / "tiny"))


@pytest.fixture(scope="session")
def recipe() -> CodecRecipe:
    return load_recipe("smoke/codec", CodecRecipe, ["components=48"])


@pytest.fixture(scope="session")
def codec_path(
    tiny_set: StemSet, recipe: CodecRecipe, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("codec") / "codec.safetensors"
    code, figures = fit_code(tiny_set, recipe)
    save_spectral(path, code, recipe, figures)
    return path


@pytest.fixture(scope="session")
def pca_codec(codec_path: Path) -> SpectralCodec:
    return load_spectral(codec_path)
