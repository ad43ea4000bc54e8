import numpy as np
import pytest

from accomptk.metrics.harmony import chroma
from accomptk.metrics.reaction import (
    PATIENCE,
    chord_reaction,
    level_reaction,
    recovery,
    stop_reaction,
    tempo_reaction,
)
from signals import RATE, sine

HOP_S = 1.5
CHANGE_S = 6.0
END_S = 21.0
TONE = sine(261.63, END_S)  # C4


def after(time_s, value, before=1.0):
    """A gain that changes at a time."""
    gain = np.full(TONE.size, before, np.float32)
    gain[round(time_s * RATE) :] = value
    return gain


@pytest.mark.parametrize("late_hops", [0, 1, 3])
def test_level_is_followed(late_hops):
    softer = TONE * after(CHANGE_S + late_hops * HOP_S, 0.25)  # 12 dB
    assert level_reaction(softer, RATE, CHANGE_S, HOP_S, -12.0) == late_hops


def test_level_that_moves_the_other_way_or_only_once_is_not_followed():
    assert level_reaction(TONE * after(CHANGE_S, 4.0), RATE, CHANGE_S, HOP_S, -12.0) == PATIENCE
    dip = TONE.copy()
    dip[round(9 * RATE) : round(10.5 * RATE)] *= 0.1
    assert level_reaction(dip, RATE, CHANGE_S, HOP_S, -12.0) == PATIENCE


@pytest.mark.parametrize("late_hops", [0, 2])
def test_stop_and_recovery(late_hops):
    late_s = late_hops * HOP_S
    stopped = TONE * after(CHANGE_S + late_s, 0.0)
    back_s = CHANGE_S + 4 * HOP_S
    stopped[round((back_s + late_s) * RATE) :] = TONE[round((back_s + late_s) * RATE) :]

    assert stop_reaction(stopped, RATE, CHANGE_S, HOP_S) == late_hops
    assert recovery(stopped, RATE, CHANGE_S, back_s, HOP_S) == late_hops


def test_who_plays_on_never_stopped_and_who_stays_silent_never_recovers():
    assert stop_reaction(TONE, RATE, CHANGE_S, HOP_S) == PATIENCE
    assert recovery(TONE * after(CHANGE_S, 0.0), RATE, CHANGE_S, 9.0, HOP_S) == PATIENCE


@pytest.mark.parametrize("late_hops", [0, 1])
def test_chords(late_hops):
    old, new = [(0.0, END_S, "C:maj")], [(CHANGE_S, END_S, "Db:maj")]
    start = round((CHANGE_S + late_hops * HOP_S) * RATE)
    made = np.concatenate([TONE[:start], sine(277.18, END_S)[start:]])  # C4, then Db4

    assert chord_reaction(chroma(made, RATE), HOP_S, old, new) == late_hops
    assert chord_reaction(chroma(TONE, RATE), HOP_S, old, new) == PATIENCE


def test_a_note_of_both_chords_follows_neither():
    held = chroma(sine(329.63, END_S), RATE)  # E4, in C and in E minor
    old, new = [(0.0, END_S, "C:maj")], [(CHANGE_S, END_S, "E:min")]
    assert chord_reaction(held, HOP_S, old, new) == PATIENCE


@pytest.mark.parametrize("late_hops", [0, 2])
def test_tempo(late_hops):
    start_s = CHANGE_S + late_hops * HOP_S
    grid = np.arange(CHANGE_S, END_S, 0.43)
    found = np.concatenate([np.arange(0.25, start_s, 0.5), grid[grid >= start_s]])

    assert tempo_reaction(found, grid, CHANGE_S, HOP_S) == late_hops


def test_tempo_that_goes_on_as_before_is_not_followed():
    found, grid = np.arange(0.1, END_S, 0.5), np.arange(CHANGE_S, END_S, 0.37)
    assert tempo_reaction(found, grid, CHANGE_S, HOP_S) == PATIENCE


def test_nothing_is_said_of_silence_or_without_time_before_and_after():
    silence = np.zeros_like(TONE)
    assert level_reaction(silence, RATE, CHANGE_S, HOP_S, -12.0) is None
    assert stop_reaction(silence, RATE, CHANGE_S, HOP_S) is None
    assert recovery(silence, RATE, CHANGE_S, 9.0, HOP_S) is None
    assert chord_reaction(chroma(silence, RATE), HOP_S, [], []) is None
    assert tempo_reaction(np.zeros(0), np.arange(9.0), CHANGE_S, HOP_S) is None
    assert level_reaction(TONE, RATE, 1.0, HOP_S, -12.0) is None
    assert stop_reaction(TONE, RATE, END_S - 1, HOP_S) is None


@pytest.mark.parametrize("bad", [np.zeros((2, RATE)), np.full(RATE, np.nan)])
def test_what_is_no_stem_is_refused(bad):
    with pytest.raises(ValueError, match="reaction"):
        stop_reaction(bad, RATE, CHANGE_S, HOP_S)


def test_a_hop_that_is_no_time_is_refused():
    with pytest.raises(ValueError, match="hop of 0"):
        stop_reaction(TONE, RATE, CHANGE_S, 0)
