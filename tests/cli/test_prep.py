import errno
import json
from pathlib import Path

import pytest
import soundfile
from click.testing import CliRunner, Result

from accomptk.cli import main
from accomptk.latents import codec, shards
from accomptk.stems import band, song
from accomptk.stems.index import StemSet
from signals import RATE, sine
from tiny_songs import Maker


def prep(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(
        main, ["prep", *words, "--workers", "1", "--no-latents", "--no-beats"]
    )


def test_prints_a_table_and_the_folder(stems_dir: Path, tmp_path: Path) -> None:
    result = prep("stems", stems_dir, "--out", tmp_path / "set", "--split", "valid")

    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["split", "songs", "stems", "minutes"]
    assert ["valid", "2", "8", "0.1"] in lines
    assert result.stdout.splitlines()[-1] == f"{tmp_path}/set: 2 prepared, 0 kept, 0 skipped"
    assert result.stderr == ""


def test_json_is_one_object(stems_dir: Path, tmp_path: Path) -> None:
    arguments = ("stems", stems_dir, "--out", tmp_path / "set", "--json")
    first, again = (json.loads(prep(*arguments).stdout) for _ in range(2))

    assert first["prepared"] == again["kept"] == ["one", "two"]
    assert first["kept"] == again["prepared"] == []
    assert first["index_hash"] == again["index_hash"]
    assert sum(split["songs"] for split in first["splits"].values()) == 2
    assert first["latents"] is None


def test_sets_go_to_data_by_name(
    stems_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert prep("stems", stems_dir).exit_code == 0
    assert len(StemSet.open("data/songs").songs) == 2


def test_force_makes_songs_again(stems_dir: Path, tmp_path: Path) -> None:
    for _ in range(2):
        result = prep("stems", stems_dir, "--out", tmp_path / "set", "--force", "--json")

    assert json.loads(result.stdout)["prepared"] == ["one", "two"]


def test_warnings_and_skipped_songs_are_listed_on_stderr(stems_dir: Path, tmp_path: Path) -> None:
    (stems_dir / "one" / "piano.wav").write_bytes(b"RIFF")
    soundfile.write(stems_dir / "two" / "bass.wav", sine(50, 2, 22_050), 22_050)
    result = prep("stems", stems_dir, "--out", tmp_path / "set")

    assert result.exit_code == 0
    warned = [line for line in result.stderr.splitlines() if line.startswith("warning: two: ")]
    assert len(warned) == 2
    assert f"skipped: one: {stems_dir}/one/piano.wav: damaged" in result.stderr
    assert "1 prepared, 0 kept, 1 skipped" in result.stdout


def test_no_song_left_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in" / "song").mkdir(parents=True)
    soundfile.write(tmp_path / "in" / "song" / "bass.wav", sine(50, 0.2), RATE)
    result = prep("stems", tmp_path / "in", "--out", tmp_path / "set")

    assert result.exit_code == 1
    assert "0.2 s long" in result.stderr
    assert "none of 1 songs could be prepared" in result.stderr
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("source", ["stems", "midi"])
def test_an_empty_folder_is_one_line(tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").mkdir()
    result = prep(source, tmp_path / "empty", "--out", tmp_path / "set")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {tmp_path}/empty: holds no ")
    assert len(result.stderr.splitlines()) == 1


def test_the_set_may_not_lie_in_its_source(stems_dir: Path) -> None:
    result = prep("stems", stems_dir, "--out", stems_dir / "set")

    assert result.exit_code == 1
    assert "lies in the source; choose another folder with --out" in result.stderr


def test_a_full_disk_is_one_line(
    stems_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(song, "write_folder", refuse)
    result = prep("stems", stems_dir, "--out", tmp_path / "set")

    assert result.exit_code == 1
    assert "the disk is full" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def with_latents(stems_dir: Path, tmp_path: Path) -> Result:
    words = ["prep", "stems", str(stems_dir), "--out", str(tmp_path / "set"), "--workers", "1"]
    words.append("--no-beats")
    return CliRunner().invoke(main, [*words, "--json"])


def test_the_set_is_encoded_with_the_shipped_codec(
    stems_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def encode_set(root: Path, loaded: str, **options: object) -> Path:
        asked.append((root, loaded, options["workers"], options["force"]))
        return root / "latents" / "12345678"

    (tmp_path / "codec.safetensors").touch()
    monkeypatch.setattr(codec, "SHIPPED", tmp_path / "codec.safetensors")
    monkeypatch.setattr(codec, "load_codec", lambda: "the codec")
    monkeypatch.setattr(shards, "encode_set", encode_set)
    result = with_latents(stems_dir, tmp_path)

    assert result.exit_code == 0
    assert asked == [(tmp_path / "set", "the codec", 1, False)]
    assert json.loads(result.stdout)["latents"] == f"{tmp_path}/set/latents/12345678"


def test_without_a_shipped_codec_the_latents_are_left_out(
    stems_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "SHIPPED", tmp_path / "absent")
    result = with_latents(stems_dir, tmp_path)

    assert result.exit_code == 0
    assert "latents left out" in result.stderr
    assert json.loads(result.stdout)["latents"] is None


def test_band_passes_its_options_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def tasks(*arguments: object, **options: object) -> list[tuple[str, Maker]]:
        asked.append((arguments, options))
        return [("a", Maker("a"))]

    monkeypatch.setattr(band, "tasks", tasks)
    words = ["band", "--songs", "3", "--seed", "7", "--split", "test", "--seconds", "20", "10"]
    result = prep(*words, "--out", tmp_path / "set")

    assert result.exit_code == 0
    assert asked == [((3, 7), {"split": "test", "seconds": (10.0, 20.0)})]
    assert json.loads((tmp_path / "set" / "set.json").read_text())["seed"] == 7


@pytest.mark.debian("ffmpeg")
def test_musdb_says_that_it_uses_the_excerpt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MUSDB_PATH", raising=False)
    result = prep("musdb", "--out", tmp_path / "set")

    assert result.exit_code == 0
    assert "the one real 6 s excerpt that stempeg ships" in result.stderr
    assert len(StemSet.open(tmp_path / "set").songs) == 1


@pytest.mark.debian("ffmpeg")
def test_musdb_path_is_read_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSDB_PATH", str(tmp_path / "gone"))
    result = prep("musdb", "--out", tmp_path / "set")

    assert result.exit_code == 1
    assert "gone: no such folder" in result.stderr


@pytest.mark.parametrize(
    "words", [["stems"], ["band", "--songs", "0"], ["band", "--split", "dev"], ["tape"]]
)
def test_usage_errors_exit_with_2(words: list[str]) -> None:
    assert CliRunner().invoke(main, ["prep", *words]).exit_code == 2


def test_sources_are_listed_in_their_order() -> None:
    output = CliRunner().invoke(main, ["prep", "--help"]).output
    places = [
        output.index(f"\n  {name} ")
        for name in ("musdb", "slakh", "moisesdb", "stems", "midi", "band")
    ]

    assert places == sorted(places)


def test_a_report_is_a_table_and_a_picture(stems_dir: Path, tmp_path: Path) -> None:
    result = prep("stems", stems_dir, "--out", tmp_path / "set", "--split", "train", "--report")

    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    row = next(line for line in lines if line[:2] == ["train", "bass"])
    assert row[2:7] == ["2", "2", "0", "0.00167", "100%"]
    assert float(row[7]) == pytest.approx(-17.3, abs=0.2)  # all are turned down by one gain
    assert "beats: known 0, estimated 0, none 2" in result.stdout
    assert (tmp_path / "set" / "report.png").is_file()


def test_verify_lists_and_with_force_mends(stems_dir: Path, tmp_path: Path) -> None:
    words = ("stems", stems_dir, "--out", tmp_path / "set")
    prep(*words)
    fine = prep(*words, "--verify")
    bass, piano = (tmp_path / "set" / "stems" / "one" / f"{n}.flac" for n in ("bass", "piano"))
    data = bytearray(bass.read_bytes())
    data[-1] ^= 1
    bass.write_bytes(data)  # as long as before
    piano.unlink()
    found = prep(*words, "--verify")
    mended = prep(*words, "--verify", "--force", "--json")
    again = prep(*words, "--verify", "--json")

    assert (fine.exit_code, fine.stdout) == (
        0,
        f"{tmp_path}/set: every file is as it was written\n",
    )
    assert found.exit_code == 1
    assert found.stdout.splitlines() == [
        "changed: stems/one/bass.flac",
        "missing: stems/one/piano.flac",
    ]
    assert "2 files are missing or changed; the same command with --verify --force" in found.stderr
    assert json.loads(mended.stdout)["prepared"] == ["one"]
    assert json.loads(again.stdout)["findings"] == []


def test_processes_or_a_cluster(stems_dir: Path) -> None:
    result = prep("stems", stems_dir, "--scheduler", "tcp://127.0.0.1:1")

    assert result.exit_code == 2
    assert "give one" in result.stderr


def test_a_url_is_a_place_too(stems_dir: Path, tmp_path: Path) -> None:
    result = prep("stems", stems_dir, "--out", f"local://{tmp_path}/set")

    assert result.exit_code == 0
    assert len(StemSet.open(tmp_path / "set").songs) == 2


def test_beats_without_weights_are_left_unknown(
    stems_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCOMPTK_CACHE", str(tmp_path / "cache"))
    words = ["stems", str(stems_dir), "--out", str(tmp_path / "set"), "--workers", "1"]
    result = CliRunner().invoke(main, ["prep", *words, "--no-latents"])

    assert result.exit_code == 0
    assert "beats left unknown: " in result.stderr
    assert "accomptk weights fetch" in result.stderr
    assert result.stderr.count("\n") == 1
