import numpy as np
import pytest

from accomptk.metrics import foils
from accomptk.metrics.harmony import chord_tone_share, chroma
from accomptk.metrics.onset import level_db, onset_times
from signals import RATE, clicks, sine

SECONDS = 6.0
CHORDS = [(0.0, 4.0, "G:maj"), (4.0, 6.0, "C:maj")]
TONE = sine(392.0, SECONDS)


def test_all_foils_are_there_as_long_and_sounding(rng):
    beats = np.arange(0, SECONDS, 0.5)
    made = foils.make_foils(TONE, RATE, beats=beats, chords=CHORDS, is_bass=False, rng=rng)

    assert tuple(made) == foils.FOILS
    assert all(wav.shape == TONE.shape and wav.dtype == np.float32 for wav in made.values())
    assert all(level_db(wav) == pytest.approx(level_db(TONE), abs=1) for wav in made.values())


def test_unknown_beats_have_no_half(rng):
    made = foils.make_foils(TONE, RATE, beats=np.zeros(1), chords=(), is_bass=True, rng=rng)
    assert set(made) == set(foils.FOILS) - {"half_beat_late"}


def test_tonic_is_the_pitch_that_the_chords_share():
    made = chroma(foils.held_tonic(TONE, RATE, CHORDS, 48), RATE)
    assert made.energy.sum(axis=1).argmax() == 7  # G lies in both chords
    assert chord_tone_share(made, CHORDS) > 0.5


def test_delay_moves_onsets():
    beats = np.arange(0.5, SECONDS, 1.0)
    late = foils.delay(clicks(beats, SECONDS), 0.25, RATE)
    np.testing.assert_allclose(onset_times(late, RATE), beats + 0.25, atol=0.03)


@pytest.mark.parametrize("semitones", [1, -1, 7])
def test_transposition_moves_pitch_and_not_time(semitones):
    made = foils.transpose(TONE, semitones)
    spectrum = np.abs(np.fft.rfft(made[:RATE] * np.hanning(RATE)))
    assert spectrum.argmax() == pytest.approx(392 * 2 ** (semitones / 12), abs=1.5)

    beats = np.arange(0.5, SECONDS, 1.0)
    moved = foils.transpose(clicks(beats, SECONDS), semitones)
    np.testing.assert_allclose(onset_times(moved, RATE), beats, atol=0.03)


def test_low_pass_keeps_what_is_below():
    both = TONE + sine(5000.0, SECONDS)
    made = foils.low_pass(both, RATE)
    np.testing.assert_allclose(made[RATE:-RATE], TONE[RATE:-RATE], atol=0.02)


def test_noise_is_20_db_below(rng):
    noise = foils.add_noise(TONE, rng) - TONE
    assert level_db(noise) - level_db(TONE) == pytest.approx(-20, abs=0.1)


def test_silence_stays_silent(rng):
    silence = np.zeros_like(TONE)
    beats = np.arange(0, SECONDS, 0.5)
    made = foils.make_foils(silence, RATE, beats=beats, chords=(), is_bass=False, rng=rng)
    assert not any(wav.any() for wav in made.values())
