import json
from pathlib import Path

import numpy as np
import pytest

from accomptk.errors import DatasetError
from accomptk.stems.moisesdb import tasks
from accomptk.stems.prepare import prepare
from layouts import rendered, wide, write_moises


def test_files_are_summed_by_instrument(tmp_path: Path) -> None:
    stems = rendered()
    write_moises(tmp_path / "moisesdb_v0.1", stems, artist="A", song="B")
    song = dict(tasks(tmp_path))["A - B"]()

    assert set(song.stems) == {"drums", "bass", "guitar", "piano", "melody"}
    assert np.allclose(song.stems["guitar"][1], stems["guitar"], atol=1e-4)
    assert np.allclose(song.stems["drums"][1], stems["drums"], atol=1e-4)  # without the click
    assert (song.prompt, song.family, song.source) == ("singer songwriter", "A", "moisesdb")
    assert (song.beats_source, song.warnings) == ("", ())


def test_stereo_can_be_kept(tmp_path: Path) -> None:
    stems = rendered()
    write_moises(tmp_path, stems, artist="A", song="B")
    song = tasks(tmp_path, channels=2)[0][1]()

    assert np.allclose(song.stems["bass"][1], wide(stems["bass"]).T, atol=1e-4)


def test_an_artist_has_one_split(tmp_path: Path) -> None:
    for number in range(3):
        write_moises(tmp_path, rendered(), artist="Same", song=f"Song {number}")
    songs = [make() for _, make in tasks(tmp_path)]

    assert len({song.split for song in songs}) == 1
    assert {song.family for song in songs} == {"Same"}
    assert {make().split for _, make in tasks(tmp_path, "test")} == {"test"}


def test_two_songs_of_one_name_stay_apart(tmp_path: Path) -> None:
    for _ in range(2):
        write_moises(tmp_path, rendered(), artist="A", song="B")

    names = [name for name, _ in tasks(tmp_path)]
    assert len(set(names)) == 2
    assert names[0] == "A - B"


def test_missing_files_are_told_and_left_out(tmp_path: Path) -> None:
    folder = write_moises(tmp_path, rendered(), artist="A", song="B")
    gone = next((folder / "piano").iterdir())
    gone.unlink()
    song = tasks(tmp_path)[0][1]()

    assert "piano" not in song.stems
    assert song.warnings == (f"A - B: {gone.name} missing; left out",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "lists no stems"),
        ('{"stems": [{"stemName": "bass"}]}', "lists no stems"),
    ],
)
def test_wrong_data_spoils_only_its_song(tmp_path: Path, text: str, reason: str) -> None:
    write_moises(tmp_path / "in", rendered(), artist="A", song="B")
    bad = write_moises(tmp_path / "in", rendered(), artist="C", song="D")
    (bad / "data.json").write_text(text)
    summary = prepare(tmp_path / "set", tasks(tmp_path / "in"), name="m", source="moisesdb")

    assert [song.track for song in summary.prepared] == ["A - B"]
    assert summary.skipped[0][0] == bad.name
    assert reason in summary.skipped[0][1]


def test_an_unknown_stem_is_context(tmp_path: Path) -> None:
    folder = write_moises(tmp_path, rendered(), artist="A", song="B")
    data = json.loads((folder / "data.json").read_text())
    data["stems"][1]["stemName"] = "theremin"
    (folder / "bass").rename(folder / "theremin")
    (folder / "data.json").write_text(json.dumps(data))
    song = tasks(tmp_path)[0][1]()

    assert "bass" not in song.stems
    assert song.stems["other"][0] == "other"


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no MoisesDB; give the folder"):
        tasks(tmp_path)
