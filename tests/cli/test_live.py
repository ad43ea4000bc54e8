"""`accomptk live` as it is typed."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from accomptk.cli import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["live", *arguments])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--gap", "3", "--lookahead", "2"], "say the same thing"),
        (["--transport", "file"], "belong together"),
        (["--io-dir", "."], "belong together"),
        (["--wire", "multitrack", "--transport", "file", "--io-dir", "."], "has no files"),
    ],
)
def test_what_contradicts_itself_is_a_usage_error(arguments: list[str], reason: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert reason in result.output


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example"])
def test_other_machines_need_a_flag(host: str) -> None:
    result = run("--host", host)

    assert result.exit_code == 1
    assert "add --allow-remote" in result.stderr


@pytest.mark.parametrize("arguments", [["--gap", "0"], ["--lookahead", "1"], ["--gap", "-3"]])
def test_a_gap_that_leaves_no_time_is_refused(arguments: list[str]) -> None:
    result = run("--hop", "9", *arguments)

    assert result.exit_code == 1
    assert "cannot play what it has yet to hear" in result.stderr


def test_patches_are_copied(tmp_path: Path) -> None:
    result = run("--copy-patch", str(tmp_path))

    assert result.exit_code == 0
    assert result.output.strip() == str(tmp_path / "accomptk")
    names = {path.name for path in (tmp_path / "accomptk").iterdir()}
    assert {"accomptk.pd", "accomptk.js", "README.md"} <= names
    assert not any(name.endswith(".py") for name in names)


def test_serves_until_ctrl_c() -> None:
    """The whole program with the shipped models: it says where it listens, and ends cleanly."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = subprocess.Popen(
        [
            *(sys.executable, "-m", "accomptk", "live", "--json", "--beats", "none"),
            *("--hop", "9", "--gap", "9", "--port", str(port), "--instruments", "drums"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    events = [json.loads(program.stdout.readline())]
    program.send_signal(signal.SIGINT)
    rest, errors = program.communicate(timeout=60)
    events += [json.loads(line) for line in rest.splitlines()]

    assert [event["event"] for event in events] == ["listening", "interrupted"]
    assert events[0]["port"] == port
    assert (program.returncode, errors) == (0, "")
