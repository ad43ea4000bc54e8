import numpy as np
import pytest
from mido import MetaMessage, MidiFile, MidiTrack

from accomptk.stems.tempo import Grid, Signature, read_tempo_map

TICKS = 480


def file_of(*events: tuple[int, MetaMessage]) -> MidiFile:
    """A file with messages at absolute ticks."""
    track, now = MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    return MidiFile(ticks_per_beat=TICKS, tracks=[track])


def tempo(bpm: float) -> MetaMessage:
    return MetaMessage("set_tempo", tempo=round(60e6 / bpm))


def signature(numerator: int, denominator: int) -> MetaMessage:
    return MetaMessage("time_signature", numerator=numerator, denominator=denominator)


def grid(*events: tuple[int, MetaMessage], quarters: float) -> Grid:
    return read_tempo_map(file_of(*events)).grid(round(quarters * TICKS))


def test_four_four_at_a_steady_tempo() -> None:
    made = grid((0, tempo(100)), quarters=9)

    assert np.allclose(made.beats, np.arange(9) * 0.6)
    assert np.allclose(made.downbeats, [0, 2.4, 4.8])
    assert (made.meter, made.problem) == (4, "")


def test_beats_follow_tempo_changes() -> None:
    made = grid((0, tempo(60)), (2 * TICKS, tempo(120)), (3 * TICKS, tempo(30)), quarters=5)

    assert np.allclose(made.beats, [0, 1, 2, 2.5, 4.5])


def test_a_tempo_change_between_beats() -> None:
    made = grid((0, tempo(60)), (3 * TICKS // 2, tempo(120)), quarters=3)

    assert np.allclose(made.beats, [0, 1, 1.75])


@pytest.mark.parametrize(
    ("numerator", "denominator", "meter", "beat_s"),
    [(3, 4, 3, 0.5), (2, 2, 2, 1.0), (6, 8, 2, 0.75), (12, 8, 4, 0.75), (7, 8, 7, 0.25)],
)
def test_meters(numerator: int, denominator: int, meter: int, beat_s: float) -> None:
    made = grid((0, tempo(120)), (0, signature(numerator, denominator)), quarters=16)

    assert made.meter == meter
    assert np.allclose(np.diff(made.beats), beat_s)
    assert np.allclose(np.diff(made.downbeats), meter * beat_s)


def test_a_new_signature_starts_a_new_bar() -> None:
    made = grid((0, tempo(60)), (6 * TICKS, signature(3, 4)), quarters=12)

    assert np.allclose(made.downbeats, [0, 4, 6, 9])
    assert np.allclose(made.beats, np.arange(12))


def test_signatures_after_the_last_note_add_nothing() -> None:
    made = grid((0, tempo(60)), (90 * TICKS, signature(3, 4)), quarters=4)

    assert np.allclose(made.beats, np.arange(4))
    assert made.meter == 4


def test_beats_do_not_drift_over_an_hour() -> None:
    made = grid((0, MetaMessage("set_tempo", tempo=468_751)), quarters=7_000)

    assert made.beats[-1] == pytest.approx(6_999 * 0.468751, abs=1e-6)


def test_without_a_tempo_there_are_no_beats() -> None:
    made = grid((0, signature(4, 4)), quarters=8)

    assert (made.beats.size, made.meter, made.problem) == (0, 0, "states no tempo")


@pytest.mark.parametrize("bpm", [5, 2_000])
def test_absurd_tempi_are_not_beats(bpm: float) -> None:
    assert "beats a minute" in grid((0, tempo(bpm)), quarters=8).problem


def test_ticks_become_seconds_across_tracks() -> None:
    file = file_of((0, tempo(60)))
    file.tracks.append(file_of((TICKS, tempo(120))).tracks[0])
    tempo_map = read_tempo_map(file)

    assert [tempo_map.seconds_at(beat * TICKS) for beat in (0, 0.5, 1, 3)] == [0, 0.5, 1, 2]


def test_six_eight_has_two_beats() -> None:
    assert Signature(0, 6, 8).meter == 2
    assert Signature(0, 3, 8).meter == 3
