"""Stems that no model made: what a score is worth is seen beside theirs.

* ``ground_truth``: the song's own stem.
* ``codec``: the same through the codec; the upper anchor, and the reference of FAD.
* ``random_pairing``: the same instrument of another song, through the codec.
* ``tempo_matched``: the same instrument of the song of nearest tempo, its beats laid a fixed
  part of a beat beside this song's by a phase vocoder, through the codec: right tempo, wrong
  time.
* ``click``: a metronome of noise on the beats, as loud as the ground truth.
* ``silence``: nothing.

``other_songs`` is an anchor of the Frechet distances alone: real stems, through the codec, of as
many songs of other splits. The random pairings of a table are the stems of its own reference in
another order, so their distance says how much songs differ in number, not how near other music
comes.

Conventions: mono signals [N]; times in seconds from the signal's start.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.run import numpy_generator

Floats = NDArray[np.floating[Any]]

ANCHORS = ("ground_truth", "codec", "random_pairing", "tempo_matched", "click", "silence")
UPPER = "codec"
LOWER = "random_pairing"
OTHERS = "other_songs"

CLICK_S = 0.03
DOWNBEAT_GAIN = 2.0
FFT_SAMPLES = 2048
HOP_SAMPLES = 512
MOST_DETUNED = 1.5  # tempo ratio beyond which beats are paired with every other beat


def click_track(
    beats: Floats, downbeats: Floats, truth: Floats, sample_rate: int
) -> NDArray[np.float32]:
    """A burst of noise on each beat, louder on downbeats, at the RMS level of ``truth``, [N].

    Noise has no pitch, so that nothing of the harmony is met by accident.
    """
    wav = np.zeros(truth.size, np.float32)
    time_s = np.arange(round(CLICK_S * sample_rate)) / sample_rate
    noise = numpy_generator(0, "click").standard_normal(time_s.size)
    burst = np.exp(-time_s / (CLICK_S / 5)) * noise
    for beat in beats[(beats >= 0) & (beats < truth.size / sample_rate)]:
        first = bool(np.any(np.abs(downbeats - beat) < CLICK_S))
        blip = burst * (DOWNBEAT_GAIN if first else 1.0)
        start = int(beat * sample_rate)
        wav[start : start + blip.size] += blip[: truth.size - start]
    return wav * np.float32(_rms(truth) / max(_rms(wav), 1e-9))


def lay_beside(
    other: Floats,
    other_beats: Floats,
    beats: Floats,
    *,
    phase: float,
    samples: int,
    sample_rate: int,
) -> NDArray[np.float32] | None:
    """Another song's stem at this song's tempo, each beat ``phase`` beats after this song's.

    Args:
        other: The other stem from the start of its song, [M].
        other_beats: Its beats.
        beats: This song's beats.
        phase: Part of a beat, 0 to 1; 0 would put the beats together.
        samples: Length wanted, N.
        sample_rate: Of both.

    Returns:
        The stretched stem [N], silent past the other's end, or None when either song has fewer
        than two beats.
    """
    if beats.size < 2 or other_beats.size < 2:
        return None
    steps = _beats_per_beat(np.diff(other_beats).mean() / np.diff(beats).mean())
    time_s = np.arange(0, samples + HOP_SAMPLES, HOP_SAMPLES) / sample_rate
    count = _beat_number(time_s, beats) - phase
    wanted = (count - np.ceil(count[0])) * steps + np.ceil(steps)
    position_s = np.interp(wanted, *_extended(other_beats))
    return stretch(other, position_s * sample_rate / HOP_SAMPLES)[:samples]


def stretch(wav: Floats, position: Floats) -> NDArray[np.float32]:
    """Phase vocoder (Flanagan & Golden 1966) that reads at any speed without changing pitch.

    Args:
        wav: Signal, [N].
        position: Where each output hop is read, in hops of ``HOP_SAMPLES``, [K], ascending.

    Returns:
        Signal of (K - 1) hops; silent where the position lies outside the signal.
    """
    import torch

    window = torch.hann_window(FFT_SAMPLES)
    signal = torch.as_tensor(np.ascontiguousarray(wav), dtype=torch.float32)
    spectrum = torch.stft(
        signal,
        FFT_SAMPLES,
        HOP_SAMPLES,
        window=window,
        return_complex=True,
        pad_mode="constant",
    ).numpy()
    last = spectrum.shape[1] - 2
    whole = np.clip(np.floor(position).astype(int), 0, last)
    part = np.clip(position - whole, 0, 1)
    here, after = spectrum[:, whole], spectrum[:, whole + 1]
    magnitude = (1 - part) * np.abs(here) + part * np.abs(after)
    magnitude[:, (position < 0) | (position > last + 1)] = 0
    turn = np.angle(after * np.conj(here))
    advance = np.cumsum(turn[:, :-1], axis=1, dtype=np.float64)
    phase = np.angle(here[:, :1]) + np.pad(advance, ((0, 0), (1, 0)))
    made = torch.as_tensor((magnitude * np.exp(1j * phase)).astype(np.complex64))
    samples = (position.size - 1) * HOP_SAMPLES
    return torch.istft(made, FFT_SAMPLES, HOP_SAMPLES, window=window, length=samples).numpy()


def _rms(wav: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(wav, dtype=np.float64)))) if wav.size else 0.0


def _beats_per_beat(ratio: float) -> float:
    """How many beats of the other song go on one of this song: a power of two."""
    steps = 1.0
    while ratio * steps > MOST_DETUNED:
        steps /= 2
    while ratio * steps < 1 / MOST_DETUNED:
        steps *= 2
    return steps


def _beat_number(time_s: Floats, beats: Floats) -> Floats:
    """Position of each time among the beats, with the first and last period carried on."""
    number, extended = _extended(beats)
    return np.interp(time_s, extended, number)


def _extended(beats: Floats, more: int = 400) -> tuple[Floats, Floats]:
    """Numbers and times of the beats with ``more`` even ones before and after."""
    before = beats[0] - (beats[1] - beats[0]) * np.arange(more, 0, -1)
    after = beats[-1] + (beats[-1] - beats[-2]) * np.arange(1, more + 1)
    times = np.concatenate([before, beats, after])
    return np.arange(-more, times.size - more, dtype=float), times
