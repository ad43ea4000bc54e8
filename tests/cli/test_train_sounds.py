"""``accomptk train sounds``: a model that exists, with the sounds of anyone's stems."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from accomptk.checkpoint import load_tensors, read_header, save_checkpoint
from accomptk.cli import main
from accomptk.latents.codec import SHIPPED, load_codec
from accomptk.streaming.models import load_model
from tiny_models import tiny_teacher
from tiny_sets import write_set


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A set of one's own with drums, bass and piano, without latents."""
    return write_set(tmp_path_factory.mktemp("set") / "mine", songs=2)


@pytest.fixture
def model(tmp_path):
    """A teacher that knows sounds of every instrument."""
    codec, path = load_codec(), tmp_path / "models" / "teacher.safetensors"
    path.parent.mkdir()
    tiny_teacher(path, codec.channels, codec.space)
    return path


def run(*arguments: object):
    return CliRunner().invoke(main, ["train", "sounds", "--quiet", *map(str, arguments)])


def test_only_the_sounds_of_what_the_set_has_are_other_ones(data, model, tmp_path):
    out = tmp_path / "lent" / "mine.safetensors"
    result = run("--data", data, "--model", model, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}\n"
    assert result.stderr == "sounds: 1 of drums, 1 of bass, 1 of piano\n"
    before, after = load_model(str(model)), load_model(str(out))
    weights = zip(*(load_tensors(path, "teacher")[0].items() for path in (model, out)), strict=True)
    assert all(a == b and torch.equal(x.half(), y.half()) for (a, x), (b, y) in weights)
    for name, kept in (("guitar", True), ("bass", False), ("drums", False)):
        told = [player.sounds.choose(name, None, 0) for player in (before, after)]
        assert np.array_equal(*told) == kept, name
    assert read_header(out).parents["init"]


def test_a_student_of_adapters_plays_with_what_it_was_lent(data, tmp_path):
    """Its teacher, whose weights it needs, knows others."""
    out = tmp_path / "lent" / "student.safetensors"
    result = run("--data", data, "--out", out)
    assert result.exit_code == 0, result.output
    before, after = load_model("student"), load_model(str(out))
    for name, kept in (("guitar", True), ("bass", False)):
        told = [player.sounds.choose(name, None, 0) for player in (before, after)]
        assert np.array_equal(*told) == kept, name


def test_without_out_it_lies_among_the_runs(data, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("--data", data, "--model", model, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["checkpoint"] == "runs/train-sounds-mine/teacher.safetensors"
    assert said["sounds"] == {"drums": 1, "bass": 1, "piano": 1}
    assert load_model(said["checkpoint"]).sounds.sounds


def refuse(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    return result.output


def test_what_has_no_sounds_is_named(data, model, tmp_path):
    out = tmp_path / "mine.safetensors"
    said = "is a codec that was trained without sounds"
    assert said in refuse("--data", data, "--model", SHIPPED, "--out", out)
    tensors, header = load_tensors(model, "teacher")
    older = {key: value for key, value in header.extra.items() if key != "sounds"}
    save_checkpoint(model, tensors, kind="teacher", recipe=header.recipe, extra=older)
    said = "is a teacher that was trained without sounds"
    assert said in refuse("--data", data, "--model", model, "--out", out)
    assert not out.exists()
