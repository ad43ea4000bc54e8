import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from mido import Message, MetaMessage, MidiFile, MidiTrack

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems import midi
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.midi import choose_soundfont, label_notes, tasks
from accomptk.stems.prepare import prepare
from accomptk.stems.song import SongAudio

pytestmark = pytest.mark.debian("fluidsynth", "FluidR3_GM", "TimGM6mb")

TICKS = 240


def note(channel: int, pitch: int, start: float, beats: float = 1) -> list[tuple[int, Message]]:
    on = Message("note_on", channel=channel, note=pitch, velocity=100)
    off = Message("note_on", channel=channel, note=pitch, velocity=0)
    return [(round(start * TICKS), on), (round((start + beats) * TICKS), off)]


def program(channel: int, number: int, start: float = 0) -> tuple[int, Message]:
    return round(start * TICKS), Message("program_change", channel=channel, program=number)


def track_of(events: list[tuple[int, Message]]) -> MidiTrack:
    track, now = MidiTrack(), 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def band() -> MidiFile:
    """Bass on the beats, drums on the off-beats, and a channel that turns from piano to flute."""
    head = [(0, MetaMessage("set_tempo", tempo=500_000))]
    bass = [program(1, 33), *(e for beat in range(4) for e in note(1, 40, beat, 0.5))]
    drums = [e for beat in range(4) for e in note(9, 38, beat + 0.5, 0.2)]
    solo = [program(2, 0), *note(2, 60, 0), program(2, 73, 2), *note(2, 72, 2)]
    return MidiFile(ticks_per_beat=TICKS, tracks=[track_of(t) for t in (head, bass, drums, solo)])


def merged(file: MidiFile) -> MidiFile:
    """The same music in one track, as type 0."""
    events = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            events.append((tick, message))
    return MidiFile(type=0, ticks_per_beat=TICKS, tracks=[track_of(events)])


def labels_by_pitch(file: MidiFile) -> dict[int, str]:
    labels, _ = label_notes(file)
    return {file.tracks[track][place].note: name for (track, place), name in labels.items()}


@pytest.mark.parametrize("arrange", [lambda file: file, merged], ids=["type 1", "type 0"])
def test_notes_belong_to_the_program_they_were_struck_with(arrange) -> None:
    file = arrange(band())

    assert labels_by_pitch(file) == {40: "bass", 38: "drums", 60: "piano", 72: "melody"}
    assert label_notes(file)[1] == 3.7 * TICKS


def test_a_note_held_over_a_program_change_keeps_its_instrument() -> None:
    events = [program(0, 24), *note(0, 60, 0, 3), program(0, 33, 1), *note(0, 50, 1)]
    file = MidiFile(ticks_per_beat=TICKS, tracks=[track_of(events)])
    labels, end_tick = label_notes(file)

    assert sorted(labels.values()) == ["bass", "bass", "guitar", "guitar"]
    assert end_tick == 3 * TICKS


def test_a_stray_release_is_dropped() -> None:
    stray = [(0, Message("note_off", note=60)), *note(0, 62, 0)]

    assert len(label_notes(MidiFile(tracks=[track_of(stray)]))[0]) == 2


def test_a_part_has_its_own_notes_at_their_times() -> None:
    file = band()
    labels, _ = label_notes(file)
    part = MidiFile(file=io.BytesIO(midi._keep(file, labels, "bass")))
    starts, now = [], 0.0
    for message in part:
        now += message.time
        if message.type == "note_on" and message.velocity:
            assert message.note == 40
            starts.append(now)

    assert np.allclose(starts, [0, 0.5, 1, 1.5])


@pytest.fixture
def song(tmp_path: Path) -> SongAudio:
    band().save(tmp_path / "song.mid")
    return tasks(tmp_path)[0][1]()


def test_stems_sound_where_their_notes_are(song: SongAudio) -> None:
    assert {name: instrument for name, (instrument, _) in song.stems.items()} == {
        name: name for name in ("drums", "bass", "piano", "melody")
    }
    lengths = {len(wav) for _, wav in song.stems.values()}
    assert len(lengths) == 1
    melody = np.abs(song.stems["melody"][1])
    first = np.argmax(melody > 0.1 * melody.max()) / SAMPLE_RATE
    assert first == pytest.approx(1.0, abs=0.1)
    drums = np.abs(song.stems["drums"][1])
    assert np.argmax(drums > 0.2 * drums.max()) / SAMPLE_RATE == pytest.approx(0.25, abs=0.05)


def test_beats_come_from_the_tempo_map(song: SongAudio) -> None:
    assert np.allclose(song.beats, np.arange(len(song.beats)) * 0.5)
    assert len(song.beats) >= 4
    assert (song.meter, song.beats_source, song.chords) == (4, "known", ())
    assert song.warnings == ()


def test_without_tempo_the_beats_are_unknown_and_told(tmp_path: Path) -> None:
    file = band()
    del file.tracks[0]
    file.save(tmp_path / "song.mid")
    song = tasks(tmp_path)[0][1]()

    assert (song.beats.size, song.beats_source) == (0, "")
    assert song.warnings == ("song: states no tempo; beats unknown",)


def test_bad_files_are_skipped_and_listed(tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    band().save(source / "sub" / "Gute Söng: 1.MID")
    (source / "zero.mid").touch()
    (source / "text.mid").write_text("not MIDI")
    MidiFile(tracks=[track_of([program(0, 3)])]).save(source / "silent.mid")
    MidiFile(type=2, tracks=[track_of(note(0, 60, 0))]).save(source / "two.mid")
    MidiFile(ticks_per_beat=TICKS, tracks=[track_of(note(0, 60, 9_000))]).save(source / "long.mid")
    whole = io.BytesIO()
    band().save(file=whole)
    (source / "cut.mid").write_bytes(whole.getvalue()[:-40])

    summary = prepare(tmp_path / "set", tasks(source), name="m", source="midi")

    assert [song.track for song in summary.prepared] == ["sub/Gute Söng: 1"]
    reasons = dict(summary.skipped)
    assert set(reasons) == {"zero", "text", "silent", "two", "long", "cut"}
    assert "has no notes" in reasons["silent"]
    assert "type 2" in reasons["two"]
    assert "minutes long" in reasons["long"]
    assert all("damaged" in reasons[name] for name in ("zero", "text", "cut"))


def test_the_same_file_renders_the_same(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    band().save(tmp_path / "in" / "a.mid")
    one, two = (
        prepare(tmp_path / name, tasks(tmp_path / "in"), name="m", source="midi")
        for name in ("one", "two")
    )

    hashes = [[stem.sha256 for stem in summary.prepared[0].stems] for summary in (one, two)]
    assert hashes[0] == hashes[1]


def test_names_that_differ_by_suffix_stay_apart(tmp_path: Path) -> None:
    for name in ("a.mid", "a.kar"):
        band().save(tmp_path / name)

    assert sorted(track for track, _ in tasks(tmp_path)) == ["a.kar", "a.mid"]


def test_folders_without_midi_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        tasks(tmp_path / "absent")
    with pytest.raises(DatasetError, match="holds no MIDI files"):
        tasks(tmp_path)


def test_soundfonts_by_name_and_file(tmp_path: Path) -> None:
    font = tmp_path / "mine.sf2"
    font.touch()

    assert choose_soundfont(str(font)) == font
    assert choose_soundfont("TimGM6mb").name == "TimGM6mb.sf2"
    with pytest.raises(DatasetError, match="no such file; give"):
        choose_soundfont("nothing.sf2")


def test_missing_programs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> Path:
        raise MissingTool("none")

    band().save(tmp_path / "a.mid")
    monkeypatch.setattr(midi, "find_soundfont", absent)
    with pytest.raises(MissingTool, match="apt-get install fluid-soundfont-gm"):
        tasks(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingTool, match="apt-get install fluidsynth"):
        tasks(tmp_path)
