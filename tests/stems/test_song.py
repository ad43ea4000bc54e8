from pathlib import Path

import numpy as np
import pytest
import soundfile

from accomptk.errors import DatasetError
from accomptk.stems.song import SongAudio, split_of, to_file_name, write_song
from signals import RATE, sine
from tiny_songs import tiny_song


def read(root: Path, path: str) -> np.ndarray:
    return soundfile.read(root / path, dtype="float32")[0]


def test_stems_become_equally_long(tmp_path: Path) -> None:
    audio = SongAudio(
        track="x", stems={"a": ("bass", sine(100, 1.5)), "b": ("drums", sine(200, 1.0))}
    )
    song = write_song(tmp_path, audio, "x", "")

    long, short = (read(tmp_path, stem.path) for stem in song.stems)
    assert {stem.seconds for stem in song.stems} == {1.5}
    assert len(long) == len(short) == round(1.5 * RATE)
    assert not short[RATE:].any()


def test_levels_stay_unless_the_song_would_clip(tmp_path: Path) -> None:
    quiet = write_song(tmp_path, tiny_song("quiet"), "quiet", "")
    loud = {"a": ("bass", sine(100, 1, level=0.9)), "b": ("piano", sine(100, 1, level=0.45))}
    clipping = write_song(tmp_path, SongAudio(track="loud", stems=loud), "loud", "")

    assert np.abs(read(tmp_path, quiet.stem("bass: low").path)).max() == pytest.approx(
        0.2, abs=1e-3
    )
    high, low = (read(tmp_path, stem.path) for stem in clipping.stems)
    assert np.abs(high + low).max() == pytest.approx(0.99, abs=1e-3)
    assert np.abs(high).max() / np.abs(low).max() == pytest.approx(2, abs=1e-2)


@pytest.mark.parametrize(
    ("wav", "reason"),
    [
        (sine(100, 0.2), "0.2 s long"),
        (np.zeros(0, np.float32), "0.0 s long"),
        (np.zeros(2 * RATE, np.float32), "silent"),
        (np.full(2 * RATE, np.nan, np.float32), "not numbers"),
    ],
)
def test_what_is_no_song_leaves_nothing(tmp_path: Path, wav: np.ndarray, reason: str) -> None:
    with pytest.raises(DatasetError, match=reason):
        write_song(tmp_path, SongAudio(track="x", stems={"a": ("bass", wav)}), "x", "")
    assert not any(tmp_path.iterdir())


def test_a_song_without_stems_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"0\.0 s long"):
        write_song(tmp_path, SongAudio(track="x", stems={}), "x", "")


@pytest.mark.parametrize("name", ["plain", "with space", "Ünïcode 曲", "a-b_c.d"])
def test_good_names_stay(name: str) -> None:
    assert to_file_name(name) == name


@pytest.mark.parametrize(
    "name", ["a/b", "..", ".", "", "a:b", "a\\b", "x" * 300, "dot.", "é" * 200]
)
def test_other_names_become_safe(name: str) -> None:
    made = to_file_name(name)

    assert made == Path(made).name
    assert not set(made) & set('<>:"/\\|?*')
    assert made not in ("", ".", "..")
    assert len(made.encode()) < 120


def test_names_that_look_alike_stay_apart() -> None:
    assert len({to_file_name(name) for name in ("a:b", "a/b", "a_b", "a?b")}) == 4


def test_splits_are_stable_and_mostly_training() -> None:
    splits = [split_of(f"song {i}") for i in range(500)]

    assert split_of("song 3") == splits[3]
    assert splits.count("train") > 350
    assert min(splits.count("valid"), splits.count("test")) > 25
