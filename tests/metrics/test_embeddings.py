"""Embeddings: patches, rates, bad input, models by name, and the package's own judges."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from accomptk.errors import DatasetError, MissingTool, RecipeError
from accomptk.metrics.embeddings import MusicnnModel, embed, load_model
from accomptk.metrics.frechet_package import (
    PACKAGE_MODELS,
    PackageModel,
    import_package,
    load_package_model,
)
from accomptk.weights import registry
from accomptk.weights.folding import fold
from accomptk.weights.musicnn import build_musicnn
from tiny_musicnn import variables

RATE = 16_000


@pytest.fixture(scope="module")
def judge() -> MusicnnModel:
    return MusicnnModel("tiny", build_musicnn(fold(variables(np.random.default_rng(2)))))


def noise(rng: np.random.Generator, seconds: float, rate: int = RATE) -> np.ndarray:
    return rng.standard_normal(round(seconds * rate)).astype(np.float32) * 0.1


@pytest.mark.parametrize(
    ("seconds", "patches"), [(0.1, 1), (3.0, 1), (3.9, 1), (4.0, 2), (24.0, 22)]
)
def test_one_patch_a_second_of_three_seconds(
    seconds: float, patches: int, judge: MusicnnModel, rng: np.random.Generator
) -> None:
    (made,) = embed([noise(rng, seconds)], RATE, judge)

    assert made.shape == (patches, 200)
    assert made.dtype == np.float32


def test_empty_signal_and_no_signal(judge: MusicnnModel) -> None:
    (made,) = embed([np.zeros(0)], RATE, judge)

    assert made.shape == (0, 200)
    assert embed([], RATE, judge) == []


def test_a_short_signal_is_repeated(judge: MusicnnModel, rng: np.random.Generator) -> None:
    short = noise(rng, 1.0)
    made = embed([short, np.tile(short, 3)], RATE, judge)

    np.testing.assert_array_equal(*made)


def test_long_signals_are_heard_in_batches(
    judge: MusicnnModel, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav = noise(rng, 9.0)
    (whole,) = embed([wav], RATE, judge)
    monkeypatch.setattr("accomptk.metrics.embeddings.BATCH_PATCHES", 3)
    (parts,) = embed([wav], RATE, judge)

    assert whole.shape == (7, 200)
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_signals_do_not_depend_on_each_other(judge: MusicnnModel, rng: np.random.Generator) -> None:
    one, two = noise(rng, 3.0), noise(rng, 5.0)
    together = embed([one, two], RATE, judge)

    np.testing.assert_array_equal(together[1], embed([two], RATE, judge)[0])
    assert np.abs(together[0][0] - together[1][0]).max() > 1e-3


def test_hears_the_same_at_another_rate(judge: MusicnnModel) -> None:
    def tone(rate: int) -> np.ndarray:
        time_s = np.arange(4 * rate) / rate
        return (0.2 * np.sin(2 * np.pi * (200 + 300 * time_s) * time_s)).astype(np.float32)

    (low,), (high,) = embed([tone(RATE)], RATE, judge), embed([tone(44_100)], 44_100, judge)

    assert low.shape == high.shape
    assert np.abs(low - high).mean() < 0.1 * np.abs(low - low.mean()).mean()


@pytest.mark.parametrize(
    ("wav", "line"),
    [
        (np.zeros((2, 100)), r"shape \(2, 100\); it must be mono"),
        (np.array([0.0, np.nan]), "no numbers"),
        (np.array([0.0, np.inf]), "no numbers"),
    ],
)
def test_refuses_what_cannot_be_heard(wav: np.ndarray, line: str, judge: MusicnnModel) -> None:
    with pytest.raises(DatasetError, match=line):
        embed([wav], RATE, judge)


def test_unknown_model_lists_those_there_are() -> None:
    with pytest.raises(RecipeError, match="'vgg': not known; there are musicnn-msd, musicnn-mtt"):
        load_model("vgg")


def test_absent_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOMPTK_CACHE", str(tmp_path))
    from accomptk.metrics.embeddings import _musicnn

    _musicnn.cache_clear()
    with pytest.raises(MissingTool, match="run `accomptk weights fetch musicnn`"):
        load_model()


@pytest.mark.parametrize("name", PACKAGE_MODELS)
def test_the_packages_judges_never_download(name: str, tmp_path: Path) -> None:
    with pytest.raises(MissingTool, match="no folder of checkpoints was given"):
        load_model(name)
    with pytest.raises(MissingTool, match=f"embedding '{name}' needs .* use musicnn-msd"):
        load_package_model(name, tmp_path)


class Judge:
    """Stands for the package's class: one embedding a call, as PANN and CLAP give."""

    def __init__(self, features: int) -> None:
        self.features = features
        self.lengths: list[int] = []

    def get_embeddings(self, wavs: list[np.ndarray], sample_rate: int) -> np.ndarray:
        self.lengths += [len(wav) for wav in wavs]
        return np.concatenate([np.full(self.features, wav.mean()) for wav in wavs])


def test_the_packages_judges_hear_patches() -> None:
    judge = Judge(2048)
    model = PackageModel("pann", judge)
    made = model.embed(np.arange(5 * 32_000, dtype=np.float32))

    assert made.shape == (3, 2048)
    assert judge.lengths == [3 * 32_000] * 3
    assert np.diff(made[:, 0]) == pytest.approx([32_000] * 2)


def test_the_packages_printed_errors_become_ours(capsys: pytest.CaptureFixture[str]) -> None:
    def get_embeddings(wavs: list[np.ndarray], sample_rate: int) -> np.ndarray:
        print("get_embeddings throw an exception: no tensor")  # noqa: T201
        return np.concatenate([])

    model = PackageModel("vggish", SimpleNamespace(get_embeddings=get_embeddings))
    with pytest.raises(DatasetError, match=r"'vggish': .*no tensor"):
        model.embed(np.zeros(100, np.float32))
    assert capsys.readouterr().out == ""


def test_the_package_is_imported_offline_and_without_clap() -> None:
    module = import_package()
    left = sys.modules.get("laion_clap")

    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert module.FrechetAudioDistance
    assert left is None or left.__file__


@pytest.mark.weights
@pytest.mark.skipif(not registry.is_fetched("musicnn"), reason="accomptk weights fetch musicnn")
def test_real_judges_tell_noise_from_tones(rng: np.random.Generator) -> None:
    time_s = np.arange(4 * RATE) / RATE
    chord = sum(0.1 * np.sin(2 * np.pi * hz * time_s) for hz in (220.0, 277.2, 329.6))
    for name in ("musicnn-msd", "musicnn-mtt"):
        tones, hiss, more_hiss = (
            made.mean(axis=0)
            for made in embed([chord, noise(rng, 4), noise(rng, 4)], RATE, load_model(name))
        )
        assert np.linalg.norm(tones - hiss) > 5 * np.linalg.norm(hiss - more_hiss)
