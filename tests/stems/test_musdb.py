import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems.index import StemSet
from accomptk.stems.musdb import example, tasks
from accomptk.stems.prepare import prepare
from signals import RATE, sine

pytestmark = pytest.mark.debian("ffmpeg")

EXCERPT = "The Easton Ellises - Falcon 69"


def make(root: Path) -> dict[str, object]:
    return {track: task() for track, task in tasks(root)}


def write_hq(folder: Path, *, without: str = "") -> None:
    folder.mkdir(parents=True)
    for number, name in enumerate(("mixture", "drums", "bass", "other", "vocals")):
        if name != without:
            wav = sine(100 * (number + 1), 1.5)
            soundfile.write(folder / f"{name}.wav", np.stack([wav, wav], axis=1), RATE)


def test_the_real_excerpt_is_prepared(tmp_path: Path) -> None:
    summary = prepare(tmp_path, tasks(), name="musdb", source="musdb")
    stems = StemSet.open(tmp_path)
    song = stems.songs[0]

    assert summary.skipped == ()
    assert (song.track, song.split, song.source, song.beats_source) == (
        EXCERPT,
        "test",
        "musdb",
        "",
    )
    assert {stem.stem: stem.instrument for stem in song.stems} == {
        "drums": "drums",
        "bass": "bass",
        "other": "other",
        "vocals": "melody",
    }
    assert song.seconds == pytest.approx(6, abs=0.2)
    assert all(stem.rms_db > -60 for stem in song.stems)


def test_stems_are_the_sources_in_place(tmp_path: Path) -> None:
    """The sum of the stems is the mixture stream, but for AAC's losses."""
    import stempeg

    prepare(tmp_path / "set", tasks(), name="musdb", source="musdb")
    stems = StemSet.open(tmp_path / "set")
    song = stems.songs[0]
    mix = stems.mix(song, song.stems)
    mixture = stempeg.read_stems(str(example()), stem_id=0)[0].mean(axis=1)
    shifts = range(-3, 4)
    similar = [np.corrcoef(np.roll(mix, shift), mixture)[0, 1] for shift in shifts]

    assert max(similar) > 0.95
    assert shifts[int(np.argmax(similar))] == 0


def test_a_collection_keeps_its_subsets(tmp_path: Path) -> None:
    for subset, name in (("train", "A - Song"), ("test", EXCERPT)):
        (tmp_path / subset).mkdir()
        (tmp_path / subset / f"{name}.stem.mp4").symlink_to(example())
    songs = make(tmp_path)

    assert {track: song.split for track, song in songs.items()} == {
        "A - Song": "train",
        EXCERPT: "test",
    }


def test_hq_folders_and_validation_songs(tmp_path: Path) -> None:
    write_hq(tmp_path / "train" / "Actions - One Minute Smile")
    songs = make(tmp_path)
    song = songs["Actions - One Minute Smile"]

    assert song.split == "valid"
    assert np.allclose(song.stems["bass"][1], sine(300, 1.5), atol=1e-3)


def test_a_split_can_be_asked_for(tmp_path: Path) -> None:
    assert tasks(None, "train")[0][1]().split == "train"


def test_one_bad_song_does_not_stop_the_others(tmp_path: Path) -> None:
    train = tmp_path / "in" / "train"
    write_hq(train / "Good - Song")
    write_hq(train / "Lacks - Bass", without="bass")
    (train / "Cut - Short.stem.mp4").write_bytes(example().read_bytes()[:100_000])
    (train / "Not - Audio.stem.mp4").write_text("nothing of the kind")

    summary = prepare(tmp_path / "set", tasks(tmp_path / "in"), name="musdb", source="musdb")

    assert [song.track for song in summary.prepared] == ["Good - Song"]
    reasons = dict(summary.skipped)
    assert set(reasons) == {"Lacks - Bass", "Cut - Short", "Not - Audio"}
    assert "has no 'bass'" in reasons["Lacks - Bass"]
    assert "truncated" in reasons["Cut - Short"] or "damaged" in reasons["Cut - Short"]
    assert "damaged" in reasons["Not - Audio"]


def test_a_folder_without_songs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no MUSDB18"):
        tasks(tmp_path)


def test_missing_ffmpeg_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(MissingTool, match=r"ffmpeg is not installed.*apt-get install ffmpeg"):
        tasks()
