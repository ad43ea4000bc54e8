import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from accomptk.errors import DatasetError
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.checking import CHANGED, MISSING, check_song, is_there, verify
from accomptk.stems.index import StemSet, merge, read_index, write_index
from accomptk.stems.music import Song
from accomptk.stems.song import write_song
from signals import sine
from tiny_songs import tiny_song


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    songs = [write_song(root, tiny_song(track), track, "o") for track in ("b side", "ä")]
    write_index(root, songs, {"name": "set"})
    return root


def test_what_is_written_is_read(prepared: Path) -> None:
    songs = StemSet.open(prepared).songs
    song = songs[0]

    assert [s.track for s in songs] == ["b side", "ä"]
    assert (song.split, song.meter, song.tempo, song.seconds) == ("valid", 4, 120.0, 2.0)
    assert (song.key, song.prompt, song.family, song.source) == ("A minor", "slow", "f", "test")
    assert (song.soundfont, song.license, song.beats_source) == ("none", "CC0", "known")
    assert song.origin == "o"
    assert song.chords == ((0.0, 1.0, "A:min7"), (1.0, 2.0, "N"))
    assert np.array_equal(song.beats, [0, 0.5, 1, 1.5])
    assert np.array_equal(song.downbeats, [0])
    assert [(stem.stem, stem.instrument) for stem in song.stems] == [
        ("drums", "drums"),
        ("bass: low", "bass"),
    ]
    assert song.stem("bass: low").active == ((0.0, 2.0),)
    assert song.stem("bass: low").rms_db == pytest.approx(-17, abs=0.1)
    assert json.loads((prepared / "set.json").read_text())["name"] == "set"


def test_a_song_without_beats_or_chords_survives(tmp_path: Path) -> None:
    audio = replace(tiny_song("x"), beats=np.zeros(0), downbeats=np.zeros(0), chords=(), meter=0)
    write_index(tmp_path, [write_song(tmp_path, audio, "x", "")], {})

    song = StemSet.open(tmp_path).song("x")

    assert (song.beats.size, song.downbeats.size, song.tempo, song.chords) == (0, 0, 0.0, ())


def test_audio_by_time(prepared: Path) -> None:
    stems = StemSet.open(prepared)
    song = stems.songs[0]
    wave = sine(110, 2)

    whole = stems.audio(song, "bass: low")
    part = stems.audio(song, song.stem("bass: low"), 0.5, 0.25)
    beyond = stems.audio(song, "bass: low", 1.9, 0.5)

    assert whole.dtype == np.float32
    assert np.abs(whole - wave).max() <= 1 / 32_768
    assert np.array_equal(part, whole[22_050:33_075])
    assert np.array_equal(beyond[:4_410], whole[-4_410:])
    assert len(beyond) == 22_050
    assert not beyond[4_410:].any()
    assert not stems.audio(song, "drums", 99, 1).any()


def test_neighbouring_parts_join_without_gap(prepared: Path) -> None:
    stems = StemSet.open(prepared)
    song = stems.songs[0]
    parts = [stems.audio(song, "drums", i / 3, 1 / 3) for i in range(6)]

    assert np.array_equal(np.concatenate(parts), stems.audio(song, "drums"))


def test_mix_is_the_sum(prepared: Path) -> None:
    stems = StemSet.open(prepared)
    song = stems.songs[0]
    drums, bass = (stems.audio(song, name, 0.3, 1) for name in ("drums", "bass: low"))

    assert np.allclose(stems.mix(song, ["drums", "bass: low"], 0.3, 1), drums + bass)
    assert np.array_equal(stems.mix(song, song.stems[:1], 0.3, 1), drums)
    assert stems.mix(song, []).shape == (2 * SAMPLE_RATE,)
    assert not stems.mix(song, []).any()


def test_splits_may_be_empty_but_must_exist(prepared: Path) -> None:
    stems = StemSet.open(prepared)

    assert len(stems.split("valid")) == 2
    assert stems.split("train") == ()
    with pytest.raises(DatasetError, match="choose from train, valid, test"):
        stems.split("dev")


def test_the_hash_names_the_audio(prepared: Path, tmp_path: Path) -> None:
    stems = StemSet.open(prepared)
    moved = prepared.rename(tmp_path / "moved")

    assert StemSet.open(moved).index_hash == stems.index_hash
    assert StemSet(moved, stems.songs[::-1]).index_hash == stems.index_hash
    assert StemSet(moved, stems.songs[:1]).index_hash != stems.index_hash


def test_a_stem_hash_is_that_of_its_file(prepared: Path) -> None:
    song = StemSet.open(prepared).songs[0]
    data = (prepared / song.stems[0].path).read_bytes()

    assert song.stems[0].sha256 == hashlib.sha256(data).hexdigest()


def test_intact_means_byte_for_byte(prepared: Path) -> None:
    first, second = read_index(prepared)
    path = prepared / first.stems[0].path
    path.write_bytes(path.read_bytes()[:-1])
    (prepared / second.stems[0].path).unlink()

    found = verify(prepared)

    assert found == [*check_song(prepared, first), *check_song(prepared, second)]
    assert [(finding.track, finding.state) for finding in found] == [
        ("b side", CHANGED),
        ("ä", MISSING),
    ]
    assert not is_there(prepared, first)
    assert not is_there(prepared, second)


def test_merge_prefers_the_new() -> None:
    old = [Song(track=t, split="train", stems=(), seconds=1) for t in "bc"]
    new = [Song(track=t, split="test", stems=(), seconds=1) for t in "ab"]

    assert [(s.track, s.split) for s in merge(old, new)] == [
        ("a", "test"),
        ("b", "test"),
        ("c", "train"),
    ]


def test_unusable_sets_are_refused_in_one_line(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    write_index(tmp_path / "empty", [], {})
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "index.parquet").write_bytes(b"PAR1 is how it starts")

    for name, reason in (
        ("absent", "holds no index.parquet"),
        ("none", "holds no index.parquet"),
        ("empty", "lists no song"),
        ("bad", "damaged"),
    ):
        with pytest.raises(DatasetError, match=reason) as caught:
            StemSet.open(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_an_index_of_other_columns_is_refused(tmp_path: Path) -> None:
    import pandas

    pandas.DataFrame({"track": ["a"]}).to_parquet(tmp_path / "index.parquet")

    with pytest.raises(DatasetError, match="lacks column 'stem'"):
        StemSet.open(tmp_path)


def test_unknown_songs_stems_and_lost_files_are_named(prepared: Path) -> None:
    stems = StemSet.open(prepared)
    song = stems.songs[0]
    (prepared / song.stems[0].path).unlink()
    (prepared / song.stems[1].path).write_bytes(b"fLaC")

    with pytest.raises(DatasetError, match="no song 'zz'"):
        stems.song("zz")
    with pytest.raises(DatasetError, match="no stem 'flute'; it has drums, bass: low"):
        stems.audio(song, "flute")
    with pytest.raises(DatasetError, match="it is gone"):
        stems.audio(song, "drums")
    with pytest.raises(DatasetError, match="damaged"):
        stems.audio(song, "bass: low")
