"""How much of what a pitched instrument plays belongs to the harmony.

Conventions: energy is gathered on the 12 pitch classes (0 = C) from the peaks of the spectrum,
each at its interpolated frequency, so that a bass is resolved as well as a guitar. Of two
frames in a row the smaller energy counts: a note sounds on, the pluck before it does not, and
in a slapped bass the pluck is the louder one and out of tune. Chords are
``(start_s, end_s, label)`` with mir_eval labels; 'N' and 'X' are left out.

Metrics: the share of that energy on the tones of the sounding chord (a stem of random pitches
reaches about 0.3 on triads), and the distance to the truth's own pitch classes second by
second. Both are None where nothing can be said: no chords, a silent stem, drums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError
from accomptk.metrics.onset import SILENCE_DB, level_db

Floats = NDArray[np.floating[Any]]
Chords = Sequence[tuple[float, float, str]]

FFT_SAMPLES = 8192
HOP_SAMPLES = 4096
LOWEST_HZ = 32.0
HIGHEST_HZ = 1500.0  # above it partials say more about timbre than about the note
PEAK_RANGE_DB = 35.0  # below the loudest peak of the frame
A4_HZ = 440.0
BLOCK_S = 1.0


@dataclass(frozen=True, slots=True)
class Chroma:
    """Energy of the 12 pitch classes [12, T] and the centre of each frame in seconds [T]."""

    energy: Floats
    time_s: Floats

    @property
    def silent(self) -> bool:
        """Whether there is nothing to judge."""
        return not self.energy.any()


def chroma(wav: Floats, sample_rate: int) -> Chroma:
    """Energy of the pitch classes of a mono signal [N]; T = 0 when it is silent or too short."""
    if wav.size < FFT_SAMPLES + HOP_SAMPLES or level_db(wav) < SILENCE_DB:
        return Chroma(np.zeros((12, 0)), np.zeros(0))
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(wav, FFT_SAMPLES)[::HOP_SAMPLES]
    spectrum = np.abs(rfft(frames * np.hanning(FFT_SAMPLES).astype(wav.dtype), axis=1))
    frame, pitch_class, energy = _peaks(spectrum, sample_rate)
    total = np.zeros((12, len(frames)))
    np.add.at(total, (pitch_class, frame), energy)
    centre_s = (np.arange(1, len(frames)) * HOP_SAMPLES + FFT_SAMPLES / 2) / sample_rate
    sustained = np.minimum(total[:, :-1], total[:, 1:])
    return Chroma(sustained, centre_s - HOP_SAMPLES / 2 / sample_rate)


def chord_tones(label: str) -> NDArray[np.bool_] | None:
    """Pitch classes of a mir_eval chord label, [12]; None for no chord ('N') or unknown ('X').

    Raises:
        DatasetError: If it is not such a label.
    """
    from mir_eval.chord import NO_CHORD, X_CHORD, InvalidChordException, encode

    if label in (NO_CHORD, X_CHORD):
        return None
    try:
        root, intervals, _ = encode(label, reduce_extended_chords=True)  # 9, 11, 13 are tones too
    except InvalidChordException as error:
        raise DatasetError(
            f"chord '{label}': not a chord label; write it as mir_eval does, such as 'A:min7'"
        ) from error
    tones: NDArray[np.bool_] = np.roll(np.asarray(intervals, bool), root)
    return tones


def chord_tone_share(made: Chroma, chords: Chords) -> float | None:
    """Share of the energy under known chords that lies on their tones, 0 to 1."""
    inside = everything = 0.0
    for start_s, end_s, label in chords:
        tones = _tone_list(label)
        if tones is None:
            continue
        heard = made.energy[:, (made.time_s >= start_s) & (made.time_s < end_s)]
        inside += float(heard[list(tones)].sum())
        everything += float(heard.sum())
    return inside / everything if everything > 0 else None


def pitch_class_distance(truth: Chroma, made: Chroma) -> float | None:
    """Half the L1 distance of the pitch-class shares, mean over the seconds that truth sounds.

    0 is the same pitch classes in the same proportions, 1 none in common; a second in which
    nothing was made counts 1.
    """
    if truth.silent:
        return None
    blocks = int(max(truth.time_s[-1], *made.time_s[-1:], 0.0) // BLOCK_S) + 1
    target, estimate = _by_block(truth, blocks), _by_block(made, blocks)
    distance = np.abs(target - estimate).sum(axis=0) / 2
    distance[~estimate.any(axis=0)] = 1.0
    return float(distance[target.any(axis=0)].mean())


def _peaks(spectrum: Floats, sample_rate: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Frame, pitch class and energy of each spectral peak of magnitudes [T, bins]."""
    low = int(LOWEST_HZ * FFT_SAMPLES / sample_rate)
    high = int(HIGHEST_HZ * FFT_SAMPLES / sample_rate)
    level = 20 * np.log10(np.maximum(spectrum[:, low - 1 : high + 1], 1e-9))
    before, here, after = level[:, :-2], level[:, 1:-1], level[:, 2:]
    top = np.maximum(here.max(axis=1, keepdims=True), here.max() - PEAK_RANGE_DB)
    frame, bin_ = np.nonzero((here > before) & (here >= after) & (here > top - PEAK_RANGE_DB))
    left, middle, right = before[frame, bin_], here[frame, bin_], after[frame, bin_]
    offset = 0.5 * (left - right) / (left - 2 * middle + right)
    frequency_hz = (bin_ + low + offset) * sample_rate / FFT_SAMPLES
    midi = np.rint(69 + 12 * np.log2(frequency_hz / A4_HZ)).astype(int)
    return frame, midi % 12, 10 ** (middle / 10)


def _by_block(pitches: Chroma, blocks: int) -> Floats:
    """Pitch-class shares of each second, [12, blocks]; all 0 where nothing sounds."""
    total = np.zeros((12, blocks))
    np.add.at(total.T, (pitches.time_s // BLOCK_S).astype(int), pitches.energy.T)
    shares: Floats = total / np.maximum(total.sum(axis=0), 1e-12)
    return shares


@lru_cache(maxsize=512)
def _tone_list(label: str) -> tuple[int, ...] | None:
    """Pitch classes of a label; songs repeat few labels and mir_eval parses slowly."""
    tones = chord_tones(label)
    return None if tones is None else tuple(int(tone) for tone in np.flatnonzero(tones))
