from pathlib import Path

import numpy as np
import pytest
import yaml

from accomptk.errors import DatasetError
from accomptk.stems.prepare import prepare
from accomptk.stems.slakh import instrument_of, split_of, tasks
from layouts import RATE, rendered, write_slakh


def test_players_are_summed_by_class_with_their_levels(tmp_path: Path) -> None:
    stems = rendered()
    write_slakh(tmp_path / "train" / "Track00001", stems)
    song = dict(tasks(tmp_path))["Track00001"]()

    assert set(song.stems) == {"drums", "bass", "guitar", "piano", "strings", "melody"}
    assert all(name == instrument for name, (instrument, _) in song.stems.items())
    both = 0.5 * (stems["guitar"] + stems["piano"])
    assert np.allclose(song.stems["guitar"][1], both, atol=1e-4)
    assert (song.source, song.split, song.license) == ("slakh", "train", "CC-BY-4.0")
    assert song.warnings == ("Track00001: no audio for S07; left out",)


def test_beats_are_those_of_the_midi_file(tmp_path: Path) -> None:
    write_slakh(tmp_path / "Track00001", rendered(), bpm=100)
    song = tasks(tmp_path)[0][1]()

    assert np.allclose(song.beats, np.arange(8) * 0.6)
    assert np.allclose(song.downbeats, [0, 2.4])
    assert (song.meter, song.beats_source) == (4, "known")


@pytest.mark.parametrize("content", [None, b"MThd is how it starts"])
def test_without_a_score_the_beats_are_unknown_and_told(
    tmp_path: Path, content: bytes | None
) -> None:
    score = write_slakh(tmp_path / "Track00001", rendered()) / "all_src.mid"
    score.unlink()
    if content is not None:
        score.write_bytes(content)
    song = tasks(tmp_path)[0][1]()

    assert (song.beats.size, song.beats_source) == (0, "")
    assert "beats unknown" in song.warnings[1]


def test_baby_slakh_is_read_too(tmp_path: Path) -> None:
    """16 kHz WAV files, of which the metadata says that none was rendered."""
    stems = {name: wav[: 2 * RATE] for name, wav in rendered().items()}
    write_slakh(tmp_path / "babyslakh_16k" / "Track00003", stems, rate=16_000, suffix=".wav")
    summary = prepare(tmp_path / "set", tasks(tmp_path / "babyslakh_16k"), name="s", source="slakh")

    song = summary.prepared[0]
    assert {stem.instrument for stem in song.stems} >= {"drums", "bass", "guitar", "piano"}
    assert song.seconds == pytest.approx(2 * RATE / 16_000, abs=0.001)


def test_splits_by_number_or_by_folder(tmp_path: Path) -> None:
    numbers = {1: "train", 1500: "train", 1501: "valid", 1875: "valid", 1876: "test", 2100: "test"}
    for number, split in numbers.items():
        assert split_of(tmp_path / f"Track{number:05d}") == split
    assert split_of(tmp_path / "validation" / "Track00001") == "valid"
    assert split_of(tmp_path / "test" / "Track00001") == "test"


def test_omitted_duplicates_are_left_out(tmp_path: Path) -> None:
    for folder in ("train/Track00001", "omitted/Track00002", "test/Track01900"):
        write_slakh(tmp_path / folder, rendered())

    assert [name for name, _ in tasks(tmp_path)] == ["Track01900", "Track00001"]
    assert {make.split for _, make in tasks(tmp_path, "valid")} == {"valid"}


def test_instrument_classes() -> None:
    assert instrument_of({"inst_class": "Guitar", "program_num": 26, "is_drum": False}) == "guitar"
    assert instrument_of({"inst_class": "Drums", "is_drum": True, "program_num": 128}) == "drums"
    assert instrument_of({"inst_class": "Strings (continued)", "program_num": 49}) == "strings"
    assert instrument_of({"inst_class": "Strings (continued)", "program_num": 53}) == "melody"
    assert instrument_of({"inst_class": "Organ", "program_num": 16}) == "other"
    assert instrument_of({"inst_class": "Organ"}) == "other"
    assert instrument_of({}) == "other"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("stems: [S00: {", "not YAML"),
        ("just words", "lists no stems"),
        ("stems: {S00: piano}", "lists no stems"),
        (None, "No such file"),
    ],
)
def test_wrong_metadata_spoils_only_its_song(tmp_path: Path, text: str | None, reason: str) -> None:
    good, bad = (write_slakh(tmp_path / "in" / f"Track0000{n}", rendered()) for n in (1, 2))
    (bad / "metadata.yaml").unlink()
    if text is not None:
        (bad / "metadata.yaml").write_text(text)
    summary = prepare(tmp_path / "set", tasks(tmp_path / "in"), name="s", source="slakh")

    assert [song.track for song in summary.prepared] == [good.name]
    assert [track for track, _ in summary.skipped] == [bad.name]
    assert reason in summary.skipped[0][1]


def test_metadata_of_other_players_is_a_song_without_stems(tmp_path: Path) -> None:
    folder = write_slakh(tmp_path / "in" / "Track00001", rendered())
    metadata = {"stems": {"S99": {"inst_class": "Piano", "program_num": 0}}}
    (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    summary = prepare(tmp_path / "set", tasks(tmp_path / "in"), name="s", source="slakh")

    assert "0.0 s long" in summary.skipped[0][1]


def test_a_changed_file_makes_the_song_again(tmp_path: Path) -> None:
    folder = write_slakh(tmp_path / "Track00001", rendered())
    before = tasks(tmp_path)[0][1].origin
    (folder / "stems" / "S00.flac").unlink()

    assert tasks(tmp_path)[0][1].origin != before


def test_other_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "Track1").mkdir()
    with pytest.raises(DatasetError, match="holds no Slakh songs; give the folder"):
        tasks(tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        tasks(tmp_path / "absent")
