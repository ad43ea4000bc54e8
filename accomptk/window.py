"""The only place with window arithmetic; everything counts in latent frames.

Heard up to frame ``t``, a chunk covers ``[t + gap, t + gap + hop)``. Both source papers tie
the gap to the hop (``gap = w * hop``); here it is free, because the gap is what a listener
notices and the hop is what the machine pays for.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from accomptk.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Chunk:
    """Frames ``[start, end)`` to make after hearing the context up to ``heard``."""

    heard: int
    start: int
    end: int

    @property
    def hop(self) -> int:
        """Frames made."""
        return self.end - self.start

    @property
    def gap(self) -> int:
        """Frames between what was heard and what is made; negative when it was heard already."""
        return self.start - self.heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Geometry of one step.

    Args:
        frames: Reach of attention.
        hop: Frames made per step.
        gap: Chunk start minus heard-until. ``-hop`` is retrospective, 0 immediate,
            ``hop`` look-ahead (the papers' w = -1, 0, 1).

    Raises:
        RecipeError: If the window leaves nothing to hear.
    """

    frames: int = 72
    hop: int = 18
    gap: int = 18

    def __post_init__(self) -> None:
        if not 1 <= self.hop <= self.frames:
            raise RecipeError(
                f"window.hop = {self.hop}: a hop is 1 to {self.frames} frames; choose one of them"
            )
        if self.gap < -self.hop:
            raise RecipeError(
                f"window.gap = {self.gap}: lies before the chunk's own end; "
                f"the smallest gap at hop {self.hop} is {-self.hop} (retrospective)"
            )
        if self.heard < 1:
            raise RecipeError(
                f"window: hop {self.hop} + gap {self.gap} leaves no context to hear in "
                f"{self.frames} frames; hop + gap can be at most {self.frames - 1}"
            )

    @property
    def heard(self) -> int:
        """Context frames that the chunk can attend to in steady state."""
        return self.frames - self.hop - max(self.gap, -self.hop)

    @property
    def lookahead(self) -> Fraction:
        """K = 1 + gap / hop: 0 retrospective, 1 immediate, 2 look-ahead."""
        return 1 + Fraction(self.gap, self.hop)

    @classmethod
    def from_lookahead(cls, lookahead: int, *, frames: int = 72, hop: int = 18) -> "Window":
        """The papers' tied geometry: ``gap = (K - 1) * hop``."""
        if lookahead < 0:
            raise RecipeError(f"lookahead {lookahead}: 0 is the offline bound; give 0, 1, 2, ...")
        return cls(frames=frames, hop=hop, gap=(lookahead - 1) * hop)

    def chunk(self, heard: int, made: int | None) -> Chunk:
        """The next chunk of a stream that has heard ``heard`` frames and made ``made``.

        A stream never skips and never repeats a frame: after the first chunk each one starts
        where the last ended, so a larger gap makes one longer chunk and a smaller one makes
        shorter ones, possibly empty, until the context has caught up.

        Args:
            heard: Context frames heard so far, at least 1.
            made: End of the last chunk, or None before the first.
        """
        end = max(heard + self.gap + self.hop, 0)
        start = max(heard + self.gap, 0) if made is None else made
        return Chunk(heard, start, max(start, end))


def to_frames(text: str, frames_per_second: Fraction) -> int:
    """Read ``18`` as frames and ``250ms`` as a time rounded up to whole frames.

    Raises:
        RecipeError: If the text is neither.
    """
    value = text.strip().lower()
    try:
        if value.endswith("ms"):
            return ceil(Fraction(value[:-2]) * frames_per_second / 1000)
        return int(value)
    except (ValueError, ZeroDivisionError) as error:
        raise RecipeError(
            f"'{text}': not a length; give whole frames ('3') or milliseconds ('250ms')"
        ) from error
