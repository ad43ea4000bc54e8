import numpy as np
import pytest

from accomptk.stems.arrangement import arrange, find_swing
from accomptk.stems.form import write_chart
from accomptk.stems.instruments import INSTRUMENTS, MELODY, from_program
from accomptk.stems.notes import Note, Part
from accomptk.stems.players import SOUNDS


def track(name, program, pitch, chart, step=1.0, is_drum=False):
    notes = [Note(b, b + 0.4, pitch, 90) for b in np.arange(0, len(chart.bpm), step)]
    return Part(name, from_program(program, is_drum), program, tuple(notes))


@pytest.fixture
def chart():
    return write_chart(np.random.default_rng(0), meter=4, bpm=110, seconds=16)


@pytest.fixture
def rhythm(chart):
    return [track("Drum", 0, 38, chart, is_drum=True), track("Bass", 33, 40, chart)]


def arrange_many(chart, tracks, count=40):
    rngs = [np.random.default_rng(seed) for seed in range(count)]
    return [arrange(rng, chart, tracks, writes_fills=True) for rng in rngs]


def test_a_rhythm_section_becomes_a_band(chart, rhythm):
    bands = arrange_many(chart, rhythm)
    full = [{"drums", "bass", "guitar", "piano"} <= set(band.parts) for band in bands]
    assert 0.8 < np.mean(full) < 1.0
    assert 0.3 < np.mean(["strings" in band.parts for band in bands]) < 0.9
    assert 0.6 < np.mean([MELODY in band.parts for band in bands]) < 1.0
    for band in bands:
        assert list(band.parts) == [n for n in (*INSTRUMENTS, MELODY) if n in band.parts]
        assert set(band.sounds) >= set(band.parts)
        for name, parts in band.parts.items():
            assert {part.program for part in parts} <= {sound.program for sound in SOUNDS[name]}
            assert {part.instrument for part in parts} == {name}


def test_tracks_keep_their_class_and_spare_ones_fill_gaps(chart, rhythm):
    tracks = [*rhythm, track("Chord-1", 27, 61, chart), track("Chord-2", 28, 66, chart)]
    for band in arrange_many(chart, tracks, 10):
        pitches = {name: {n.pitch for p in ps for n in p.notes} for name, ps in band.parts.items()}
        if "guitar" in pitches:
            assert pitches["guitar"] == {61}
        if "piano" in pitches:
            assert pitches["piano"] == {66}


@pytest.mark.parametrize(("pitch", "expected"), [(22, 34), (52, 40), (40, 40)])
def test_a_bass_line_is_moved_to_where_a_bass_plays(chart, pitch, expected):
    tracks = [track("Drum", 0, 38, chart, is_drum=True), track("Bass", 33, pitch, chart)]
    band = arrange_many(chart, tracks, 1)[0]
    assert {n.pitch for part in band.parts["bass"] for n in part.notes} == {expected}


def test_a_low_guitar_called_bass_is_the_bass(chart):
    tracks = [track("Bass", 26, 40, chart), track("Chord", 26, 64, chart)]
    band = arrange_many(chart, tracks, 1)[0]
    assert {n.pitch for part in band.parts["bass"] for n in part.notes} == {40}
    assert "drums" not in band.parts


def test_swing_is_found(chart):
    straight = track("Drum", 0, 42, chart, step=0.5, is_drum=True)
    swung = straight.with_notes(
        Note(n.start + (0.16 if n.start % 1 else 0), n.end + 0.2, n.pitch, 90)
        for n in straight.notes
    )
    assert find_swing([straight]) == 0.5
    assert find_swing([swung]) > 0.6
    assert find_swing([track("Drum", 0, 42, chart, is_drum=True)]) == 0.5
