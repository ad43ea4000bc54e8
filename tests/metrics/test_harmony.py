import numpy as np
import pytest

from accomptk.errors import DatasetError
from accomptk.metrics import harmony

RATE = 44_100
CHORDS = ((0.0, 2.0, "C:maj"), (2.0, 4.0, "A:min"))


def notes(*voices, seconds=2.0):
    """A chord of tones with two partials at MIDI numbers."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    wav = np.zeros(time_s.size)
    for midi in voices:
        hz = 440 * 2 ** ((midi - 69) / 12)
        wav += np.sin(2 * np.pi * hz * time_s) + 0.3 * np.sin(4 * np.pi * hz * time_s)
    return (0.1 * wav).astype(np.float32)


def in_key():
    return np.concatenate([notes(60, 64, 67), notes(57, 60, 64)])


def test_an_out_of_tune_pluck_does_not_count():
    """A short loud blip a minor sixth above each long note."""
    pluck = np.zeros(2 * RATE, np.float32)
    pluck[: RATE // 20] = 10 * notes(44, seconds=0.05)
    energy = harmony.chroma(notes(36) + pluck, RATE).energy.sum(axis=1)
    assert energy[0] > 0.9 * energy.sum()


def share(wav, chords=CHORDS):
    return harmony.chord_tone_share(harmony.chroma(wav, RATE), chords)


@pytest.mark.parametrize("midi", [28, 33, 45, 60, 76])
def test_chroma_finds_the_pitch_class_even_of_a_low_bass(midi):
    energy = harmony.chroma(notes(midi), RATE).energy.sum(axis=1)

    assert energy.argmax() == midi % 12
    assert energy.max() > 0.95 * energy.sum()


@pytest.mark.parametrize("samples", [0, 1000, RATE])
def test_chroma_of_silence_is_empty(samples):
    assert harmony.chroma(np.zeros(samples, np.float32), RATE).silent


@pytest.mark.parametrize(
    ("label", "tones"),
    [
        ("C:maj", {0, 4, 7}),
        ("A:min", {9, 0, 4}),
        ("G:7", {7, 11, 2, 5}),
        ("Bb:min7", {10, 1, 5, 8}),
    ],
)
def test_chord_tones(label, tones):
    assert set(np.flatnonzero(harmony.chord_tones(label))) == tones


@pytest.mark.parametrize("label", ["N", "X"])
def test_no_chord_has_no_tones(label):
    assert harmony.chord_tones(label) is None


def test_bad_label_is_refused():
    with pytest.raises(DatasetError, match="H:huge"):
        harmony.chord_tones("H:huge")


def test_share_of_chord_tones():
    assert share(in_key()) > 0.98
    assert share(np.concatenate([notes(61, 65, 68), notes(58, 61, 65)])) < 0.02


def test_share_falls_with_wrong_notes():
    right, mixed = share(in_key()), share(np.concatenate([notes(60, 66), notes(57, 63)]))
    assert mixed == pytest.approx(0.5, abs=0.1)
    assert right > mixed


def test_share_is_undefined_without_chords_or_sound():
    assert share(in_key(), ()) is None
    assert share(in_key(), ((0.0, 4.0, "N"),)) is None
    assert share(np.zeros(4 * RATE, np.float32)) is None


def distance(truth, made):
    return harmony.pitch_class_distance(harmony.chroma(truth, RATE), harmony.chroma(made, RATE))


def test_distance_of_perfect_transposed_and_silent():
    truth = in_key()
    semitone_up = np.concatenate([notes(61, 65, 68), notes(58, 61, 65)])

    assert distance(truth, truth) == 0.0
    assert distance(truth, semitone_up) > 0.95
    assert distance(truth, np.zeros_like(truth)) == 1.0
    assert distance(np.zeros_like(truth), truth) is None


def test_distance_does_not_hear_octaves_or_level():
    truth = in_key()
    assert distance(truth, 0.2 * truth) < 0.02
    assert distance(notes(60, 64, 67), notes(72, 76, 79)) < 0.1
