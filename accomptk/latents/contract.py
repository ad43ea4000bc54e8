"""What a stream asks of a codec, measured: time, joins, silence, full scale, level.

*Conventions.* A hop is 0.75 s: one context is encoded and four instruments are decoded. A join is
where two frames meet.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accomptk.latents.codec import Codec, decode, encode

Floats = NDArray[np.floating[Any]]

HOP_S = 0.75
PLAYERS = 4
WARM_HOPS, TIMED_HOPS = 3, 100
PLACES = 8  # in a frame where its treble is measured; the first is the join
TREBLE_HZ = 8_000.0
WINDOW_SAMPLES = 128
SILENT_S = 3.0
QUIETEST_DB = -200.0
TINY = 1e-9


def measure_contract(codec: Codec, signals: Sequence[Floats]) -> dict[str, float]:
    """All that a stream asks of a codec, of music.

    Args:
        codec: What is measured.
        signals: Of one length, at least a hop's, each [N].

    Returns:
        ``encode_ms``, ``decode_ms`` and ``share_of_hop`` as p50 and p95; ``join_jump_db`` and
        ``join_treble_db``; ``silence_dbfs``; ``full_scale_peak``; ``level_db``, the largest change
        of a signal's level.
    """
    wav = torch.from_numpy(np.stack(signals))[:, None]
    late = _stream(codec, encode(codec, wav))
    jump_db, treble_db = joins(late[:, 0].numpy(), codec.frame_samples, codec.sample_rate)
    whole = wav.shape[-1] // codec.frame_samples * codec.frame_samples - codec.decode_delay
    kept = slice(codec.decode_delay, codec.decode_delay + whole)
    change_db = _levels_db(late[..., kept]) - _levels_db(wav[..., :whole])
    return {
        **_speed(codec, wav),
        "join_jump_db": jump_db,
        "join_treble_db": treble_db,
        "silence_dbfs": _silence_dbfs(codec, wav[:1]),
        "full_scale_peak": _full_scale_peak(codec, wav),
        "level_db": float(np.abs(change_db).max()),
    }


def joins(wav: Floats, frame_samples: int, sample_rate: int) -> tuple[float, float]:
    """How much more samples jump at joins than inside frames, and how much more treble there is.

    The 99th percentile of one over that of the other. Music knows nothing of frames, so that both
    are 0 dB where a join is a place like any other.

    Args:
        wav: As it left the decoder, [B, N].
        frame_samples: Joins are at its multiples.
        sample_rate: In Hz.
    """
    frames = wav.shape[1] // frame_samples
    jumps = np.abs(np.diff(wav, prepend=0))[:, : frames * frame_samples]
    by_frame = jumps.reshape(len(wav), frames, frame_samples)
    treble = _treble(wav, frames, frame_samples, sample_rate)
    return _excess_db(by_frame[:, 1:-1]), _excess_db(treble[:, 1:-1])


def _excess_db(size: Floats) -> float:
    """The first place of [B, frames, places] over the others."""
    join, inside = (np.percentile(part, 99) for part in (size[..., :1], size[..., 1:]))
    return float(20 * np.log10(max(join, TINY) / max(inside, TINY)))


def _treble(wav: Floats, frames: int, frame_samples: int, sample_rate: int) -> Floats:
    """Size of the treble around evenly spaced places of each frame, [B, frames, PLACES]."""
    half = WINDOW_SAMPLES // 2
    starts = np.arange(frames)[:, None] * frame_samples + np.arange(PLACES) * frame_samples / PLACES
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(wav, ((0, 0), (half, half))), WINDOW_SAMPLES, axis=1
    )
    spectrum = np.fft.rfft(windows[:, starts.astype(int)] * np.hanning(WINDOW_SAMPLES))
    lowest = int(TREBLE_HZ * WINDOW_SAMPLES / sample_rate)
    return np.asarray(np.linalg.norm(spectrum[..., lowest:], axis=-1))


def _stream(codec: Codec, latents: Tensor) -> Tensor:
    """Late audio [B, 1, N] of latents [B, C, T] that come hop by hop."""
    state = codec.decode_state(len(latents))
    hops = torch.split(latents, _hop_frames(codec), -1)
    return torch.cat([codec.decode_next(hop, state) for hop in hops], -1)


def _speed(codec: Codec, wav: Tensor) -> dict[str, float]:
    """Time to encode a hop of one signal and to decode the same hop of four."""
    latents = encode(codec, wav[[index % len(wav) for index in range(PLAYERS)]])
    hop = _hop_frames(codec)
    heard, played = codec.encode_state(1), codec.decode_state(PLAYERS)
    times_ms = []
    for index in range(WARM_HOPS + TIMED_HOPS):
        first = index % (latents.shape[-1] // hop) * hop
        samples = slice(first * codec.frame_samples, (first + hop) * codec.frame_samples)
        began_s = time.perf_counter()
        codec.encode_next(wav[:1, :, samples], heard)
        encoded_s = time.perf_counter()
        codec.decode_next(latents[..., first : first + hop], played)
        done_s = time.perf_counter()
        times_ms.append((1000 * (encoded_s - began_s), 1000 * (done_s - encoded_s)))
    encode_ms, decode_ms = np.array(times_ms[WARM_HOPS:]).T
    hop_ms = 1000 * hop * codec.frame_samples / codec.sample_rate
    terms = {
        "encode_ms": encode_ms,
        "decode_ms": decode_ms,
        "share_of_hop": (encode_ms + decode_ms) / hop_ms,
    }
    return {
        f"{name}_p{q}": float(np.percentile(values, q))
        for name, values in terms.items()
        for q in (50, 95)
    }


def _hop_frames(codec: Codec) -> int:
    return round(HOP_S * codec.sample_rate / codec.frame_samples)


def _silence_dbfs(codec: Codec, wav: Tensor) -> float:
    """Level of digital silence, from the start and after music, whichever is louder."""
    frames = round(SILENT_S * codec.sample_rate / codec.frame_samples)
    nothing = torch.zeros(1, 1, frames * codec.frame_samples)
    after = decode(codec, encode(codec, torch.cat([wav, nothing], -1)))
    last, alone = after[..., -nothing.shape[-1] // 2 :], decode(codec, encode(codec, nothing))
    return float(max(_levels_db(alone)[0], _levels_db(last)[0]))


def _full_scale_peak(codec: Codec, wav: Tensor) -> float:
    """Largest sample of signals that reach full scale."""
    loud = wav / wav.abs().amax(-1, keepdim=True).clamp_min(1e-6)
    return float(decode(codec, encode(codec, loud)).abs().max())


def _levels_db(wav: Tensor) -> Floats:
    """Level of each signal of [B, 1, N], [B]; never below `QUIETEST_DB`."""
    from accomptk.metrics.onset import level_db

    return np.array([max(level_db(each), QUIETEST_DB) for each in wav[:, 0].numpy()])
