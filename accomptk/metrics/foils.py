"""Stems that must lose against the ground truth: each is right in some way and wrong in another.

A ruler that one of them could please would reward what no musician does. Beside the anchors
(`accomptk.metrics.anchors`) there are a held tonic, the truth half a beat late, a semitone
higher, without what lies above 2 kHz, and under noise.

Conventions: mono signals [N] as long as the truth, and as loud.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.anchors import HOP_SAMPLES, stretch
from accomptk.metrics.harmony import Chords, chord_tones

Floats = NDArray[np.floating[Any]]
Wav = NDArray[np.float32]

FOILS = ("held_tonic", "half_beat_late", "semitone_higher", "low_passed", "noisy")
LOW_PASS_HZ = 2000.0
LOW_PASS_ORDER = 8
NOISE_DB = -20.0  # of the truth's level
BASS_MIDI, MIDDLE_MIDI = 36, 48
PARTIALS = (1.0, 0.5, 0.33, 0.25, 0.2)


def make_foils(
    truth: Floats,
    sample_rate: int,
    *,
    beats: Floats,
    chords: Chords,
    is_bass: bool,
    rng: np.random.Generator,
) -> dict[str, Wav]:
    """All foils of a stem; half a beat is left out where fewer than two beats are known."""
    made = {
        "held_tonic": held_tonic(truth, sample_rate, chords, BASS_MIDI if is_bass else MIDDLE_MIDI),
        "semitone_higher": transpose(truth, 1),
        "low_passed": low_pass(truth, sample_rate),
        "noisy": add_noise(truth, rng),
    }
    if beats.size > 1:
        made["half_beat_late"] = delay(truth, float(np.median(np.diff(beats))) / 2, sample_rate)
    return {name: made[name] for name in FOILS if name in made}


def held_tonic(truth: Floats, sample_rate: int, chords: Chords, lowest_midi: int) -> Wav:
    """One note throughout: the pitch class that lies in the chords for the longest time."""
    lasts_s = np.zeros(12)
    for start_s, end_s, label in chords:
        tones = chord_tones(label)
        if tones is not None:
            lasts_s[tones] += end_s - start_s
    pitch_class = int(lasts_s.argmax())
    hz = 440 * 2 ** ((lowest_midi + (pitch_class - lowest_midi) % 12 - 69) / 12)
    angle = 2 * np.pi * hz * np.arange(truth.size) / sample_rate
    tone = sum(level * np.sin(k * angle) for k, level in enumerate(PARTIALS, 1))
    return _as_loud_as(truth, np.asarray(tone, np.float32))


def delay(truth: Floats, seconds: float, sample_rate: int) -> Wav:
    """The truth later; silence before it."""
    late = round(seconds * sample_rate)
    return np.pad(np.asarray(truth, np.float32), (late, 0))[: truth.size]


def transpose(truth: Floats, semitones: float) -> Wav:
    """The truth at another pitch and the same speed: stretched, then read faster."""
    import soxr

    ratio = 2 ** (semitones / 12)
    hops = int(np.ceil(truth.size / HOP_SAMPLES)) + 2
    padded = np.pad(np.asarray(truth, np.float32), (0, 2 * HOP_SAMPLES))
    longer = stretch(padded, np.arange(round(hops * ratio) + 1) / ratio)
    made = soxr.resample(longer, ratio, 1.0)[: truth.size]
    return np.asarray(np.pad(made, (0, truth.size - made.size)), np.float32)


def low_pass(truth: Floats, sample_rate: int) -> Wav:
    """The truth without what lies above 2 kHz."""
    from scipy.signal import butter, sosfiltfilt

    filters = butter(LOW_PASS_ORDER, LOW_PASS_HZ, fs=sample_rate, output="sos")
    return np.asarray(sosfiltfilt(filters, truth), np.float32)


def add_noise(truth: Floats, rng: np.random.Generator) -> Wav:
    """The truth under white noise, 20 dB softer."""
    noise = _as_loud_as(truth, rng.standard_normal(truth.size).astype(np.float32))
    return np.asarray(truth + np.float32(10 ** (NOISE_DB / 20)) * noise, np.float32)


def _as_loud_as(truth: Floats, made: Wav) -> Wav:
    power = [float(np.mean(np.square(wav, dtype=np.float64))) for wav in (truth, made)]
    return made * np.float32(np.sqrt(power[0] / max(power[1], 1e-18)))
