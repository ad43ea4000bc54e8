"""Traits of a stem that a player may want to control, measured frame by frame.

*Conventions.* Energy is the level in dBFS, density log2 of the onsets a second, brightness log2 of
the spectral centroid in Hz, tension the roughness between partials from 0 to 1; each over about
three seconds around a frame.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

TRAITS = ("energy", "density", "brightness", "tension")
SMOOTHED_FRAMES = 36
FFT_SAMPLES = 4096
PARTIALS = 10
SILENT_DB = -60.0


def measure(wav: Floats, sample_rate: int, frame_samples: int) -> Floats:
    """The four traits of a stem, [4, ceil(N / frame_samples)]; NaN where it is silent.

    Args:
        wav: Samples, [N].
        sample_rate: In Hz.
        frame_samples: Samples a frame.
    """
    from scipy.ndimage import uniform_filter1d

    frames = -(-len(wav) // frame_samples)
    spectrum = _spectra(wav, frames, frame_samples)
    hz = np.arange(spectrum.shape[1]) * sample_rate / FFT_SAMPLES
    power = spectrum**2
    total = power.sum(1)
    level = 10 * np.log10(total + 1e-12)
    sounds = (level > SILENT_DB).astype(np.float64)

    def smooth(rows: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        top = uniform_filter1d(rows * weight, SMOOTHED_FRAMES, mode="constant")
        bottom = uniform_filter1d(weight, SMOOTHED_FRAMES, mode="constant")
        return np.asarray(np.maximum(top, 0.0) / np.maximum(bottom, 1e-9))

    rise = np.maximum(np.diff(np.log1p(1000 * spectrum), axis=0, prepend=spectrum[:1] * 0), 0)
    onsets = _peaks(rise.mean(1)) * sample_rate / frame_samples
    centroid = (power * hz).sum(1) / np.maximum(total, 1e-12)
    rows = np.stack(
        [
            10 * np.log10(smooth(total, np.ones(frames)) + 1e-12),
            np.log2(smooth(onsets, np.ones(frames)) + 0.25),
            np.log2(smooth(np.maximum(centroid, 20.0), sounds) + 1.0),
            smooth(_roughness(spectrum, hz), sounds),
        ]
    )
    rows[:, uniform_filter1d(sounds, SMOOTHED_FRAMES, mode="constant") < 0.05] = np.nan
    return np.asarray(rows, np.float32)


def _spectra(wav: Floats, frames: int, frame_samples: int) -> NDArray[np.float64]:
    """Amplitudes of a window around each frame, [frames, bins]; a full-scale sine is 1."""
    from scipy.fft import rfft

    side = (FFT_SAMPLES - frame_samples) // 2
    padded = np.pad(wav, (side, FFT_SAMPLES + frames * frame_samples - len(wav)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::frame_samples]
    shape = np.hanning(FFT_SAMPLES).astype(np.float32)
    spectrum = np.abs(rfft(windows[:frames] * shape, axis=1))
    return np.asarray(spectrum, np.float64) * (2 / float(shape.sum()))


def _peaks(rise: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where the rise of the spectrum has a peak above its surroundings, [T]."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    around = uniform_filter1d(rise, SMOOTHED_FRAMES, mode="nearest")
    is_peak = (rise == maximum_filter1d(rise, 3)) & (rise > 1.2 * around) & (rise > 0.01)
    return np.asarray(is_peak, np.float64)


def _roughness(spectrum: NDArray[np.float64], hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Dissonance of the strongest partials (Sethares 1993), 0 to 1, [T]."""
    middle = spectrum[:, 1:-1]
    is_peak = (middle > spectrum[:, :-2]) & (middle >= spectrum[:, 2:])
    heights = np.where(is_peak, middle, 0.0)[:, : int(np.searchsorted(hz, 5000.0))]
    top = np.argpartition(-heights, PARTIALS, axis=1)[:, :PARTIALS]
    height, place = np.take_along_axis(heights, top, 1), hz[top + 1]
    low = np.minimum(place[:, :, None], place[:, None, :])
    distance = np.abs(place[:, :, None] - place[:, None, :]) * 0.24 / (0.0207 * low + 18.96)
    beating = np.exp(-3.5 * distance) - np.exp(-5.75 * distance)
    pairs = np.minimum(height[:, :, None], height[:, None, :])
    total: NDArray[np.float64] = (pairs * beating).sum((1, 2)) / np.maximum(pairs.sum((1, 2)), 1e-9)
    return np.where(height.sum(1) > 0, total, 0.0)
