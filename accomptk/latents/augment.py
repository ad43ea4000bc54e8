"""What recordings do to instruments: equalisers, drive, rooms, other tunings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

LONGEST_DETUNE = 2 ** (1 / 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Augment:
    """Probability of each change to an excerpt.

    Attributes:
        eq: One peak or dip of up to 9 dB.
        drive: Saturation.
        room: Reverberation of 0.1 to 0.8 s.
        detune: Up to a semitone, and faster or slower with it.
    """

    eq: float
    drive: float
    room: float
    detune: float


def change(wav: Samples, sample_rate: int, how: Augment, rng: np.random.Generator) -> Samples:
    """An excerpt as another recording might have it, [N] to [N]."""
    if rng.random() < how.eq:
        wav = _equalise(wav, sample_rate, rng)
    if rng.random() < how.drive:
        peak, drive = float(np.abs(wav).max()) + 1e-9, 10 ** (rng.uniform(0, 24) / 20)
        wav = np.tanh(wav / peak * drive) * np.float32(peak / np.tanh(drive))
    if rng.random() < how.room:
        wav = _reverberate(wav, sample_rate, rng)
    return wav.astype(np.float32, copy=False)


def detuning(how: Augment, rng: np.random.Generator) -> float:
    """How much faster an excerpt shall play; 1 leaves it as it is."""
    return float(2 ** (rng.uniform(-1, 1) / 12)) if rng.random() < how.detune else 1.0


def detune(wav: Samples, speed: float, samples: int) -> Samples:
    """``samples`` of a signal played faster or slower."""
    if speed == 1.0:
        return wav[:samples]
    import soxr

    played: Samples = soxr.resample(wav, speed, 1.0)[:samples]
    return np.pad(played, (0, samples - len(played)))


def _equalise(wav: Samples, sample_rate: int, rng: np.random.Generator) -> Samples:
    import torch
    from torchaudio.functional import equalizer_biquad

    centre_hz = float(np.exp(rng.uniform(np.log(80), np.log(9000))))
    gain_db, quality = rng.uniform(-9, 9), rng.uniform(0.4, 1.5)
    loudest = float(np.abs(wav).max()) + 1e-9  # the filter clips at full scale
    quiet = torch.from_numpy(wav / np.float32(4 * loudest))
    heard = equalizer_biquad(quiet, sample_rate, centre_hz, gain_db, quality).numpy()
    return np.asarray(heard * np.float32(4 * loudest), np.float32)


def _reverberate(wav: Samples, sample_rate: int, rng: np.random.Generator) -> Samples:
    from scipy.signal import fftconvolve, lfilter

    samples = int(rng.uniform(0.1, 0.8) * sample_rate)
    decay = np.exp(-6.9 * np.arange(samples) / samples)  # 60 dB
    response = lfilter([1.0], [1.0, -0.6], rng.standard_normal(samples) * decay)
    response /= np.sqrt((response**2).sum())
    wet = fftconvolve(wav, response.astype(np.float32))[: len(wav)]
    return np.asarray(wav + rng.uniform(0.1, 0.7) * wet, np.float32)
