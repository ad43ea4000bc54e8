from pathlib import Path

import numpy as np
import pytest
import soundfile

from accomptk.errors import DatasetError
from accomptk.stems.folder import tasks
from accomptk.stems.index import StemSet
from accomptk.stems.naming import Naming
from accomptk.stems.prepare import prepare
from accomptk.stems.song import SongAudio
from signals import RATE, sine


def write(path: Path, seconds: float = 1.5, hz: float = 200, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sine(hz, seconds, rate), rate)
    return path


def read(folder: Path) -> dict[str, SongAudio]:
    return {track: make() for track, make in tasks(folder)}


def test_each_sub_folder_is_a_song(stems_dir: Path) -> None:
    songs = read(stems_dir)

    assert list(songs) == ["one", "two"]
    song = songs["one"]
    assert {name: instrument for name, (instrument, _) in song.stems.items()} == {
        "bass": "bass",
        "drums": "drums",
        "guitar": "guitar",
        "piano": "piano",
    }
    assert np.allclose(song.stems["bass"][1], sine(55, 3), atol=1e-4)
    assert (song.source, song.family, song.beats_source) == ("stems", "one", "")
    assert song.warnings == ()


def test_a_flat_folder_is_one_song(stems_dir: Path) -> None:
    assert list(read(stems_dir / "two")) == ["two"]


def test_lengths_and_rates_may_differ_and_are_told(tmp_path: Path) -> None:
    write(tmp_path / "s" / "bass.wav", seconds=2)
    stereo = np.stack([sine(300, 1, 48_000)] * 2, axis=1)
    soundfile.write(tmp_path / "s" / "piano.wav", stereo, 48_000)

    summary = prepare(tmp_path / "set", tasks(tmp_path / "s"), name="s", source="stems")

    assert summary.warnings == (
        "s: 1 of 2 stems have 48000 Hz; resampled to 44100 Hz",
        "s: 'piano' is 1.00 s shorter than the longest stem; padded with silence",
    )
    assert {stem.seconds for stem in summary.prepared[0].stems} == {2.0}


def test_an_unknown_instrument_is_other_and_told(tmp_path: Path) -> None:
    write(tmp_path / "track 07.wav")
    write(tmp_path / "Bass DI.wav")
    song = read(tmp_path)[tmp_path.name]

    assert song.stems["track 07"][0] == "other"
    assert song.stems["Bass DI"][0] == "bass"
    assert len(song.warnings) == 1
    assert "track 07.wav; taken as 'other' (context only), or give --map" in song.warnings[0]


def test_a_mix_is_no_stem(tmp_path: Path) -> None:
    for name in ("bass", "Full Mix", "mixture", "drum mix"):
        write(tmp_path / f"{name}.wav")
    song = read(tmp_path)[tmp_path.name]

    assert set(song.stems) == {"bass", "drum mix"}
    assert len(song.warnings) == 2


def test_a_lone_mix_is_a_song(tmp_path: Path) -> None:
    write(tmp_path / "mix.wav")

    assert list(read(tmp_path)[tmp_path.name].stems) == ["mix"]


def test_nested_folders_and_their_names(tmp_path: Path) -> None:
    write(tmp_path / "uuid" / "bass" / "1234.wav")
    write(tmp_path / "uuid" / "vocals" / "1234.wav")
    song = read(tmp_path)["uuid"]

    assert {name: stem[0] for name, stem in song.stems.items()} == {
        "bass/1234": "bass",
        "vocals/1234": "melody",
    }
    assert Naming().instrument_of(Path("drums/bass drum.wav")) == "drums"


def test_rules_say_what_a_file_is(tmp_path: Path) -> None:
    for name in ("Lead 1", "track 07", "master bus", "click"):
        write(tmp_path / f"{name}.wav")
    rules = ["lead*=guitar", "track 07=bass", "master*=strings", "click=none"]
    song = tasks(tmp_path, naming=Naming.read(rules))[0][1]()

    assert {name: stem[0] for name, stem in song.stems.items()} == {
        "Lead 1": "guitar",
        "track 07": "bass",
        "master bus": "strings",
    }
    assert song.warnings == ()


def test_a_prompt_and_beats_beside_the_stems(tmp_path: Path) -> None:
    write(tmp_path / "s" / "bass.wav")
    (tmp_path / "s" / "prompt.txt").write_text("slow\n blues \n")
    (tmp_path / "s" / "beats.txt").write_text("0.1 3\n0.5 1\n0.9 2\n1.3 3\n1.7 1\n")
    song = read(tmp_path)["s"]

    assert song.prompt == "slow blues"
    assert np.array_equal(song.beats, [0.1, 0.5, 0.9, 1.3, 1.7])
    assert np.array_equal(song.downbeats, [0.5, 1.7])
    assert (song.meter, song.beats_source) == (3, "known")


@pytest.mark.parametrize("text", ["one two", "1.0\n0.5", "1.0\n1.0"])
def test_what_is_no_list_of_beats_is_told(tmp_path: Path, text: str) -> None:
    write(tmp_path / "s" / "bass.wav")
    (tmp_path / "s" / "beats.txt").write_text(text)
    summary = prepare(tmp_path / "set", tasks(tmp_path), name="s", source="stems")

    assert "beats.txt: " in summary.skipped[0][1]


def test_stereo_can_be_kept(tmp_path: Path) -> None:
    both = np.stack([sine(200, 1.5), sine(300, 1.5)])
    soundfile.write(tmp_path / "bass.wav", both.T, RATE)
    write(tmp_path / "piano.wav")
    song = tasks(tmp_path, channels=2)[0][1]()

    assert np.allclose(song.stems["bass"][1], both, atol=1e-4)
    assert song.stems["piano"][1].shape == (round(1.5 * RATE),)
    summary = prepare(tmp_path / "set", tasks(tmp_path, channels=2), name="s", source="stems")
    stems = StemSet.open(tmp_path / "set")
    assert soundfile.info(tmp_path / "set" / summary.prepared[0].stem("bass").path).channels == 2
    assert np.allclose(stems.audio(stems.songs[0], "bass"), both.mean(axis=0), atol=1e-4)


def test_files_that_differ_by_suffix_are_two_stems(tmp_path: Path) -> None:
    write(tmp_path / "bass.wav")
    write(tmp_path / "bass.flac")

    assert set(read(tmp_path)[tmp_path.name].stems) == {"bass.wav", "bass.flac"}


def test_hidden_and_foreign_files_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "s" / "bass.wav")
    (tmp_path / "s" / "._bass.wav").write_bytes(b"\0" * 100)
    (tmp_path / "s" / "notes.txt").write_text("x")
    (tmp_path / "s" / "piano.m4a").write_bytes(b"x")
    (tmp_path / "__MACOSX").mkdir()
    write(tmp_path / "loose.wav")
    (tmp_path / "s" / "loop").symlink_to(tmp_path, target_is_directory=True)

    song = read(tmp_path)["s"]

    assert list(song.stems) == ["bass"]
    assert song.warnings == (
        f"{tmp_path}/loose.wav: lies beside the songs' folders; left out",
        "s: piano.m4a left out; convert it to WAV or FLAC",
    )


def test_bad_songs_are_skipped_and_listed(tmp_path: Path) -> None:
    source = tmp_path / "in"
    write(source / "good" / "bass.wav")
    write(source / "short" / "bass.wav", seconds=0.2)
    for song in ("cut", "nan", "zero"):
        write(source / song / "bass.wav")
    cut = write(source / "cut" / "piano.flac", seconds=3)
    cut.write_bytes(cut.read_bytes()[:-2_000])
    wav = sine(200, 1.5)
    wav[7] = np.nan
    soundfile.write(source / "nan" / "piano.wav", wav, RATE, subtype="FLOAT")
    (source / "zero" / "piano.wav").touch()

    summary = prepare(tmp_path / "set", tasks(source), name="s", source="stems")

    assert [song.track for song in summary.prepared] == ["good"]
    reasons = dict(summary.skipped)
    assert set(reasons) == {"cut", "nan", "short", "zero"}
    assert "truncated" in reasons["cut"]
    assert "not numbers" in reasons["nan"]
    assert "0.2 s long" in reasons["short"]
    assert "0 bytes" in reasons["zero"]


def test_awkward_names_survive(tmp_path: Path) -> None:
    names = ["a song", "Ünïcode 曲", "with: colon", "trailing.", "-dash", "%s {x}"]
    for name in names:
        write(tmp_path / "in" / name / "Bass: 1 é.wav")

    summary = prepare(tmp_path / "set", tasks(tmp_path / "in"), name="s", source="stems")

    assert [song.track for song in summary.prepared] == sorted(names)
    assert {song.stems[0].stem for song in summary.prepared} == {"Bass: 1 é"}
    assert {song.stems[0].instrument for song in summary.prepared} == {"bass"}


def test_a_changed_file_or_split_makes_the_song_again(tmp_path: Path) -> None:
    for song in ("a", "b"):
        write(tmp_path / "in" / song / "bass.wav")

    def run(split: str | None = None) -> list[str]:
        made = prepare(tmp_path / "set", tasks(tmp_path / "in", split), name="s", source="stems")
        return [song.track for song in made.prepared]

    assert run() == ["a", "b"]
    assert run() == []
    write(tmp_path / "in" / "b" / "bass.wav", seconds=2)
    assert run() == ["b"]
    assert run("test") == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("absent", "no such folder"), ("empty", "holds no audio"), ("set", "prepared set already")],
)
def test_folders_without_songs_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "index.parquet").touch()

    with pytest.raises(DatasetError, match=reason) as caught:
        tasks(tmp_path / name)
    assert "\n" not in str(caught.value)
