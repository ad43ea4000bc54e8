"""Pitch classes as they are heard: right, causal, and the same however they arrive."""

import numpy as np
import pytest

from accomptk.latents.chroma import FFT_SAMPLES, KEPT_FRAMES, ChromaListener
from signals import clicks, sine

FRAME = 3675


def listen(wav: np.ndarray, sizes: list[int]) -> np.ndarray:
    listener, start = ChromaListener(FRAME), 0
    for size in sizes:
        listener.hear(wav[start * FRAME : (start + size) * FRAME])
        start += size
    return listener.chroma


def chord(*frequencies: float, seconds: float = 2.0) -> np.ndarray:
    return sum(sine(hz, seconds, level=0.2) for hz in frequencies)


@pytest.mark.parametrize(
    ("frequencies", "classes"),
    [((261.63, 329.63, 392.0), {0, 4, 7}), ((110.0,), {9}), ((92.5, 220.0, 277.18), {6, 9, 1})],
    ids=["C E G", "A", "F# A C#"],
)
def test_notes_are_found(frequencies, classes):
    heard = listen(chord(*frequencies), [24])[:, 6:].mean(1)
    assert set(np.argsort(-heard)[: len(classes)]) == classes
    assert np.linalg.norm(heard) == pytest.approx(1.0, abs=0.05)


def test_silence_has_no_pitch():
    assert not listen(np.zeros(12 * FRAME, np.float32), [12]).any()


def test_a_drum_leaves_the_chord_standing():
    drummed = chord(261.63, 329.63, 392.0) + clicks(np.arange(0.1, 1.9, 0.25), 2.0)
    heard = listen(drummed, [24])[:, 6:].mean(1)
    assert set(np.argsort(-heard)[:3]) == {0, 4, 7}


def test_block_sizes_do_not_show():
    wav = chord(220.0, 330.0)
    np.testing.assert_allclose(listen(wav, [24]), listen(wav, [1, 9, 3, 11]), atol=1e-5)


def test_nothing_of_the_future_is_heard():
    wav = chord(220.0)
    other = wav.copy()
    other[12 * FRAME :] = chord(311.0)[12 * FRAME :]
    assert FFT_SAMPLES > FRAME
    np.testing.assert_array_equal(listen(wav, [24])[:, :12], listen(other, [24])[:, :12])
    assert np.abs(listen(wav, [24])[:, 13:] - listen(other, [24])[:, 13:]).max() > 0.5


def test_a_long_stream_forgets_its_beginning():
    listener = ChromaListener(FRAME)
    for _ in range(3):
        listener.hear(np.zeros(200 * FRAME, np.float32))
    assert listener.chroma.shape == (12, KEPT_FRAMES)
    assert listener.first == 600 - KEPT_FRAMES
