"""Note onsets of one stem, and how they compare with those of another.

Conventions: onsets are sorted times in seconds from the start of the signal. They are peaks
of the spectral flux of log-mel bands, with the band maximum of Boeck & Widmer (2013, "Maximum
filter vibrato suppression for onset detection"), above an adaptive threshold; a silent stem
has none. Truth and estimate go through the same detector, so its errors lower the upper
anchor (ground truth through the codec) as well.

Metrics: F1 within 50 ms, the ratio of onset counts, and the distance between the histograms of
onset positions in the bar. The last two catch a metronome, which F1 alone would reward.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

ONSET_WINDOW_S = 0.05
FRAMES_PER_SECOND = 100
RANGE_DB = 60.0  # below the loudest band of the signal
SILENCE_DB = -70.0
SMALLEST_RISE_DB = 2.0  # mean over the bands; less finds onsets in the hiss of a codec
MEDIAN_FRAMES = 40
PEAK_FRAMES = 3
FFT_SAMPLES = 2048
BANDS = 48
BAR_BINS = 24


def onset_times(wav: Floats, sample_rate: int) -> Floats:
    """Onsets of a stem.

    Args:
        wav: Mono signal, [N].
        sample_rate: In Hz; a multiple of 100.

    Returns:
        Onset times in seconds, [n], ascending.
    """
    if wav.size < FFT_SAMPLES or level_db(wav) < SILENCE_DB:
        return np.zeros(0)
    rise = _rise_db(_log_mel(wav, sample_rate))
    return _peaks(rise) / FRAMES_PER_SECOND


def level_db(wav: Floats) -> float:
    """RMS level in dB of full scale; -inf for digital silence."""
    power = float(np.mean(np.square(wav, dtype=np.float64))) if wav.size else 0.0
    return 10 * np.log10(power) if power > 0 else -np.inf


def onset_f1(reference: Floats, estimated: Floats) -> float:
    """F-measure of matched onsets within 50 ms (mir_eval.onset); 0 when either is empty."""
    if reference.size == 0 or estimated.size == 0:
        return 0.0
    from mir_eval.onset import f_measure

    return float(f_measure(reference, estimated, window=ONSET_WINDOW_S)[0])


def onset_density(reference: Floats, estimated: Floats) -> float | None:
    """Onsets made over onsets of the truth: 1 is best; None when the truth has none."""
    return estimated.size / reference.size if reference.size else None


def bar_histogram(onsets: Floats, downbeats: Floats, bins: int = BAR_BINS) -> Floats | None:
    """Share of the onsets at each position of the bar.

    Args:
        onsets: Times in seconds, [n].
        downbeats: First beats of the bars in seconds, [m], ascending.
        bins: Positions in a bar; the first is centred on the downbeat.

    Returns:
        Histogram that sums to 1, [bins], or None when no onset lies in a whole bar.
    """
    bar = np.searchsorted(downbeats, onsets, side="right") - 1
    inside = (bar >= 0) & (bar < downbeats.size - 1)
    if not inside.any():
        return None
    start, end = downbeats[bar[inside]], downbeats[bar[inside] + 1]
    position = np.rint((onsets[inside] - start) / (end - start) * bins).astype(int) % bins
    shares: Floats = np.bincount(position, minlength=bins) / position.size
    return shares


def bar_distance(reference: Floats, estimated: Floats, downbeats: Floats) -> float | None:
    """Half the L1 distance of the bar histograms: 0 same positions, 1 no position in common.

    An estimate without onsets is as far as can be (1).

    Returns:
        The distance, or None when the truth has no onset in a known bar.
    """
    truth = bar_histogram(reference, downbeats)
    if truth is None:
        return None
    made = bar_histogram(estimated, downbeats)
    return 1.0 if made is None else float(np.abs(truth - made).sum() / 2)


def _log_mel(wav: Floats, sample_rate: int) -> Floats:
    """Levels of the mel bands in dB above the range's floor, [bands, frames]."""
    import torch

    power = _mel(sample_rate)(torch.as_tensor(wav, dtype=torch.float32)).numpy()
    level: Floats = 10 * np.log10(np.maximum(power, 1e-10))
    above: Floats = np.maximum(level - (level.max() - RANGE_DB), 0.0)
    return above


@lru_cache(maxsize=4)
def _mel(sample_rate: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """The mel transform of a rate; torchaudio is slow to import and to build filters."""
    from torchaudio.transforms import MelSpectrogram

    return MelSpectrogram(
        sample_rate,
        n_fft=FFT_SAMPLES,
        win_length=FFT_SAMPLES // 2,
        hop_length=sample_rate // FRAMES_PER_SECOND,
        f_min=30.0,
        f_max=min(16000.0, sample_rate / 2),
        n_mels=BANDS,
    )


def _rise_db(level: Floats) -> Floats:
    """Mean rise over two frames against the maximum of the neighbouring bands, [frames]."""
    padded = np.pad(level, ((1, 1), (0, 0)), mode="edge")
    nearby = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    rise = np.zeros(level.shape[1])
    rise[2:] = np.maximum(level[:, 2:] - nearby[:, :-2], 0).mean(axis=0)
    return rise


def _peaks(rise: Floats) -> NDArray[np.intp]:
    """Frames that are the largest nearby and stand out from the local median, [n]."""
    from scipy.ndimage import maximum_filter1d, median_filter

    local = maximum_filter1d(rise, 2 * PEAK_FRAMES + 1)
    floor = median_filter(rise, 2 * MEDIAN_FRAMES + 1)
    found = np.flatnonzero((rise == local) & (rise > floor + SMALLEST_RISE_DB))
    return found[np.diff(found, prepend=-PEAK_FRAMES - 1) > PEAK_FRAMES]
