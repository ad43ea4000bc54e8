"""``accomptk train teacher --init``: from a teacher and anyone's stems to a teacher that plays."""

import pytest
import torch
from click.testing import CliRunner

from accomptk.checkpoint import load_tensors, read_header
from accomptk.cli import main
from accomptk.diffusion.teacher import Teacher
from accomptk.latents.codec import SHIPPED, load_codec
from accomptk.latents.shards import latents_dir
from accomptk.streaming.models import load_model
from tiny_models import tiny_teacher
from tiny_sets import write_set

SHORT = ("--set", "geometry.excerpt=24", "--set", "optim.steps=2", "--quiet")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A set of one's own, without latents."""
    return write_set(tmp_path_factory.mktemp("set") / "mine", songs=2)


@pytest.fixture
def init(tmp_path):
    codec = load_codec()
    tiny_teacher(tmp_path / "init.safetensors", codec.channels, codec.space)
    return tmp_path / "init.safetensors"


def run(*arguments: object):
    return CliRunner().invoke(main, ["train", "teacher", *map(str, arguments)])


def weights(path):
    """What a teacher's file holds, rounded as files of runs are."""
    return {name: value.half() for name, value in load_tensors(path, "teacher")[0].items()}


@pytest.mark.parametrize("rank", [4, 0])
def test_a_tuned_teacher_is_a_teacher(data, init, tmp_path, rank):
    out = tmp_path / "run"
    options = ("--recipe", "smoke/finetune", "--set", f"adapter.rank={rank}", *SHORT)
    result = run("--data", data, "--init", init, "--out", out, *options)
    assert result.exit_code == 0, result.output
    assert "words that the model does not know: test\n" in result.output
    assert list(latents_dir(data, load_codec().space).glob("*.tar"))
    path = out / "ema.safetensors"
    assert isinstance(load_model(str(path)), Teacher)
    before, after = weights(init), weights(out / "raw.safetensors")
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert "net.blocks.0.q.weight" in changed
    assert ("net.blocks.0.q.bias" in changed) == (rank == 0)
    assert set(read_header(path).parents) == {"init"}


def test_the_network_is_that_of_the_teacher(data, init, tmp_path):
    wide = ("--recipe", "smoke/finetune", "--set", "size.width=64", *SHORT)
    result = run("--data", data, "--init", init, "--out", tmp_path / "run", *wide)
    assert result.exit_code == 0, result.output
    assert read_header(tmp_path / "run" / "ema.safetensors").recipe["size"]["width"] == 32


def refuse(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    return result.output


def test_what_cannot_be_tuned_is_named(data, init, tmp_path):
    given = ("--data", data, "--recipe", "smoke/finetune", "--out", tmp_path / "run", *SHORT)
    assert "give one with --init" in refuse(*given)
    assert "is a codec checkpoint" in refuse(*given, "--init", SHIPPED)
    tiny_teacher(init, load_codec().channels, "00c0ffee")
    assert "works in latent space 00c0ffee" in refuse(*given, "--init", init)
