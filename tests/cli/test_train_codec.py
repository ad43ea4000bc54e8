"""``accomptk train codec``: a set in, a checkpoint and latents out."""

import dataclasses

import pytest
from click.testing import CliRunner

from accomptk.cli import main
from accomptk.latents.codec import load_codec
from accomptk.latents.shards import read_latents
from accomptk.stems.prepare import prepare
from tiny_songs import Maker


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    prepare(root, [("one", TrainingSong("one"))], name="tiny", source="test")
    return root


class TrainingSong(Maker):
    """A tiny song of the training split."""

    def __call__(self):
        return dataclasses.replace(super().__call__(), split="train")


def run(*arguments: object):
    return CliRunner().invoke(main, ["train", "codec", *map(str, arguments)])


def test_codec_and_latents(data, tmp_path):
    out = tmp_path / "run"
    arguments = ["--data", data, "--recipe", "smoke/codec", "--set", "size.channels=8"]
    result = run(*arguments, "--out", out, "--workers", 1, "--quiet")
    assert result.exit_code == 0, result.output
    path = out / "decoder" / "ema.safetensors"
    assert result.output.strip() == str(path)
    codec = load_codec(path)
    assert codec.channels == 8
    songs = read_latents(data, codec.space, "train")
    assert songs[0].latents.shape[:2] == (2, 8)
    assert run(*arguments, "--out", out, "--workers", 1, "--quiet").exit_code == 0


def test_a_missing_set_is_one_line(tmp_path):
    result = run("--data", tmp_path, "--recipe", "smoke/codec", "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert "index.parquet" in result.output
    assert len(result.output.strip().splitlines()) == 1
