import os
from pathlib import Path

import pytest

from accomptk.errors import DatasetError
from accomptk.stems.tree import Tree, check_folder, fingerprint


def names(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in Tree(root)]


def test_everything_but_hidden_in_order(tmp_path: Path) -> None:
    for name in ("b/2.wav", "b/10.wav", "a.wav", ".DS_Store", "b/._2.wav", "__MACOSX/b/2.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert names(tmp_path) == ["a.wav", "b", "b/10.wav", "b/2.wav"]


def test_links_in_circles_end(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    (root / "song").mkdir(parents=True)
    (root / "song" / "bass.wav").touch()
    other.mkdir()
    (other / "piano.wav").touch()
    for link, target in {
        root / "song" / "up": root,
        root / "song" / "self": root / "song" / "self",
        root / "above": tmp_path,
        root / "other": other,
        other / "again": other,
        other / "back": root,
    }.items():
        link.symlink_to(target, target_is_directory=True)

    found = names(root)

    assert [name for name in found if name.endswith(".wav")] == ["other/piano.wav", "song/bass.wav"]
    assert len(found) < 10


def test_folders_that_cannot_be_listed_are_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad" / "inner").mkdir(parents=True)
    (tmp_path / "good").mkdir()
    listed = Path.iterdir

    def iterdir(path: Path) -> object:
        if path.name == "bad":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    tree = Tree(tmp_path)

    assert [path.name for path in tree] == ["bad", "good"]
    [(name, problem)] = tree.problems
    assert name == "bad"
    with pytest.raises(DatasetError, match="bad: Permission denied; check the folder's perm"):
        problem()
    with pytest.raises(DatasetError, match="Permission denied"):
        check_folder(tmp_path / "bad")


def test_there_has_to_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        check_folder(tmp_path / "absent")


def test_fingerprints_tell_files_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"1")
    os.utime(path, (0, 0))
    first = fingerprint([path], "x")

    assert fingerprint([path], "x") == first
    assert fingerprint([path], "y") != first
    os.utime(path, (0, 1))
    assert fingerprint([path], "x") != first
    path.unlink()
    assert fingerprint([path], "x") != first
