"""Pitch classes of what is heard, frame by frame, from nothing but the past.

*Conventions.* A frame of chroma holds the 12 pitch classes (0 = C) of the sound that ends with the
frame, of length 1 where anything tonal sounds and 0 where nothing does.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PITCH_CLASSES = 12
FFT_SAMPLES = 8192
SAMPLE_RATE = 44_100
LOWEST_HZ = 60.0  # below it neighbouring semitones share a bin
HIGHEST_HZ = 2000.0  # above it partials say more about timbre than about notes
SILENT = 1e-3  # amplitude of a bin below which a frame is silent
KEPT_FRAMES = 480  # eight bars of five seconds


@dataclass(slots=True)
class ChromaListener:
    """Chroma of a stream of audio, frame by frame, from nothing but the past.

    Args:
        frame_samples: Samples a latent frame at 44.1 kHz.
    """

    frame_samples: int
    past: Floats = field(default_factory=lambda: np.zeros(FFT_SAMPLES, np.float32))
    chroma: Floats = field(default_factory=lambda: np.zeros((PITCH_CLASSES, 0), np.float32))
    heard: int = 0

    @property
    def first(self) -> int:
        """Frame of the stream that ``chroma`` begins with."""
        return self.heard - self.chroma.shape[1]

    def hear(self, wav: Floats) -> None:
        """Listen to the whole frames of samples [n * frame_samples] that follow."""
        heard = np.concatenate([self.past, wav.astype(np.float32, copy=False)])
        count = len(wav) // self.frame_samples
        ends = FFT_SAMPLES + self.frame_samples * np.arange(1, count + 1)
        frames = np.stack([heard[end - FFT_SAMPLES : end] for end in ends])
        self.past = heard[-FFT_SAMPLES:].copy()
        self.chroma = np.concatenate([self.chroma, pitch_classes(frames)], 1)[:, -KEPT_FRAMES:]
        self.heard += count


def pitch_classes(frames: Floats) -> Floats:
    """Chroma of windows of samples [n, FFT_SAMPLES]: [12, n]."""
    from scipy.fft import rfft

    window = np.hanning(FFT_SAMPLES).astype(np.float32)
    spectrum = np.abs(rfft(frames * window, axis=1)) * (2 / window.sum())
    tonal = np.sqrt(spectrum) @ _pitch_class_pool()
    # A drum sounds in all classes alike: only what stands out of the floor is tonal.
    tonal = np.maximum(tonal - np.median(tonal, axis=1, keepdims=True), 0.0)
    loud = spectrum[:, : _pitch_class_pool().shape[0]].max(axis=1, keepdims=True) > SILENT
    norm = np.linalg.norm(tonal, axis=1, keepdims=True)
    unit: Floats = (tonal / np.maximum(norm, 1e-6) * loud).T.astype(np.float32)
    return unit


@lru_cache(1)
def _pitch_class_pool() -> Floats:
    """How much each bin belongs to each pitch class, [bins, 12]."""
    hz = np.arange(FFT_SAMPLES // 2 + 1) * SAMPLE_RATE / FFT_SAMPLES
    pitch = 12 * np.log2(np.maximum(hz, 1.0) / 440.0) + 9  # 0 = C
    away = (pitch[:, None] - np.arange(PITCH_CLASSES) + 6) % 12 - 6
    pool = np.exp(-0.5 * (away / 0.35) ** 2)
    pool[(hz < LOWEST_HZ) | (hz > HIGHEST_HZ)] = 0.0
    # An octave has as many bins as the octaves below it together; each octave shall count alike.
    return np.asarray(pool / np.maximum(hz, LOWEST_HZ)[:, None] * 100.0, np.float32)
