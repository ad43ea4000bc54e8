"""Third-party weights: fetched once, checked, kept whole, and asked for by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from accomptk.checkpoint import file_sha256, load_tensors, read_header
from accomptk.errors import CheckpointError, MissingTool
from accomptk.weights import registry
from tiny_musicnn import write_wheel


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ACCOMPTK_CACHE", str(folder))
    return folder


@pytest.fixture
def wheel(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small wheel of musicnn that the registry takes for the published one."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = write_wheel(folder, rng)
    source = replace(registry.THIRD_PARTY["musicnn"], sha256=file_sha256(path))
    monkeypatch.setattr(registry, "THIRD_PARTY", {"musicnn": source})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return path


def test_fetches_through_pip_and_keeps_the_licence(cache: Path, wheel: Path) -> None:
    path = registry.fetch("musicnn")
    tensors, header = load_tensors(path, "musicnn")

    assert path == registry.path("musicnn")
    assert path.parent == cache
    assert tensors["msd.tags.bias"].shape == (50,)
    assert header.extra["licence"] == "ISC"
    assert header.parents == {"musicnn==0.1.0": file_sha256(wheel)}
    assert [file.name for file in cache.iterdir()] == [path.name]


@pytest.mark.usefixtures("cache")
def test_says_what_pip_says_when_there_is_no_wheel(wheel: Path) -> None:
    wheel.unlink()

    with pytest.raises(MissingTool, match=r"musicnn==0\.1\.0: pip could not .*PIP_FIND_LINKS"):
        registry.fetch("musicnn")


def test_refuses_another_file(cache: Path, wheel: Path) -> None:
    wheel.write_bytes(wheel.read_bytes() + b"!")

    with pytest.raises(CheckpointError, match=r"sha256 is .*, must be"):
        registry.fetch("musicnn", lambda *_: wheel)
    assert not cache.exists()


@pytest.mark.usefixtures("wheel")
def test_a_failed_conversion_leaves_what_was_there(cache: Path, tmp_path: Path) -> None:
    kept = registry.stored("musicnn")
    kept.parent.mkdir()
    kept.write_bytes(b"kept")
    empty = tmp_path / "empty.whl"
    empty.write_bytes(b"")

    with pytest.raises(CheckpointError):
        registry.fetch("musicnn", lambda *_: empty)
    assert kept.read_bytes() == b"kept"
    assert list(cache.iterdir()) == [kept]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", registry.THIRD_PARTY)
def test_absent_weights_name_the_command_that_fetches_them(name: str) -> None:
    line = f"weights '{name}' are not fetched: run `accomptk weights fetch {name}`"

    assert not registry.is_fetched(name)
    with pytest.raises(MissingTool) as caught:
        registry.path(name)
    assert str(caught.value) == line


@pytest.mark.usefixtures("cache")
def test_half_a_file_does_not_count_as_fetched(wheel: Path) -> None:
    path = registry.fetch("musicnn", lambda *_: wheel)
    assert registry.is_fetched("musicnn")

    path.write_bytes(path.read_bytes()[:-100])

    assert not registry.is_fetched("musicnn")


def test_refuses_unknown_weights() -> None:
    with pytest.raises(MissingTool, match="'musicn': not known; there are musicnn, beatnet"):
        registry.path("musicn")


def test_a_source_or_layout_that_changes_is_fetched_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    source = registry.THIRD_PARTY["musicnn"]
    files = set()
    for other in (source, replace(source, sha256="0" * 64), replace(source, layout=99)):
        monkeypatch.setattr(registry, "THIRD_PARTY", {"musicnn": other})
        files.add(registry.stored("musicnn"))

    assert len(files) == 3


def test_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ACCOMPTK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert registry.cache_dir() == tmp_path / "accomptk" / "weights"


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("/usr/bin/python: No module named pip", "ensurepip"),
        ("WARNING: Retrying after NewConnectionError('refused')\nERROR: none", "does not answer"),
        ("WARNING: old\nERROR: Could not find a version\nERROR: No match", "Could not find"),
        ("", "it said nothing"),
    ],
)
def test_the_reason_is_one_line(
    stderr: str, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Failed:
        returncode = 1

        def __init__(self) -> None:
            self.stderr = stderr

    monkeypatch.setattr(registry.subprocess, "run", lambda *_, **__: Failed())

    with pytest.raises(MissingTool, match=reason) as caught:
        registry.pip_download(registry.THIRD_PARTY["beatnet"], tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.weights
@pytest.mark.parametrize("name", registry.THIRD_PARTY)
def test_fetched_weights_say_what_they_are(name: str) -> None:
    if not registry.is_fetched(name):
        pytest.skip(f"accomptk weights fetch {name}")
    header = read_header(registry.path(name))

    assert header.extra["licence"] == registry.THIRD_PARTY[name].licence
    assert list(header.parents.values()) == [registry.THIRD_PARTY[name].sha256]
