"""Synth and distill as typed, on tiny models of the shipped codec."""

import json
import sys

import pytest
import torch
from click.testing import CliRunner

from accomptk.checkpoint import file_sha256, read_header
from accomptk.cli import main
from accomptk.diffusion.student import load_student
from accomptk.diffusion.trajectory_shards import TrajectorySet
from accomptk.latents.codec import load_codec
from tiny_models import tiny_a_style, tiny_teacher

SMALL = ("--recipe", "smoke/synth", "--set", "streams=3", "--set", "group=2", "--quiet")
SMALL += ("--set", "geometry.excerpt=14", "--set", "players=2")
READS = (".wav", ".flac", ".mp3", ".ogg", ".mp4", ".mid", ".sf2", ".parquet", ".npy")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Paths of a teacher and a baseline that were trained on nothing."""
    folder = tmp_path_factory.mktemp("models")
    made = {"teacher": tiny_teacher, "a_style": tiny_a_style}
    codec = load_codec()
    for name, make in made.items():
        make(folder / f"{name}.safetensors", codec.channels, codec.space)
    return {name: folder / f"{name}.safetensors" for name in made}


@pytest.fixture
def opened():
    """Every file that Python opens while the test runs."""
    paths, is_on = [], True

    def listen(event, arguments):
        if is_on and event == "open" and isinstance(arguments[0], str):
            paths.append(arguments[0])

    sys.addaudithook(listen)
    yield paths
    is_on = False


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", ["teacher", "a_style"])
def test_an_interrupted_synth_goes_on_and_ends_the_same(models, tmp_path, name):
    """What is missing is made, in batches of another size, and holds the same trajectories."""
    command = ("synth", "--teacher", models[name], "--out", tmp_path, *SMALL)
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert "3 of 3 distinct condition tuples rolled out" in result.output
    before = TrajectorySet(tmp_path).read(0)
    lost, kept = (tmp_path / f"{shard:06d}.tar" for shard in (0, 1))
    lost.unlink()
    written = kept.stat().st_mtime_ns
    assert run(*command, "--batch", 1).exit_code == 0
    assert kept.stat().st_mtime_ns == written
    for one, two in zip(TrajectorySet(tmp_path).read(0), before, strict=True):
        assert torch.allclose(one.states, two.states, atol=0.05)
    if name == "teacher":
        assert "another prompts" in run(*command, "--prompts", prompts(tmp_path)).output


def prompts(folder):
    path = folder / "prompts.txt"
    path.write_text("slow jazz\n\nloud rock\n", encoding="utf-8")
    return path


def test_prompts_of_the_user_are_rolled_out(models, tmp_path):
    bank = prompts(tmp_path)
    result = run(
        "synth", "--teacher", models["teacher"], "--out", tmp_path, "--prompts", bank, *SMALL
    )
    assert result.exit_code == 0, result.output
    assert TrajectorySet(tmp_path).details.prompts == ("slow jazz", "loud rock")


def test_data_free_distillation_opens_no_recording(models, tmp_path, opened, monkeypatch):
    """As typed but for the size; a prepared set that lies about is not touched."""
    trap = tmp_path / "data" / "band"
    trap.mkdir(parents=True)
    (trap / "index.parquet").write_bytes(b"must not be read")
    monkeypatch.chdir(tmp_path)
    small = 'extends = "smoke/synth"\nstreams = 2\nplayers = 2\n[geometry]\nexcerpt = 12\n'
    (tmp_path / "synth.toml").write_text(small)
    opened.clear()
    result = run(
        *("distill", "--data-free", "--recipe", "smoke/distill", "--teacher", models["teacher"]),
        *("--out", "run", "--json", "--merge", "--quiet", "--set", "synth=synth.toml"),
        *("--set", "optim.precision=bfloat16", "--set", "optim.steps=2"),
    )
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert made["finished"]
    header = read_header(tmp_path / made["checkpoint"])
    assert header.kind == "student"
    assert header.parents["teacher"] == file_sha256(models["teacher"])
    assert load_student(tmp_path / "run" / "merged.safetensors").evaluations
    assert any(path.endswith("000000.tar") for path in opened)
    assert not [path for path in opened if path.endswith(READS) or str(trap) in path]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data-free", "--data", "data/band"), "--data-free reads no data"),
        (("--trajectories", "runs/synth"), "--trajectories are for --data-free"),
    ],
)
def test_options_that_contradict_are_refused(arguments, message):
    result = run("distill", *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_folder_without_trajectories_is_one_line(models, tmp_path):
    result = run(
        *("distill", "--data-free", "--recipe", "smoke/distill", "--teacher", models["teacher"]),
        *("--trajectories", tmp_path, "--out", tmp_path / "run", "--quiet"),
    )
    assert result.exit_code == 1
    assert (
        result.output
        == f"error: {tmp_path}: holds no trajectories; make some with accomptk synth\n"
    )
