"""Exit codes and one-line errors of the command line."""

import errno

import click
import pytest
from click.testing import CliRunner, Result

from accomptk import __version__, cli
from accomptk.cli.options import echo_json, progress
from accomptk.errors import MissingTool, RecipeError


def run(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    """Run a verb that fails with ``error``."""

    @click.command()
    def verb() -> None:
        raise error

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: verb)
    return CliRunner().invoke(cli.main, ["verb"])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RecipeError("a.toml: no\n such key"), "error: a.toml: no such key\n"),
        (MissingTool("mma is not installed"), "error: mma is not installed\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out.flac"),
            "error: disk full: [Errno 28] No space left on device: 'out.flac'; "
            "free some space, or give another --out\n",
        ),
        (
            RuntimeError("IoError: No space left on device (os error 28)"),
            "error: disk full: IoError: No space left on device (os error 28); "
            "free some space, or give another --out\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x"),
            "error: /x: Permission denied\n",
        ),
        (
            ModuleNotFoundError("No module named 'soxr'", name="soxr"),
            "error: Python package 'soxr' is not installed: pip install soxr\n",
        ),
    ],
)
def test_what_a_user_can_mend_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, line: str
) -> None:
    result = run(monkeypatch, error)

    assert (result.exit_code, result.stderr, result.stdout) == (1, line, "")


def test_ctrl_c_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, KeyboardInterrupt()).exit_code == 130


def test_our_own_mistakes_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    mistake = ZeroDivisionError("ours")

    assert run(monkeypatch, mistake).exception is mistake


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOMPTK_DEBUG", "1")
    error = RecipeError("a.toml: no such key")

    assert run(monkeypatch, error).exception is error


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"]])
def test_usage_errors_exit_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli.main, arguments)

    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_version() -> None:
    result = CliRunner().invoke(cli.main, ["--version"])

    assert result.output == f"accomptk, version {__version__}\n"


def test_json_has_null_for_what_is_not_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    np = pytest.importorskip("numpy")

    echo_json({"a": [float("nan"), 1.5], "b": np.float32(2), "c": np.float64("inf"), "d": None})

    assert "".join(capsys.readouterr().out.split()) == '{"a":[null,1.5],"b":2.0,"c":null,"d":null}'


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as bar:
        bar.update(bar.add_task("songs", total=2), advance=1)

    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
