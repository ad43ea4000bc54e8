"""Folding of musicnn's variables: each is used once, and another graph is refused."""

from pathlib import Path

import numpy as np
import pytest

from accomptk.errors import CheckpointError
from accomptk.weights.folding import convert, fold
from tiny_musicnn import variables, write_wheel


def test_refuses_variables_that_are_left_over(rng: np.random.Generator) -> None:
    values = variables(rng) | {"conv2d_8/kernel": np.zeros((7, 5, 1, 5), np.float32)}

    with pytest.raises(CheckpointError, match="conv2d_8/kernel"):
        fold(values)


def test_refuses_a_missing_variable(rng: np.random.Generator) -> None:
    values = variables(rng)
    del values["batch_normalization_9/beta"]

    with pytest.raises(CheckpointError, match="batch_normalization_9/beta"):
        fold(values)


def test_ignores_the_optimiser(rng: np.random.Generator) -> None:
    values = variables(rng)
    bare = {name: value for name, value in values.items() if "Adam" not in name}

    assert {name: t.tolist() for name, t in fold(values).items()} == {
        name: t.tolist() for name, t in fold(bare).items()
    }


def test_a_negative_scale_negates_the_filter(rng: np.random.Generator) -> None:
    values = variables(rng)
    values["batch_normalization_1/gamma"][:] = (1, -1, 1, -1)
    state = fold(values)
    kernel = values["conv2d/kernel"].transpose(3, 2, 1, 0)[1:]  # the first has vanished

    assert state["timbral.0.sign"].flatten().tolist() == [-1, 1, -1]
    np.testing.assert_array_equal(state["timbral.0.layer.weight"][0], -kernel[0])
    np.testing.assert_array_equal(state["timbral.0.layer.weight"][1], kernel[1])


def test_converts_both_variants_of_a_wheel(tmp_path: Path, rng: np.random.Generator) -> None:
    state = convert(write_wheel(tmp_path, rng))

    variants = {name.partition(".")[0] for name in state}
    assert variants == {"msd", "mtt"}
    assert state["msd.tags.weight"].shape == (50, 200)
    assert not state["msd.tags.weight"].equal(state["mtt.tags.weight"])


def test_refuses_another_wheel(tmp_path: Path) -> None:
    path = tmp_path / "other.whl"
    path.write_bytes(b"not a zip file")

    with pytest.raises(CheckpointError, match="not a wheel of musicnn"):
        convert(path)
