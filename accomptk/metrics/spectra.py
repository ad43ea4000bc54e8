"""What the coherence model hears of a signal: what lasts and what begins.

Levels are taken twice: on a long window whose bands are half semitones, and on a short one
whose bands are as wide as hearing's. Of two long frames in a row the lower level counts, which
leaves what lasts; of the short ones the rise counts, which leaves what begins. Both views are
relative to the loudest band of the stretch, so that a gain changes nothing.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.floating[Any]]

SAMPLE_RATE = 16_000
FRAME_SAMPLES = 2048  # 128 ms
LONG_STEPS = 2  # long windows that begin in a frame
SHORT_STEPS = 8  # short ones
LONG_SAMPLES = 4096
SHORT_SAMPLES = 1024
LOWEST_MIDI, HIGHEST_MIDI = 28, 100  # 41 Hz to 2.6 kHz
BINS_PER_SEMITONE = 2
LONG_BANDS = (HIGHEST_MIDI - LOWEST_MIDI) * BINS_PER_SEMITONE
SHORT_BANDS = 40
RANGE_DB = 60.0
QUIET_DB = -50.0  # of the loudest band; what is quieter still is not made louder
FLOOR_DB = -110.0
WINDOW_FRAMES = 39  # 5 s
LAG = 2  # steps over which a rise is taken


class Levels(NamedTuple):
    """Levels in dB of a full-scale sine; frames before bands, as excerpts are cut from them.

    A stretch of T frames needs the levels of `needed`.
    """

    long: Any  # [..., 2 T + 1, LONG_BANDS]
    short: Any  # [..., 8 T + 2, SHORT_BANDS]


class Views(NamedTuple):
    """The two views of a stretch, 0 to 1."""

    harmonic: "Tensor"  # what lasts, [B, T, LONG_STEPS * LONG_BANDS]
    percussive: "Tensor"  # what begins, [B, T, SHORT_STEPS * SHORT_BANDS]


def levels(wav: Floats, sample_rate: int, finer: int = 1) -> Levels:
    """Levels of a mono signal [N], in NumPy arrays.

    Args:
        wav: Signal.
        sample_rate: In Hz.
        finer: Frames that are taken for each that a view needs.
    """
    import soxr
    import torch

    low = soxr.resample(np.asarray(wav, np.float32), sample_rate, SAMPLE_RATE)
    signal = torch.from_numpy(np.ascontiguousarray(low, np.float32))
    hop = FRAME_SAMPLES // finer
    return Levels(
        long=_band_levels(signal, LONG_SAMPLES, hop // LONG_STEPS, _long_bank()),
        short=_band_levels(signal, SHORT_SAMPLES, hop // SHORT_STEPS, _short_bank()),
    )


def needed(frames: int) -> tuple[int, int]:
    """Long and short levels from which views of so many frames are made."""
    return LONG_STEPS * frames + 1, SHORT_STEPS * frames + LAG


@lru_cache(maxsize=1)
def band_hz() -> tuple[Floats, Floats]:
    """Centre of each long and each short band in Hz."""
    banks = (_long_bank(), LONG_SAMPLES), (_short_bank(), SHORT_SAMPLES)
    long, short = (
        np.arange(len(bank)) @ bank / bank.sum(axis=0) * SAMPLE_RATE / size for bank, size in banks
    )
    return long, short


def views(long: "Tensor", short: "Tensor") -> Views:
    """Both views of stretches, from levels [B, 2 T + 1, bands] and [B, 8 T + 2, bands]."""
    level, change = _above_floor(long), _above_floor(short)
    lasts = level[:, :-1].minimum(level[:, 1:])
    begins = (change[:, LAG:] - change[:, :-LAG]).clamp(min=0)
    size, frames = len(lasts), lasts.shape[1] // LONG_STEPS
    return Views(
        harmonic=lasts.reshape(size, frames, LONG_STEPS * LONG_BANDS),
        percussive=begins.reshape(size, frames, SHORT_STEPS * SHORT_BANDS),
    )


def _above_floor(level: "Tensor") -> "Tensor":
    top = level.amax(dim=(1, 2), keepdim=True).clamp(min=QUIET_DB)
    return ((level - top) / RANGE_DB + 1).clamp(min=0)


def _band_levels(signal: "Tensor", size: int, hop: int, bank: Floats) -> NDArray[np.float32]:
    """Level of each band in each frame, [frames, bands]."""
    import torch

    window = torch.hann_window(size)
    padded = torch.nn.functional.pad(signal, (size // 2, size // 2))
    spectrum = torch.stft(
        padded, size, hop, window=window * (2 / window.sum()), center=False, return_complex=True
    )
    power = spectrum.abs().square().T @ torch.as_tensor(bank, dtype=torch.float32)
    return np.asarray(10 * power.clamp(min=10 ** (FLOOR_DB / 10)).log10().numpy())


@lru_cache(maxsize=1)
def _long_bank() -> Floats:
    """Triangles of a semitone, wider where the transform is coarser, [bins, LONG_BANDS]."""
    midi = LOWEST_MIDI + np.arange(LONG_BANDS) / BINS_PER_SEMITONE
    centre_hz = 440 * 2 ** ((midi - 69) / 12)
    bin_hz = SAMPLE_RATE / LONG_SAMPLES
    hz = np.arange(LONG_SAMPLES // 2 + 1)[:, None] * bin_hz
    half_hz = np.maximum(centre_hz * (2 ** (1 / 12) - 1) / 2, 1.5 * bin_hz)
    return np.asarray(np.maximum(1 - np.abs(hz - centre_hz) / half_hz, 0))


@lru_cache(maxsize=1)
def _short_bank() -> Floats:
    """Mel bands, [bins, SHORT_BANDS]."""
    from torchaudio.functional import melscale_fbanks

    bank = melscale_fbanks(SHORT_SAMPLES // 2 + 1, 30.0, 8000.0, SHORT_BANDS, SAMPLE_RATE)
    return np.asarray(bank.numpy())
