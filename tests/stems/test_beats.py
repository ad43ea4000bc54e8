from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mir_eval.beat import f_measure

from accomptk.errors import MissingTool
from accomptk.stems import beats
from accomptk.stems.beats import METERS, count_bars, estimate_beats, estimate_grid
from accomptk.stems.demo import demo_root
from accomptk.stems.index import StemSet
from accomptk.stems.prepare import prepare
from accomptk.stems.song import SongAudio
from accomptk.stems.tempo import Grid
from tiny_songs import tiny_song

GRID = Grid(np.arange(4) * 0.4, np.arange(1) * 0.4, 4)


def without_beats() -> SongAudio:
    return replace(tiny_song("b"), beats=(), downbeats=(), meter=0, beats_source="")


def write_set(root: Path) -> None:
    tasks = [("a", lambda: tiny_song("a")), ("b", without_beats)]
    prepare(root, tasks, name="n", source="test")


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("first", [0, 2])
def test_bars_are_counted(meter: int, first: int) -> None:
    rng = np.random.default_rng(meter)
    place = (np.arange(40) - first) % meter
    downbeat = np.where(place == 0, 0.6, 0.1) + rng.uniform(0, 0.1, 40)
    places, found = count_bars(1 - downbeat, downbeat)

    assert found == meter
    assert np.array_equal(places, place)


def test_a_missed_beat_shifts_the_bars() -> None:
    place = np.delete(np.arange(49) % 4, 21)
    downbeat = np.where(place == 0, 0.7, 0.1)
    places, meter = count_bars(1 - downbeat, downbeat)

    assert meter == 4
    assert np.mean(places == place) > 0.9


def test_songs_without_beats_get_them_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []
    monkeypatch.setattr(beats, "_load_nets", lambda: ())
    monkeypatch.setattr(beats, "estimate_grid", lambda wav: heard.append(len(wav)) or GRID)
    write_set(tmp_path)
    told = []

    assert estimate_beats(tmp_path, progress=lambda *now: told.append(now)) == 1
    known, estimated = StemSet.open(tmp_path).songs
    assert (known.beats_source, known.tempo) == ("known", 120.0)
    assert (estimated.beats_source, estimated.tempo, estimated.meter) == ("estimated", 150.0, 4)
    assert (heard, told) == ([88_200], [(1, 1)])
    assert estimate_beats(tmp_path) == 0

    (tmp_path / "index.parquet").unlink()  # as if it had never been written after listening
    write_set(tmp_path)
    assert StemSet.open(tmp_path).song("b").beats_source == "estimated"
    assert len(heard) == 1


def test_without_weights_the_set_stays_and_the_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCOMPTK_CACHE", str(tmp_path / "cache"))
    beats._load_nets.cache_clear()
    write_set(tmp_path / "set")

    with pytest.raises(MissingTool, match="accomptk weights fetch"):
        estimate_beats(tmp_path / "set")
    assert StemSet.open(tmp_path / "set").song("b").beats_source == ""


def test_silence_has_no_beats() -> None:
    assert estimate_grid(np.zeros(44_100, np.float32)).beats.size == 0


@pytest.mark.weights
def test_beats_of_a_rendered_song_are_found() -> None:
    demo = StemSet.open(demo_root())
    song = demo.songs[0]
    grid = estimate_grid(demo.mix(song, song.stems))

    assert f_measure(song.beats, grid.beats) > 0.9
