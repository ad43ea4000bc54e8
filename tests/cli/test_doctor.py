import contextlib
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from accomptk import run
from accomptk.cli import doctor, main
from accomptk.errors import MissingTool
from accomptk.stems import render
from accomptk.weights import registry


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "gflops", lambda: 50.0)


def diagnose(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def missing(result: Result) -> Iterator[str]:
    return (line for line in result.stdout.splitlines() if line.startswith("missing"))


def test_every_line_is_ok_or_names_what_installs_it() -> None:
    result = diagnose()

    assert result.exit_code == 0
    assert all(line.startswith(("ok ", "missing ")) for line in result.stdout.splitlines())
    assert all("  ->  " in line for line in missing(result))
    assert "50 GFLOP/s" in result.stdout


def test_missing_programs_fonts_and_weights_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_font(name: str) -> Path:
        raise MissingTool(name)

    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(render, "find_soundfont", no_font)
    monkeypatch.setattr(registry, "SHIPPED_DIR", tmp_path)
    monkeypatch.setattr(registry, "is_fetched", lambda name: False)

    told = "\n".join(missing(diagnose()))

    for package, _ in doctor.PROGRAMS.values():
        assert f"apt-get install {package}" in told
    for font in render.SOUNDFONTS.values():
        assert f"apt-get install {font.package}" in told
    for name in registry.THIRD_PARTY:
        assert f"accomptk weights fetch {name}" in told
    for name in doctor.SHIPPED:
        assert f"weights {name}" in told


def test_a_missing_python_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("no_such_package",))

    assert "pip install no_such_package" in "\n".join(missing(diagnose()))


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NEEDED_GB", 1e9)

    assert "disk" in "\n".join(missing(diagnose()))


def test_json_is_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(diagnose("--json").stdout)
    assert found["ready"] == all(check["ok"] for check in found["checks"])
    assert {"python", "torch", "ffmpeg", "speed", "UDP buffer", "disk"} <= {
        c["name"] for c in found["checks"]
    }

    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert json.loads(diagnose("--json").stdout)["ready"] is False


def test_a_taken_port_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        with contextlib.suppress(OSError):  # somebody else may play here
            taken.bind(("127.0.0.1", 7000))
        assert "accomptk live --port 7001" in "\n".join(missing(diagnose()))
