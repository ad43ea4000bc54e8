from pathlib import Path

import numpy as np
import pytest

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems.checking import verify
from accomptk.stems.index import StemSet
from accomptk.stems.place import TEMPORARY, is_folder, place, write_folder, write_whole
from accomptk.stems.prepare import prepare
from tiny_songs import Maker


def test_folders_stay_paths(tmp_path: Path) -> None:
    assert place("data/set") == Path("data/set")
    assert place(tmp_path) is tmp_path or place(tmp_path) == tmp_path
    assert is_folder(place("a: b"))
    assert not is_folder(place("memory://set"))


@pytest.mark.parametrize("url", ["nonsense://set", "nonsense+more://set"])
def test_unknown_urls_are_one_line(url: str) -> None:
    with pytest.raises(DatasetError, match="no URL of a kind that fsspec knows"):
        place(url)


def test_a_missing_package_is_named() -> None:
    import fsspec

    fsspec.register_implementation(
        "accomptkfs", "not_installed.FS", clobber=True, errtxt="Install notinstalled to use it"
    )
    with pytest.raises(MissingTool, match=r"accomptkfs://.*Install notinstalled"):
        place("accomptkfs://bucket")


def test_a_folder_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path, "stems/a", {"one": b"1", "two": b"2"})
    write = Path.write_bytes

    def fail(path: Path, data: bytes) -> int:
        if path.name == "two":
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space"):
        write_folder(tmp_path, "stems/a", {"one": b"new", "two": b"new"})
    monkeypatch.undo()

    folder = tmp_path / "stems" / "a"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"one": b"1", "two": b"2"}
    assert not any((tmp_path / TEMPORARY).iterdir())
    write_folder(tmp_path, "stems/a", {"three": b"3"})
    assert [path.name for path in folder.iterdir()] == ["three"]


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_a_set_at_a_url_is_like_any_other(tmp_path: Path, kind: str) -> None:
    """``local`` goes through fsspec too, where files lie that can be looked at."""
    url = f"{kind}://{tmp_path}/set"
    tasks = [(track, Maker(track, tmp_path / "calls")) for track in ("a", "b: ü")]
    for _ in range(2):
        summary = prepare(place(url), tasks, name="n", source="test")
    there = StemSet.open(url)
    prepare(tmp_path / "here", tasks, name="n", source="test")
    here = StemSet.open(tmp_path / "here")

    assert [song.track for song in summary.kept] == ["a", "b: ü"]
    assert (tmp_path / "calls").read_text().split("\n").count("a") == 2  # once there, once here
    assert there.index_hash == here.index_hash
    assert np.array_equal(
        there.audio(there.songs[1], "drums", 0.5, 1), here.audio(here.songs[1], "drums", 0.5, 1)
    )
    assert not verify(place(url))
    write_whole(place(url) / there.songs[0].stems[0].path, b"other")
    assert [finding.state for finding in verify(place(url))] == ["changed"]
    assert [song.track for song in prepare(place(url), tasks, name="n", source="t").prepared] == [
        "a"
    ]
