"""accomptk weights: what is listed, and what fetch says."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from accomptk.checkpoint import file_sha256, save_checkpoint
from accomptk.cli import main
from accomptk.weights import registry


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, a package that ships one tiny codec, and no pip."""
    shipped = tmp_path / "shipped"
    codec = shipped / "codec.safetensors"
    save_checkpoint(codec, {"w": torch.zeros(2)}, kind="codec", recipe={})
    monkeypatch.setattr(registry, "SHIPPED_DIR", shipped)
    monkeypatch.setenv("ACCOMPTK_CACHE", str(tmp_path / "cache"))

    def refuse(*_: object) -> Path:
        raise AssertionError("downloads")

    monkeypatch.setattr(registry, "pip_download", refuse)
    return tmp_path


def keep(name: str) -> Path:
    """Put weights of the right kind into the cache."""
    path = registry.stored(name)
    save_checkpoint(path, {"w": torch.zeros(3)}, kind=name, recipe={})
    return path


def test_lists_shipped_and_third_party_weights(cache: Path) -> None:
    kept = keep("beatnet")
    result = CliRunner().invoke(main, ["weights", "list", "--json"])
    rows = {row["name"]: row for row in json.loads(result.stdout)["weights"]}

    assert list(rows) == ["codec", "musicnn", "beatnet"]
    assert rows["codec"]["kind"] == "codec"
    assert rows["codec"]["sha8"] == file_sha256(cache / "shipped" / "codec.safetensors")[:8]
    assert rows["beatnet"]["licence"] == "CC-BY-4.0"
    assert rows["beatnet"]["bytes"] == kept.stat().st_size
    assert (rows["musicnn"]["fetched"], rows["musicnn"]["bytes"]) == (False, None)


def test_list_has_a_line_for_each() -> None:
    result = CliRunner().invoke(main, ["weights", "list"])
    lines = result.stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["codec", "musicnn", "beatnet"]
    assert "not fetched" in lines[1]
    assert "pypi.org/project/musicnn" in lines[1]


def test_fetch_leaves_what_is_there_alone() -> None:
    kept = keep("musicnn")
    result = CliRunner().invoke(main, ["weights", "fetch", "musicnn"])

    assert result.exit_code == 0
    assert f"{kept} (was there)" in result.stdout
    assert "ISC" in result.stdout


def test_fetch_refuses_an_unknown_name_before_any_download() -> None:
    result = CliRunner().invoke(main, ["weights", "fetch", "musicnn", "vggish"])

    assert result.exit_code == 1
    assert result.stderr == "error: weights 'vggish': not known; there are musicnn, beatnet\n"


def test_fetch_downloads_what_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(name: str) -> Path:
        asked.append(name)
        return keep(name)

    monkeypatch.setattr(registry, "fetch", fetch)
    keep("musicnn")
    result = CliRunner().invoke(main, ["weights", "fetch", "--json"])

    assert asked == ["beatnet"]
    rows = json.loads(result.stdout)["weights"]
    assert [row["fetched"] for row in rows] == [True, True]
    assert all(np.isfinite(row["bytes"]) for row in rows)
