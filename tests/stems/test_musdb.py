import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen as open_url

import numpy as np
import pytest
import soundfile

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems.index import StemSet
from accomptk.stems.musdb import download, example, tasks
from accomptk.stems.prepare import prepare
from layouts import rendered, write_musdb, write_musdb_hq
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
    assert "bass.wav: no such file" in reasons["Lacks - Bass"]
    assert "truncated" in reasons["Cut - Short"] or "damaged" in reasons["Cut - Short"]
    assert "damaged" in reasons["Not - Audio"]


@pytest.mark.parametrize("layout", [write_musdb, write_musdb_hq])
def test_what_is_indexed_is_what_musdb_reads(tmp_path: Path, layout: Callable[..., Path]) -> None:
    import musdb

    layout(tmp_path / "in", "train", "Artist - Title", rendered(seconds=3.0))
    prepare(tmp_path / "set", tasks(tmp_path / "in"), name="musdb", source="musdb")
    stems = StemSet.open(tmp_path / "set")
    is_wav = layout is write_musdb_hq
    track = musdb.DB(root=str(tmp_path / "in"), subsets=["train"], is_wav=is_wav).tracks[0]

    assert [song.track for song in stems.songs] == [track.name]
    for name in ("drums", "bass", "other", "vocals"):
        theirs = track.sources[name].audio.mean(axis=1)
        ours = stems.audio(stems.songs[0], name)
        assert len(ours) == len(theirs)
        assert np.abs(ours - theirs).max() <= 2 / 32_768  # both are rounded to 16 bits


def test_a_rate_that_musdb_gives_is_resampled(tmp_path: Path) -> None:
    write_musdb_hq(tmp_path / "in", "test", "A - B", rendered(seconds=3.0), rate=48_000)
    song = tasks(tmp_path / "in")[0][1]()

    assert {wav.shape[-1] for _, wav in song.stems.values()} == {round(3 * RATE * 44_100 / 48_000)}


def test_previews_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import musdb

    write_musdb(tmp_path / "served", "train", "A - B", rendered(seconds=2.0))
    archive = shutil.make_archive(str(tmp_path / "previews"), "zip", tmp_path / "served")
    asked = []

    def urlopen(request: object) -> object:
        asked.append(request)
        return open_url(Path(archive).as_uri())

    monkeypatch.setattr(musdb, "urlopen", urlopen)
    for _ in range(2):
        root = download(tmp_path / "MUSDB18-7")

    assert root == tmp_path / "MUSDB18-7"
    assert [track for track, _ in tasks(root)] == ["A - B"]
    assert len(asked) == 1


def test_no_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import musdb

    def urlopen(request: object) -> object:
        raise URLError("Temporary failure in name resolution")

    monkeypatch.setattr(musdb, "urlopen", urlopen)
    with pytest.raises(DatasetError, match=r"cannot be downloaded \(.*name resol.*give --root"):
        download(tmp_path / "MUSDB18-7")


def test_a_folder_without_songs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no MUSDB18"):
        tasks(tmp_path)


def test_missing_ffmpeg_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(MissingTool, match=r"ffmpeg is not installed.*apt-get install ffmpeg"):
        tasks()
