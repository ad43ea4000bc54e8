import mir_eval
import pytest

from accomptk.stems.chords import PITCH_CLASSES, QUALITIES, Chord


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("root", [0, 1, 6, 11])
def test_labels_mean_to_mir_eval_what_the_tones_are(root, quality):
    chord = Chord(root, quality)
    encoded_root, semitones, _ = mir_eval.chord.encode(chord.label, reduce_extended_chords=False)
    heard = {(encoded_root + step) % 12 for step in range(12) if semitones[step]}
    ninths = {(root + 14) % 12} if "9" in quality else set()
    assert heard | ninths == set(chord.tones)


def test_spelling():
    assert Chord(10, "min7").symbol == "Bbm7"
    assert Chord(10, "min7").label == "Bb:min7"
    assert Chord(9, "min").tones == (9, 0, 4)
    assert len(set(PITCH_CLASSES)) == 12
