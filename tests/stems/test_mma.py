import shutil

import mido
import pytest

from accomptk.errors import DatasetError, MissingTool
from accomptk.stems import mma, render
from accomptk.stems.chart import Bar, Chart
from accomptk.stems.chords import QUALITIES, Chord
from accomptk.stems.grooves import Family, families, find_library

needs_mma = pytest.mark.skipif(
    shutil.which("mma") is None, reason="mma is not installed: apt-get install mma"
)
GROOVES = {"A": "BossaNova"}


@pytest.fixture
def bossa() -> Family:
    return next(f for f in families(find_library()) if f.name == "stdlib/bossanova")


def chart_of(*chords: tuple[tuple[int, Chord], ...], fill: int = -1) -> Chart:
    bars = tuple(Bar("A", chord, fill=i == fill) for i, chord in enumerate(chords))
    return Chart(0, "major", 4, bars, (120.0,) * (4 * len(bars)))


def test_a_chart_is_spelt_bar_by_bar(tmp_path):
    family = Family("x/y", tmp_path / "y.mma", 4, ("G",), ("GFill",))
    chart = chart_of(((0, Chord(0, "min7")),), ((0, Chord(5, "maj")), (2, Chord(7, "7"))), fill=1)
    text = mma.spell_chart(chart, family, {"A": "G"}, fill="GFill", seed=5)
    assert text.splitlines() == [
        "RndSeed 5",
        f"Include {tmp_path / 'y.mma'}",
        "Groove G",
        "1 Cm7 / / /",
        "Groove GFill",
        "2 F / G7 /",
    ]


@needs_mma
def test_every_chord_can_be_played(bossa):
    chords = [((0, Chord(i % 12, quality)),) for i, quality in enumerate(QUALITIES)]
    parts = mma.play(mma.spell_chart(chart_of(*chords), bossa, GROOVES, fill="", seed=1))
    assert parts[0].is_drum
    assert {part.instrument for part in parts} == {"drums", "guitar"}
    guitar = next(part for part in parts if part.name == "Chord")
    for number, (chord,) in enumerate(chords):
        heard = {n.pitch % 12 for n in guitar.notes if -0.1 < n.start - 4 * number < 3.9}
        assert len(heard) >= 3
        assert heard <= set(chord[1].tones)


@needs_mma
def test_the_seed_repeats_the_song(bossa):
    def run(seed: int) -> list:
        chart = chart_of(((0, Chord(0, "maj")),), ((0, Chord(0, "maj")),))
        return mma.play(mma.spell_chart(chart, bossa, GROOVES, fill="", seed=seed))

    assert run(1) == run(1)
    assert run(1) != run(2)


@needs_mma
def test_a_song_that_mma_refuses_is_one_line():
    with pytest.raises(DatasetError, match=r"mma refuses the song: .*Groove") as caught:
        mma.play("Groove NoSuchGroove\n1 C\n")
    assert "\n" not in str(caught.value)


def test_a_missing_program_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setattr(render.shutil, "which", lambda name: None)
    with pytest.raises(MissingTool, match="mma is not installed: apt-get install mma"):
        mma.play("1 C\n")


def test_read_parts_pairs_notes_and_gathers_drums():
    def track(name: str, channel: int, *notes: tuple[int, int, int]) -> mido.MidiTrack:
        messages = [mido.Message("program_change", channel=channel, program=33)]
        messages += [
            mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=time)
            for pitch, velocity, time in notes
        ]
        return mido.MidiTrack([mido.MetaMessage("track_name", name=name), *messages])

    midi = mido.MidiFile(
        ticks_per_beat=100,
        tracks=[
            mido.MidiTrack(),
            track("Snare", 9, (38, 90, 100), (38, 0, 1)),
            track("Bass", 1, (40, 80, 0), (43, 70, 50), (40, 0, 50), (43, 0, 100)),
            track("Kick", 9, (36, 90, 0), (36, 0, 1)),
        ],
    )
    drums, bass = mma.read_parts(midi)
    assert [(n.start, n.pitch) for n in drums.notes] == [(0.0, 36), (1.0, 38)]
    assert (bass.name, bass.instrument, bass.program) == ("Bass", "bass", 33)
    assert [(n.start, n.end, n.pitch) for n in bass.notes] == [(0.0, 1.0, 40), (0.5, 2.0, 43)]
