"""musicnn: the folded network is the published one, on toy weights and on the real ones."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import golden_musicnn
from accomptk.weights import registry
from accomptk.weights.folding import fold
from accomptk.weights.musicnn import (
    BANDS,
    PATCH_FRAMES,
    VARIANTS,
    Musicnn,
    build_musicnn,
    load_musicnn,
    log_mel,
    tag_names,
)
from golden_musicnn import STARTS, signal
from tiny_musicnn import published, variables

GOLDEN = json.loads(Path(golden_musicnn.__file__).with_suffix(".json").read_text())

needs_weights = pytest.mark.skipif(
    not registry.is_fetched("musicnn"), reason="accomptk weights fetch musicnn"
)


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray]:
    return variables(np.random.default_rng(1))


@pytest.fixture(scope="module")
def net(values: dict[str, np.ndarray]) -> Musicnn:
    return build_musicnn(fold(values))


@pytest.fixture(scope="module")
def spectrogram() -> torch.Tensor:
    frames = PATCH_FRAMES + 130
    return torch.rand(BANDS, frames, generator=torch.Generator().manual_seed(0)) * 4


def test_folded_network_is_the_published_one(
    values: dict[str, np.ndarray], net: Musicnn, spectrogram: torch.Tensor
) -> None:
    starts = (0, 62, 130)
    patches = torch.stack([spectrogram[:, start : start + PATCH_FRAMES] for start in starts])

    made, wanted = net(spectrogram, starts), published(values, patches)

    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-4)
    assert wanted[0].std() > 0.1


def test_a_patch_does_not_depend_on_its_neighbours(net: Musicnn, spectrogram: torch.Tensor) -> None:
    together = net(spectrogram, (0, 62, 125))
    alone = net(spectrogram[:, 62 : 62 + PATCH_FRAMES])

    torch.testing.assert_close(alone[0], together[0][1:2], rtol=1e-5, atol=1e-5)


def test_sizes(net: Musicnn, spectrogram: torch.Tensor) -> None:
    embedding, tags = net(spectrogram, (0, 1))

    assert embedding.shape == (2, 200)
    assert tags.shape == (2, 50)
    assert 0 <= tags.min() <= tags.max() <= 1


def test_vanished_filters_are_not_computed(net: Musicnn) -> None:
    blocks = (*net.timbral, *net.temporal)

    assert [block.layer.out_channels for block in blocks] == [3, 2, 1, 2, 1]


@pytest.mark.parametrize("variant", VARIANTS)
def test_has_fifty_different_tags(variant: str) -> None:
    assert len(set(tag_names(variant))) == 50


def test_log_mel_is_that_of_librosa() -> None:
    made = log_mel(torch.from_numpy(signal()))

    assert made.shape == (BANDS, 313)
    for frame, wanted in GOLDEN["log_mel"].items():
        np.testing.assert_allclose(made[:, int(frame)], wanted, atol=5e-4)


def test_log_mel_of_silence_is_zero() -> None:
    assert not log_mel(torch.zeros(16_000)).any()


@pytest.mark.weights
@needs_weights
@pytest.mark.parametrize("variant", VARIANTS)
def test_real_weights_give_what_the_authors_code_gives(variant: str) -> None:
    net = load_musicnn(registry.path("musicnn"), variant)
    embedding, tags = net(log_mel(torch.from_numpy(signal())), STARTS)

    np.testing.assert_allclose(embedding, GOLDEN[variant]["embedding"], atol=2e-4)
    np.testing.assert_allclose(tags, GOLDEN[variant]["tags"], atol=2e-5)
