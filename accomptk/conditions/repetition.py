"""What a context is expected to do next: what it did some bars ago.

*Conventions.* Music repeats itself, four bars later more than two or one (results/LOG.md). A model
that has to play ahead is told what it will hear if the context goes on so, and plays as if it had
heard that. Where no bar is known, the period is the one at which what was heard last is most like
what was heard before. After a stop nothing is expected, and after a restart not the stop. Latents
have a standard deviation of about 1.
"""

import torch
from torch import Tensor

PERIODS_BARS = (4, 2, 1)
STOPPED_FRAMES = 12
STILL = 0.05
"""Mean square of the changes from frame to frame below which nothing happens: half of the seconds
of our contexts have more than 0.5, white noise at -40 dB has 0.06, at -50 dB 0.01."""

COMPARED_FRAMES = 48
SHORTEST_FRAMES = 12


def expected(latents: Tensor, bars: Tensor, count: int) -> Tensor:
    """The frames that follow if the music repeats itself.

    Args:
        latents: The last frames heard, [B, C, n]; at least one.
        bars: Length of a bar in frames, [B]; 0 where no beat is known.
        count: Frames wanted.

    Returns:
        [B, C, count].
    """
    heard, ahead = latents.shape[2], torch.arange(count, device=latents.device)
    periods = [period(one, bar, count) for one, bar in zip(latents, bars.tolist(), strict=True)]
    source = torch.stack([heard - frames + ahead % frames for frames in periods])
    return latents.gather(2, source.unsqueeze(1).expand(-1, latents.shape[1], -1))


def period(latents: Tensor, bar: float, count: int) -> int:
    """Frames after which the music is taken to repeat itself: as many bars as were heard.

    Args:
        latents: The last frames heard, [C, n].
        bar: Length of a bar in frames; 0 where no beat is known.
        count: Frames wanted.
    """
    heard = latents.shape[1]
    if heard > STOPPED_FRAMES and _is_still(latents[:, -STOPPED_FRAMES:]):
        return STOPPED_FRAMES
    whole = [frames for k in PERIODS_BARS if 0 < (frames := round(k * bar)) <= heard]
    alive = [p for p in whole if not _is_still(latents[:, heard - p : heard - p + count])]
    return alive[0] if alive else _most_alike(latents)


def _is_still(latents: Tensor) -> bool:
    """Whether nothing happens in these frames."""
    return latents.detach().diff(dim=1).square().mean().item() < STILL


def _most_alike(latents: Tensor) -> int:
    """The shift by which the last frames are most like earlier ones; all frames if too few."""
    heard = latents.shape[1]
    compared = min(COMPARED_FRAMES, heard - SHORTEST_FRAMES)
    if compared < SHORTEST_FRAMES:
        return heard
    apart = latents - latents.mean(1, keepdim=True)
    runs = torch.nn.functional.normalize(apart.unfold(1, compared, 1).transpose(0, 1).flatten(1))
    alike = runs[: heard - compared - SHORTEST_FRAMES + 1] @ runs[-1]
    return heard - compared - int(alike.argmax())
