import errno
import json
import os
import subprocess
from pathlib import Path

import pytest

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems import song as song_module
from accomptk.stems.checking import check_song, verify
from accomptk.stems.index import StemSet
from accomptk.stems.prepare import Task, prepare
from tiny_songs import Maker


def tasks_of(*makers: Maker) -> list[Task]:
    return [(maker.track, maker) for maker in makers]


def run(out: Path, *makers: Maker, **options: object):
    return prepare(out, tasks_of(*makers), name="n", source="test", seed=3, **options)


def contents(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def test_makes_a_set(tmp_path: Path) -> None:
    told = []
    summary = run(tmp_path, Maker("a"), Maker("b"), progress=lambda *now: told.append(now))

    assert [song.track for song in summary.prepared] == ["a", "b"]
    assert told == [(1, 2, "a"), (2, 2, "b")]
    assert summary.warnings == ("a: made up", "b: made up")
    assert not verify(tmp_path)
    info = json.loads((tmp_path / "set.json").read_text())
    assert (info["name"], info["source"], info["seed"], info["skipped"]) == ("n", "test", 3, [])
    assert {path.split("/")[0] for path in contents(tmp_path)} == {
        "stems",
        "index.parquet",
        "set.json",
    }


def test_a_song_prepared_twice_is_the_same(tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(tmp_path / name, Maker("a"), Maker("b"))

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_running_again_makes_only_what_is_new_changed_or_damaged(tmp_path: Path) -> None:
    out, calls = tmp_path / "set", tmp_path / "calls"
    first = [Maker(track, calls, origin="1") for track in "abcd"]
    run(out, *first)
    songs = {song.track: song for song in StemSet.open(out).songs}
    (out / songs["b"].stems[0].path).write_bytes(b"damaged")
    before = contents(out)
    calls.unlink()

    again = [*first[:2], Maker("c", calls, origin="2"), first[3], Maker("e", calls)]
    summary = run(out, *again)

    assert calls.read_text().split() == ["b", "c", "e"]
    assert [song.track for song in summary.kept] == ["a", "d"]
    assert [song.track for song in summary.prepared] == ["b", "c", "e"]
    assert [song.track for song in StemSet.open(out).songs] == list("abcde")
    assert contents(out)[songs["a"].stems[0].path] == before[songs["a"].stems[0].path]
    assert not verify(out)


def test_force_makes_everything_again(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    for _ in range(2):
        summary = run(tmp_path / "set", Maker("a", calls), force=True)

    assert calls.read_text().split() == ["a", "a"]
    assert not summary.kept


def test_a_bad_song_is_skipped_and_listed(tmp_path: Path) -> None:
    summary = run(tmp_path, Maker("a"), Maker("bad", failure="skip"), Maker("c"))

    assert summary.skipped == (("bad", "bad: cannot be used; make another"),)
    assert [song.track for song in StemSet.open(tmp_path).songs] == ["a", "c"]
    info = json.loads((tmp_path / "set.json").read_text())
    assert info["skipped"] == [{"track": "bad", "reason": "bad: cannot be used; make another"}]


def test_a_song_that_went_bad_leaves_the_index(tmp_path: Path) -> None:
    run(tmp_path, Maker("a"), Maker("b"))
    run(tmp_path, Maker("a"), Maker("b", failure="skip", origin="2"))

    assert [song.track for song in StemSet.open(tmp_path).songs] == ["a"]


def test_nothing_at_all_leaves_nothing(tmp_path: Path) -> None:
    summary = run(tmp_path / "set", Maker("bad", failure="skip"))

    assert not summary.prepared
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("failure", "raised"),
    [("crash", ZeroDivisionError), ("tool", MissingTool), ("stop", KeyboardInterrupt)],
)
def test_an_interruption_leaves_whole_songs(
    tmp_path: Path, failure: str, raised: type[BaseException]
) -> None:
    with pytest.raises(raised):
        run(tmp_path, Maker("a"), Maker("b", failure=failure), Maker("c"))

    assert [song.track for song in StemSet.open(tmp_path).songs] == ["a"]
    assert [path.name for path in (tmp_path / "stems").iterdir()] == ["a"]
    assert not (tmp_path / ".tmp").exists()
    assert len(run(tmp_path, Maker("a"), Maker("b"), Maker("c")).prepared) == 2


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    half = tmp_path / ".tmp" / "a" / "drums.flac"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    lost = tmp_path / "stems" / "a" / "other.flac"  # renamed, but the index never heard of it
    lost.parent.mkdir(parents=True)
    lost.write_bytes(b"old")

    run(tmp_path, Maker("a"))

    assert not half.exists()
    assert not lost.exists()
    assert not check_song(tmp_path, StemSet.open(tmp_path).songs[0])


def test_a_failure_between_two_stems_leaves_no_half_song(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def write_once(path: Path, data: bytes) -> int:
        if path.suffix == ".flac" and path.stem != "drums":
            raise RuntimeError("pulled the plug")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_once)
    with pytest.raises(RuntimeError, match="plug"):
        run(tmp_path / "set", Maker("a"))

    assert not (tmp_path / "set").exists()


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="disk is full") as caught:
        run(tmp_path, Maker("a"), Maker("b", failure="full"))

    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert [song.track for song in StemSet.open(tmp_path).songs] == ["a"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to mount")
def test_a_really_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("may not mount here")
    try:
        with pytest.raises(DatasetError, match="disk is full"):
            run(disk, *(Maker(f"{i:02d}") for i in range(20)))
        whole = {path.name for path in (disk / "stems").iterdir()}
        assert 0 < len(whole) < 20
        assert all(len(list((disk / "stems" / name).iterdir())) == 3 for name in whole)
        assert not (disk / ".tmp").exists()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_folder_that_may_not_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise OSError(errno.EROFS, "Read-only file system", "disk")

    monkeypatch.setattr(song_module, "write_folder", refuse)
    with pytest.raises(DatasetError, match="disk: Read-only file system; choose another folder"):
        run(tmp_path / "set", Maker("a"))


def test_out_may_not_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DatasetError, match="choose another folder"):
        run(tmp_path / "file", Maker("a"))
    assert (tmp_path / "file").is_file()


def test_two_songs_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="two songs have this name"):
        run(tmp_path, Maker("a"), Maker("a"))


def test_files_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    import soundfile

    from accomptk.stems.folder import tasks
    from signals import RATE, sine

    for song in range(3):
        folder = tmp_path / "in" / f"song {song}: ü"
        folder.mkdir(parents=True)
        for number, name in enumerate(("bass", "piano")):
            soundfile.write(folder / f"{name}.wav", sine(100 + 50 * number + song, 1.5), RATE)
    (tmp_path / "in" / "bad").mkdir()
    (tmp_path / "in" / "bad" / "bass.wav").touch()

    one, two = (
        prepare(tmp_path / f"{count}", tasks(tmp_path / "in"), name="n", source="t", workers=count)
        for count in (1, 2)
    )

    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert one.skipped == two.skipped
    assert len(two.prepared) == 3
