"""Rhythm as a network can use it: fast phases, the length of a bar, what lay some bars before.

*Conventions.* Music repeats itself bar by bar. A network finds that by itself only after long
training (results/LOG.md has what ours did without), so it is laid under each frame: the latent
frame that was heard, or played, at the same place 1, 2 and 4 bars before, each with a 1 where it is
known and zeros where not.
"""

import math

import torch
from torch import Tensor

LAGS_BARS = (1, 2, 4)
REACH_FRAMES = 216
"""How far before the end of its chunk a frame may look back: 18 s, 4 bars of 4.5 s."""

BEATS_A_BAR = 4  # where the beat is known but not the bar

OVERTONES = 4
OVERTONE_FEATURES = 2 * 2 * (OVERTONES - 1)
"""Rows: cos of beat and bar at 2, 3 and 4 turns, then sin likewise."""


def overtones(beats: Tensor) -> Tensor:
    """The phases of beat and bar turning 2 to ``OVERTONES`` times as fast, 0 where not known.

    A network learns slow turns of its inputs first, and what is played are sixteenths.

    Args:
        beats: Rows of ``accomptk.conditions.grid``, [B, BEAT_FEATURES, T].

    Returns:
        [B, OVERTONE_FEATURES, T].
    """
    phase = torch.complex(beats[:, [1, 3]], beats[:, [0, 2]])
    turns = torch.cat([phase**times for times in range(2, OVERTONES + 1)], 1)
    return torch.cat([turns.real, turns.imag], 1)


def bar_frames(beats: Tensor, start: Tensor) -> Tensor:
    """Length of a bar in each chunk as its beat rows have it.

    Args:
        beats: Rows of ``accomptk.conditions.grid``, [B, BEAT_FEATURES, T].
        start: First frame of each frame's chunk, counted from the first of these, [B, T].

    Returns:
        Frames, [B, T]; 0 where the chunk knows no beat.
    """
    chunk = start.clamp(min=0)

    def mean(values: Tensor, counts: Tensor) -> Tensor:
        total, number = (
            torch.zeros_like(values).scatter_add(1, chunk, part)
            for part in (values * counts, counts)
        )
        return (total / number.clamp(min=1)).gather(1, chunk)

    known = (beats[:, 5] > 0).to(beats)
    beat = 6.0 / torch.exp2(mean(beats[:, 4], known))  # 120 bpm are 6 frames
    angle = torch.atan2(beats[:, 2], beats[:, 3])
    turn = torch.remainder(angle.diff(dim=1, prepend=angle[:, :1]) + math.pi, 2 * math.pi) - math.pi
    follows = (start == start.roll(1, 1)).to(beats)
    follows[:, :1] = 0
    pace = mean(turn, follows) / (2 * math.pi)
    found = torch.round(1 / (pace.clamp(min=1e-3) * beat))
    size = torch.where((found >= 2) & (found <= 8), found, BEATS_A_BAR)
    return torch.where(mean(known, known) > 0, size * beat, 0)


def earlier(bar: Tensor, first: int, end: Tensor) -> Tensor:
    """Frames ``LAGS_BARS`` bars before each frame, -1 where there is no bar or it is out of reach.

    Args:
        bar: Length of its bar, [B, T].
        first: Number of the first frame.
        end: Frame after each frame's chunk, [B, T].

    Returns:
        [B, len(LAGS_BARS), T].
    """
    time = torch.arange(first, first + bar.shape[1], device=bar.device)
    back = torch.stack([torch.round(lag * bar) for lag in LAGS_BARS], 1).long()
    source = time - back
    reached = (back > 0) & (source >= end.unsqueeze(1) - REACH_FRAMES)
    return torch.where(reached, source, -1)


def look_up(latents: Tensor, first: int, source: Tensor, is_known: Tensor) -> Tensor:
    """Latents at some frames, and a row that says where they are known.

    Args:
        latents: [B, C, n].
        first: Number of the first of them.
        source: Frames, [B, L, T].
        is_known: Which of them may be looked at, [B, L, T].

    Returns:
        [B, L (C + 1), T]; zeros where unknown.
    """
    (batch, channels, count), (_, lags, length) = latents.shape, source.shape
    if count == 0:
        return latents.new_zeros(batch, lags * (channels + 1), length)
    index = source - first
    known = (is_known & (index >= 0) & (index < count)).to(latents).unsqueeze(2)
    flat = index.clamp(0, count - 1).view(batch, 1, -1).expand(-1, channels, -1)
    found = latents.gather(2, flat).view(batch, channels, lags, length).transpose(1, 2)
    return torch.cat([found * known, known], 2).flatten(1, 2)
