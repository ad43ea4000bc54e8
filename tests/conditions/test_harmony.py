"""What was heard bars ago lies under the chunk, and nothing that was not heard."""

import numpy as np

from accomptk.conditions.grid import grid_features
from accomptk.conditions.harmony import (
    HARMONY_FEATURES,
    LAGS_BARS,
    PITCH_CLASSES,
    harmony_features,
    heard_harmony,
)
from accomptk.latents.chroma import ChromaListener
from accomptk.window import Chunk

BAR = 24  # frames of a bar of 4/4 at 120 bpm


def beats_of(heard, start, end, meter=4):
    beats = np.arange(0.0, 60.0, 0.5)
    return grid_features(beats, beats[::meter], heard, start, end)


def bars_of_chords(bars):
    """Each bar sounds one pitch class, [12, T]."""
    chroma = np.zeros((PITCH_CLASSES, BAR * len(bars)), np.float32)
    for index, pitch in enumerate(bars):
        chroma[pitch, BAR * index : BAR * (index + 1)] = 1.0
    return chroma


def test_without_a_beat_there_are_only_recent_stretches():
    rows = harmony_features(bars_of_chords([0, 5, 7, 0]), 96, 100, 109, np.zeros((6, 9)))
    lags = PITCH_CLASSES * len(LAGS_BARS)
    assert not rows[:lags].any()
    assert rows[lags:].any()


def test_a_lag_of_bars_shows_what_was_heard_then():
    chroma = bars_of_chords([0, 5, 7, 9, 0, 5, 7])
    heard, start = 6 * BAR + 12, 7 * BAR + 6  # the fourth bar of the second round
    rows = harmony_features(chroma, heard, start, start + 9, beats_of(heard, start, start + 9))
    by_lag = rows[: PITCH_CLASSES * len(LAGS_BARS)].reshape(len(LAGS_BARS), PITCH_CLASSES, 9)
    assert by_lag[LAGS_BARS.index(4)].argmax(0).tolist() == [9] * 9
    assert by_lag[LAGS_BARS.index(2)].argmax(0).tolist() == [5] * 9
    assert by_lag[LAGS_BARS.index(1), 7].tolist()[:4] == [1.0] * 4  # the rest was not heard
    assert not by_lag[LAGS_BARS.index(1), :, 6:].any()
    assert not by_lag[LAGS_BARS.index(8)].any()  # before the song


def test_frames_that_were_not_heard_do_not_matter():
    chroma = np.random.default_rng(0).random((PITCH_CLASSES, 300)).astype(np.float32)
    other = chroma.copy()
    other[:, 200:] = 0.5
    beats = beats_of(200, 218, 236)
    np.testing.assert_array_equal(
        harmony_features(chroma, 200, 218, 236, beats),
        harmony_features(other, 200, 218, 236, beats),
    )


def test_nothing_heard_is_nothing_known():
    rows = harmony_features(bars_of_chords([0, 1]), 0, 0, 9, beats_of(0, 0, 9))
    assert rows.shape == (HARMONY_FEATURES, 9)
    assert not rows.any()


def test_a_listener_that_forgot_its_beginning_gives_the_same_rows():
    chroma = np.random.default_rng(1).random((PITCH_CLASSES, 400)).astype(np.float32)
    chunk, beats = Chunk(400, 418, 436), beats_of(400, 418, 436)
    listener = ChromaListener(3675, chroma=chroma[:, -250:], heard=400)
    np.testing.assert_allclose(
        heard_harmony(listener, chunk, beats),
        harmony_features(chroma, 400, 418, 436, beats),
        atol=1e-6,
    )
