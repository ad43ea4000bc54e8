import numpy as np
import pytest

from accomptk.metrics.changes import Heard, find_changes, reactions
from accomptk.metrics.harmony import chroma
from signals import RATE, sine

END_S = 16.0
CHORDS = ((0.0, 6.0, "C:maj"), (6.0, 10.0, "Db:maj"), (10.0, END_S, "C:maj"))
NONE = np.zeros(0)
STEADY = sine(220.0, END_S)


def heard(wav, beats=None):
    return Heard(wav, RATE, chroma(wav, RATE), beats)


def melody(late_s=0.0):
    """C4, from 6 s to 10 s Db4, each later by so much."""
    start, end = round((6 + late_s) * RATE), round((10 + late_s) * RATE)
    low, high = sine(261.63, END_S), sine(277.18, END_S)
    return np.concatenate([low[:start], high[start:end], low[end:]])


def faded(wav, gain, start_s, end_s=END_S):
    made = wav.copy()
    made[round(start_s * RATE) : round(end_s * RATE)] *= gain
    return made


@pytest.mark.parametrize("late_s", [0.0, 1.0, 2.5])
def test_chords_are_followed_as_late_as_the_stem_is(late_s):
    changes = find_changes(heard(melody()), STEADY, CHORDS, NONE)

    assert len(changes["reaction_chord"]) == 2
    found = reactions(heard(melody(late_s)), changes)
    assert found == {"reaction_chord": late_s, "followed": 100.0}


def test_chords_that_the_truth_does_not_follow_do_not_count():
    pedal = heard(sine(130.81, END_S))
    assert find_changes(pedal, STEADY, CHORDS, NONE).keys() == {"reaction_chord"}
    assert len(find_changes(pedal, STEADY, CHORDS, NONE)["reaction_chord"]) == 1  # back to C
    assert find_changes(heard(melody()), STEADY, (), NONE) == {}


def test_a_chord_that_brings_no_tone_or_is_soon_over_is_no_change():
    same = ((0.0, 6.0, "C:maj7"), (6.0, 10.0, "C:maj"))
    short = ((0.0, 6.0, "C:maj"), (6.0, 6.8, "Db:maj"))
    for chords in (same, short):
        assert find_changes(heard(melody()), STEADY, chords, NONE) == {}


@pytest.mark.parametrize("late_s", [0.0, 1.5])
def test_a_level_is_followed_from_where_the_context_moves(late_s):
    changes = find_changes(heard(faded(STEADY, 0.3, 7.5)), faded(STEADY, 0.3, 7.5), (), NONE)
    made = heard(faded(STEADY, 0.3, 7.5 + late_s))

    assert list(changes) == ["reaction_level"]
    assert reactions(made, changes) == {"reaction_level": late_s, "followed": 100.0}
    assert reactions(heard(STEADY), changes) == {"reaction_level": 4.0, "followed": 0.0}


def test_a_single_soft_hop_is_no_change():
    context = faded(STEADY, 0.0, 8.0, 8.5)
    assert find_changes(heard(context), context, (), NONE) == {}


def test_a_stop_and_the_return_from_it():
    context = faded(STEADY, 0.0, 5.0, 9.0)
    changes = find_changes(heard(context), context, (), NONE)
    late = reactions(heard(faded(STEADY, 0.0, 5.5, 10.0)), changes)

    assert (late["reaction_stop"], late["recovery"]) == (0.5, 1.0)
    assert reactions(heard(STEADY), changes)["reaction_stop"] == 4.0


@pytest.mark.parametrize("late_s", [0.0, 2.0])
def test_a_tempo_is_followed_by_the_beats_of_the_stem(late_s):
    slow, fast = np.arange(0, 6, 0.5), np.arange(6, END_S, 0.4)
    beats = np.concatenate([slow, fast])
    changes = find_changes(heard(STEADY), STEADY, (), beats)
    found = np.concatenate([np.arange(0.25, 6 + late_s, 0.5), fast[fast >= 6 + late_s]])

    assert list(changes) == ["reaction_tempo"]
    made = reactions(heard(STEADY, found), changes)
    assert made == {"reaction_tempo": late_s, "followed": 100.0}
    assert reactions(heard(STEADY), changes) == {}


def test_a_steady_tempo_does_not_change():
    wobbling = np.cumsum(0.5 + 0.01 * np.random.default_rng(0).standard_normal(40))
    assert find_changes(heard(STEADY), STEADY, (), wobbling) == {}


def test_silence_follows_no_chord_and_drums_have_none():
    changes = find_changes(heard(melody()), STEADY, CHORDS, NONE)
    assert reactions(heard(0 * STEADY), changes) == {}
    assert reactions(Heard(melody(), RATE), changes) == {}
