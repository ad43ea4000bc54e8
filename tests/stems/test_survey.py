from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from accomptk.stems.index import StemSet
from accomptk.stems.prepare import prepare
from accomptk.stems.song import SongAudio
from accomptk.stems.survey import survey, write_survey
from signals import RATE, sine
from tiny_songs import tiny_song


def half() -> SongAudio:
    """A bass that sounds half of the time, and a piano that never does."""
    quiet = np.concatenate([sine(100, 2, level=0.1), np.zeros(2 * RATE, np.float32)])
    stems = {"bass": ("bass", quiet), "piano": ("piano", np.zeros(4 * RATE, np.float32))}
    return SongAudio(track="half", stems=stems, split="train")


@pytest.fixture
def stems(tmp_path: Path) -> StemSet:
    made = {
        "known": tiny_song("known"),
        "heard": replace(tiny_song("heard"), beats=np.arange(4) * 0.4, beats_source="estimated"),
        "half": half(),
    }
    tasks = [(track, lambda song=song: song) for track, song in made.items()]
    prepare(tmp_path / "set", tasks, name="n", source="test")
    return StemSet.open(tmp_path / "set")


def test_counts_hours_activity_and_levels(stems: StemSet) -> None:
    found = {(part.split, part.instrument): part for part in survey(stems).parts}

    assert set(found) == {
        ("train", "bass"), ("train", "piano"), ("valid", "drums"), ("valid", "bass"),
    }  # fmt: skip
    bass = found["train", "bass"]
    assert (bass.songs, bass.stems, bass.silent, bass.active) == (1, 1, 0, 0.5)
    assert bass.hours == pytest.approx(4 / 3600)
    assert bass.level_db == pytest.approx(-23.0, abs=0.1)  # of a sine of 0.1 while it sounds
    piano = found["train", "piano"]
    assert (piano.silent, piano.active, piano.level_db) == (1, 0.0, None)
    assert found["valid", "bass"].songs == 2


def test_beats_are_told_apart(stems: StemSet) -> None:
    found = survey(stems)

    assert found.beats == {"known": 1, "estimated": 1, "none": 1}
    assert found.tempi["known"] == pytest.approx((120.0,))
    assert found.tempi["estimated"] == pytest.approx((150.0,))


def test_the_picture_lies_in_the_set(stems: StemSet) -> None:
    path = write_survey(stems, survey(stems))

    assert path == stems.root / "report.png"
    assert path.read_bytes().startswith(b"\x89PNG")
