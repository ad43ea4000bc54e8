"""Sample arrays and the files that hold them: read, resample, write, measure."""

import hashlib
import io
import os
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError
from accomptk.run import replacing

SAMPLE_RATE = 44_100
"""Rate of every prepared stem, in Hz."""

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".opus")
"""Audio files that can be read without another program."""

Samples = NDArray[np.float32]

_RATES_HZ = (4_000, 384_000)
_BLOCK_S = 0.5
_ACTIVE_DB = -60.0
_SILENCE_DB = -120.0
_PIECE = 1 << 15  # samples whose squares float32 sums well enough
_UNKNOWN_LENGTHS = (0, 0xFFFFFFFF)  # what a program writes that pipes a WAV file
_LARGEST_KERNEL = 2_000

_HALF = 2**-0.5
_FOLDS = {  # surround to left and right, channels in the order of WAV files
    4: np.array([[1, 0, _HALF, 0], [0, 1, 0, _HALF]]),
    5: np.array([[1, 0, _HALF, _HALF, 0], [0, 1, _HALF, 0, _HALF]]),
    6: np.array([[1, 0, _HALF, 0, _HALF, 0], [0, 1, _HALF, 0, 0, _HALF]]),
    8: np.array([[1, 0, _HALF, 0, _HALF, 0, _HALF, 0], [0, 1, _HALF, 0, 0, _HALF, 0, _HALF]]),
}


def read_audio(path: Path) -> tuple[Samples, int]:
    """Read a whole file.

    Returns:
        Samples [C, N] and their rate in Hz.

    Raises:
        DatasetError: If the file is absent, empty, truncated, no audio, or holds values
            that are not numbers.
    """
    import soundfile

    _check_file(path)
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:  # names need not be Unicode
            stated, log, rate = file.frames, file.extra_info, file.samplerate
            wav = file.read(dtype="float32", always_2d=True).T
    except soundfile.SoundFileError as error:
        raise DatasetError(
            f"{path}: damaged, truncated, or not audio; export the file again as WAV or FLAC"
        ) from error
    if _is_truncated(stated, wav.shape[-1], log):
        raise DatasetError(f"{path}: truncated; its header promises more audio, export it again")
    if wav.shape[-1] == 0:
        raise DatasetError(f"{path}: holds no samples; remove it or export it again")
    if not np.isfinite(wav).all():
        raise DatasetError(f"{path}: holds samples that are not numbers (NaN); export it again")
    if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
        raise DatasetError(
            f"{path}: sample rate {rate} Hz; allowed are {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz"
        )
    return wav, rate


def load_audio(path: Path, channels: int = 1) -> Samples:
    """A file as a prepared set holds it.

    Args:
        path: An audio file.
        channels: 1 for mono, 2 to keep what is stereo.

    Returns:
        Samples at SAMPLE_RATE, [N], or [2, N] if both the file and the caller say so.

    Raises:
        DatasetError: If the file cannot be used.
    """
    return conform(*read_audio(path), channels)


def conform(wav: Samples, rate: int, channels: int = 1) -> Samples:
    """Samples [C, N] of any rate as a prepared set holds them, [N] or [2, N].

    Mono is the mean of left and right; surround is folded down to them first, as ITU-R BS.775
    has it: the centre and each rear channel at -3 dB, no low-frequency effects.
    """
    front = np.tensordot(_FOLDS[len(wav)], wav, 1) if len(wav) in _FOLDS else wav
    kept = front if channels == len(front) == 2 else to_mono(front)
    return resample(kept.astype(np.float32, copy=False), rate)


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file; check the path") from error
    except PermissionError as error:
        raise DatasetError(f"{path}: may not be read; change its permissions") from error
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; check the path") from error
    if is_empty:
        raise DatasetError(f"{path}: an empty file (0 bytes); export it again")


def _is_truncated(stated: int, found: int, log: str) -> bool:
    # libsndfile plays what is left of a cut WAV or AIFF and only says so in its log.
    cut = re.search(r"^\s*(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)", log, re.MULTILINE)
    if cut and int(cut[1]) not in _UNKNOWN_LENGTHS and int(cut[1]) > int(cut[2]):
        return True
    return found < 0.99 * stated  # MP3 headers round to whole packets


def to_mono(wav: Samples) -> Samples:
    """Average of the channels: [C, N] to [N]."""
    total: Samples = sum(wav[1:], start=wav[0])  # a mean across interleaved samples crawls
    return total / np.float32(len(wav))


def resample(wav: Samples, rate: int, to: int = SAMPLE_RATE) -> Samples:
    """Change the sample rate of [..., N] samples, with a band-limited filter."""
    if rate == to:
        return wav
    ratio = Fraction(to, rate)
    if max(ratio.numerator, ratio.denominator) > _LARGEST_KERNEL:
        return _resample_odd(wav, rate, to)
    import torch
    from torchaudio.functional import resample as resample_sinc

    made = resample_sinc(torch.from_numpy(np.ascontiguousarray(wav)), rate, to)
    return np.asarray(made.numpy(), dtype=np.float32)


def _resample_odd(wav: Samples, rate: int, to: int) -> Samples:
    """Resample between rates without a common divisor, where a filter bank needs gigabytes."""
    import soxr

    return np.asarray(soxr.resample(wav.T, rate, to).T, dtype=np.float32)


def write_audio(path: Path, wav: Samples) -> str:
    """Write samples [N] or [2, N] as ``.flac`` (16 bit) or ``.ogg`` (Vorbis), or not at all.

    Returns:
        The SHA-256 of the file. The same samples give the same FLAC file.
    """
    data = encode_audio(wav, path.suffix)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def encode_audio(wav: Samples, suffix: str) -> bytes:
    """The bytes of a ``.flac`` or ``.ogg`` file that holds samples [N] or [2, N]."""
    import soundfile

    formats = {".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
    if suffix not in formats:
        raise DatasetError(f"'{suffix}': cannot be written; allowed are .flac and .ogg")
    kind, subtype = formats[suffix]
    buffer = io.BytesIO()
    frames, channels = wav.T, 1 if wav.ndim == 1 else len(wav)
    with soundfile.SoundFile(buffer, "w", SAMPLE_RATE, channels, subtype, format=kind) as file:
        for start in range(0, len(frames), SAMPLE_RATE):  # long Vorbis writes overflow the stack
            file.write(frames[start : start + SAMPLE_RATE])
    return buffer.getvalue()


def rms_db(wav: Samples) -> float:
    """Root mean square level of [..., N] samples in dBFS, at least -120."""
    flat = wav.reshape(-1)
    pieces = (flat[start : start + _PIECE] for start in range(0, flat.size, _PIECE))
    power = sum(float(np.dot(piece, piece)) for piece in pieces) / max(flat.size, 1)
    return max(_SILENCE_DB, 10 * float(np.log10(max(power, 1e-30))))


def active_regions(wav: Samples, rate: int = SAMPLE_RATE) -> tuple[tuple[float, float], ...]:
    """Where [..., N] samples are above -60 dBFS: ``(start_s, end_s)``, in merged half seconds."""
    block = round(_BLOCK_S * rate)
    regions: list[tuple[float, float]] = []
    for first in range(0, wav.shape[-1], block):
        piece = wav[..., first : first + block]
        if rms_db(piece) <= _ACTIVE_DB:
            continue
        start_s, end_s = first / rate, (first + piece.shape[-1]) / rate
        if regions and regions[-1][1] == start_s:
            start_s = regions.pop()[0]
        regions.append((start_s, end_s))
    return tuple(regions)
