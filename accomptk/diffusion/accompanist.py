"""What a stream asks of any model that plays along, and how one is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from accomptk.conditions.prompts import Vocabulary
from accomptk.conditions.sounds import SoundBank
from accomptk.diffusion.transformer import Conditions
from accomptk.window import Chunk


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a chunk is sampled.

    Args:
        num_steps: Steps asked for; a model says how many evaluations that is.
        guidance: Weight of the conditions (Ho & Salimans 2022); 1 does without.
        temperature: Scale of the first noise; 1 as in training, less is tamer.
        anticipates: Whether a model that hears beats takes what the context did some bars ago for
            what it will do next (``accomptk.conditions.repetition``).
    """

    num_steps: int
    guidance: float = 1.0
    temperature: float = 1.0
    anticipates: bool = True


class Accompanist(Protocol):
    """A model that hears context latents and makes chunks of target latents.

    All mutable state is in the memory that ``open`` returns, so it can be copied and restored.

    Attributes:
        hears_beats: Whether the beat rows of its conditions reach it.
    """

    name: str
    sha8: str
    space: str
    channels: int
    frames: int
    vocabulary: Vocabulary
    sounds: SoundBank
    sampling: Sampling
    hears_beats: bool

    def open(self) -> Any:
        """A memory that has heard and played nothing."""
        ...

    def hear(self, memory: Any, latents: Tensor) -> None:
        """Add context frames [Bc, C, n] that follow those heard before."""
        ...

    def play(
        self,
        memory: Any,
        chunk: Chunk,
        conditions: Conditions,
        generators: Sequence[torch.Generator],
        sampling: Sampling,
    ) -> Tensor:
        """Make a chunk and remember it.

        Args:
            memory: What ``open`` returned.
            chunk: Frames to make; ``heard`` is how far the context was heard, 0 for no context.
            conditions: Instrument, prompt and beats of the chunk.
            generators: Noise of each of the B streams; B is a multiple of the contexts heard.
            sampling: Steps and guidance.

        Returns:
            Clean latents, [B, C, hop].
        """
        ...

    def evaluations(self, sampling: Sampling) -> int:
        """Network evaluations (NFE) of one chunk."""
        ...
