"""Bad input gives exit code 1 and one line that says where, what and what to do."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from accomptk.checkpoint import save_checkpoint
from accomptk.cli import main
from accomptk.latents.codec import SHIPPED
from accomptk.stems.demo import demo_root
from accomptk.streaming.models import shipped_path


@pytest.fixture
def tune(stems_dir: Path) -> str:
    return str(stems_dir / "one" / "guitar.wav")


def refuse(*arguments: str) -> str:
    """Run a verb that has to fail, and return its one line on stderr."""
    result = CliRunner().invoke(main, [*arguments, "--quiet"])

    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize(
    "verb", [["prep", "stems"], ["prep", "midi"], ["eval", "--data"], ["train", "codec", "--data"]]
)
def test_an_empty_folder(verb: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert "empty" in refuse(*verb, str(tmp_path / "empty"), "--out", str(tmp_path / "out"))


def test_the_wrong_kind_of_checkpoint(tune: str, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path))

    assert "is a codec checkpoint" in refuse("simulate", tune, "--model", str(SHIPPED), *out)
    teacher = str(shipped_path("teacher"))
    assert "is a teacher checkpoint" in refuse("simulate", tune, "--codec", teacher, *out)


def test_a_damaged_checkpoint(tune: str, tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    path.write_bytes(SHIPPED.read_bytes()[:1000])

    assert "damaged" in refuse("simulate", tune, "--model", str(path), "--out", str(tmp_path))


def test_another_codecs_latents(tune: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    from accomptk.checkpoint import read_header

    header, tensors = read_header(SHIPPED), load_file(SHIPPED)
    other = tmp_path / "other.safetensors"
    tensors["basis"] = tensors["basis"] * 1.01
    save_checkpoint(other, tensors, kind="codec", recipe=header.recipe, extra=header.extra, step=99)

    line = refuse("simulate", tune, "--codec", str(other), "--out", str(tmp_path))
    assert "works in latent space" in line


def test_a_misspelt_recipe_key(tmp_path: Path) -> None:
    line = refuse("train", "teacher", "--set", "noise.sigma_maks=3", "--out", str(tmp_path))

    assert "[noise]: unknown key 'sigma_maks'; did you mean 'sigma_max'?" in line


def test_a_window_that_leaves_nothing_to_hear(tune: str, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path))

    assert "hear" in refuse("simulate", tune, "--hop", "36", "--gap", "36", *out)
    assert "hear" in refuse("eval", "--lookahead", "9", "--data", str(demo_root()), *out)


def test_a_length_that_is_none(tune: str, tmp_path: Path) -> None:
    assert "'soon'" in refuse("simulate", tune, "--gap", "soon", "--out", str(tmp_path))
