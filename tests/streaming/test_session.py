import pytest

from accomptk.errors import RecipeError
from accomptk.streaming.session import name_models, prepare_songs


def test_a_model_is_called_by_its_kind():
    assert name_models(["teacher", "a_style"], ["runs/a/ema.safetensors", "a_style"]) == [
        "teacher",
        "a_style",
    ]


def test_models_of_one_kind_are_called_by_their_files():
    paths = ["teacher", "runs/mine/ema.safetensors", "runs/mine/half.safetensors"]
    assert name_models(["teacher"] * 3, paths) == ["teacher", "mine", "mine-half"]


def test_models_that_cannot_be_told_apart_are_refused():
    with pytest.raises(RecipeError, match="two are called 'mine'"):
        name_models(["teacher"] * 2, ["a/mine/ema.safetensors", "b/mine/ema.safetensors"])


def test_a_prepared_set_is_used_as_it_is(tmp_path):
    (tmp_path / "index.parquet").touch()
    assert prepare_songs(tmp_path, tmp_path / "set", 1) == tmp_path
    assert prepare_songs(tmp_path / "absent", tmp_path / "set", 1) == tmp_path / "absent"
    assert not (tmp_path / "set").exists()
