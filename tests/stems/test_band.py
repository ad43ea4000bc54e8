import pickle
import shutil

import numpy as np
import pytest

from accomptk.errors import MissingTool
from accomptk.stems import band
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.band import HELD_OUT_SOUNDFONT, tasks
from accomptk.stems.grooves import split_of
from accomptk.stems.prepare import prepare
from accomptk.stems.render import find_soundfont

SHORT = (8.0, 9.0)


def missing() -> str:
    """What the band needs and is not here, as a reason to skip."""
    tools = [f"apt-get install {name}" for name in ("mma", "fluidsynth") if not shutil.which(name)]
    try:
        find_soundfont("GMbank")
        find_soundfont(HELD_OUT_SOUNDFONT)
    except MissingTool as error:
        tools.append(str(error))
    return "; ".join(tools)


needs_band = pytest.mark.skipif(bool(missing()), reason=f"the band is not complete: {missing()}")


@pytest.fixture(autouse=True)
def light_soundfont(monkeypatch):
    monkeypatch.setattr(band, "_TRAIN_SOUNDFONTS", {"GMbank": 1.0})


@pytest.fixture(scope="module")
def song():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(band, "_TRAIN_SOUNDFONTS", {"GMbank": 1.0})
        return tasks(4, 0, "train", SHORT)[3][1]()


def onsets(wav: np.ndarray, hop: int = 64) -> np.ndarray:
    """Times in seconds at which the level jumps up."""
    blocks = np.square(wav[: len(wav) // hop * hop].reshape(-1, hop), dtype=np.float64)
    level = np.log10(np.sqrt(blocks.mean(axis=1)) + 1e-4)
    rise = level[3:] - level[:-3]
    peaks = np.flatnonzero(
        (rise[1:-1] > 0.25) & (rise[1:-1] >= rise[:-2]) & (rise[1:-1] > rise[2:])
    )
    return (peaks + 3) * hop / SAMPLE_RATE


@needs_band
def test_beats_are_where_the_drums_are(song):
    heard = onsets(song.stems["drums"][1])
    errors = np.array([heard[np.argmin(np.abs(heard - beat))] - beat for beat in song.beats])
    near = np.abs(errors) < 0.07
    assert near.mean() > 0.7
    assert abs(np.median(errors[near])) < 0.02
    assert np.quantile(np.abs(errors[near]), 0.75) < 0.02


@needs_band
def test_a_song_knows_all_about_itself(song):
    length = len(song.stems["drums"][1])
    for name, (instrument, wav) in song.stems.items():
        assert name == instrument
        assert wav.shape == (length,)
        assert wav.dtype == np.float32
    assert np.abs(np.sum([wav for _, wav in song.stems.values()], axis=0)).max() < 1.0
    seconds = length / SAMPLE_RATE
    assert song.beats[-1] < song.chords[-1][1] < seconds < 15
    assert set(song.downbeats) <= set(song.beats)
    np.testing.assert_array_equal(song.beats[:: song.meter], song.downbeats)
    for (_, end, _), (start, _, _) in zip(song.chords, song.chords[1:], strict=False):
        assert end == start
    assert song.split == split_of(song.family) == "train"
    assert song.prompt
    assert song.beats_source == "known"
    assert "GMbank" in song.license


@needs_band
def test_a_song_prepared_twice_hashes_equal(song, tmp_path):
    """Made here, and sent to another process and made there, in another set."""
    task = tasks(4, 0, "train", SHORT)[3]
    again = pickle.loads(pickle.dumps(task[1]))
    first = prepare(tmp_path / "one", [(task[0], lambda: song)], name="a", source="band")
    second = prepare(tmp_path / "two", [(task[0], again)], name="b", source="band")
    hashes = [[stem.sha256 for stem in s.prepared[0].stems] for s in (first, second)]
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0])) == len(hashes[0]) >= 3


def test_songs_are_dealt_to_splits_in_their_shares():
    for count in (25, 100, 300):
        splits = [song.split for _, song in tasks(count, 7)]
        shares = [splits.count(name) / count for name in ("train", "valid", "test")]
        assert shares == pytest.approx([0.80, 0.08, 0.12], abs=0.05)
    assert {song.split for _, song in tasks(9, 7, "valid")} == {"valid"}
    assert [song.split for _, song in tasks(9, 7, "all")] == [s.split for _, s in tasks(9, 7)]


def test_songs_do_not_depend_on_how_many_are_asked_for():
    assert tasks(20, 3)[:5] == tasks(5, 3)
    assert tasks(5, 3)[4][0] == "band-3-00004"
    origins = {song.origin for seed in (1, 2) for _, song in tasks(5, seed)}
    assert len(origins) == 10


@needs_band
def test_families_come_in_turn_and_from_their_own_split():
    for split in ("train", "test"):
        songs = [song for _, song in tasks(12, 0, split)]
        families = [song._family(0) for song in songs]
        assert {family.split for family in families} == {split}
        assert len({family.name for family in families}) > 10


def test_the_held_out_soundfont_is_for_the_test_split_only():
    drawn = {
        split: {band._choose_soundfont(np.random.default_rng(i), split) for i in range(60)}
        for split in ("train", "valid", "test")
    }
    assert drawn["test"] == {HELD_OUT_SOUNDFONT}
    assert HELD_OUT_SOUNDFONT not in drawn["train"] | drawn["valid"]
