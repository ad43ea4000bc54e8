"""Where a stream takes its beats from: a given grid, nothing, or a tracker that listens."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from accomptk.conditions.beats import TRACKER_NETWORKS
from accomptk.conditions.grid import BEAT_FEATURES, grid_features

Floats = NDArray[np.float32]

TRACKER_EARS = tuple(f"BeatNet {network}" for network in TRACKER_NETWORKS)
"""Networks that the tracker hears with, named as those of the judge are."""


class BeatSource(Protocol):
    """Beats of one context as a stream needs them."""

    def hear(self, wav: Floats) -> None:
        """Listen to the samples [N] that follow those heard before."""
        ...

    def features(self, heard: int, start: int, end: int) -> Floats:
        """Rows of ``accomptk.conditions.grid`` for frames [start, end), [6, end - start]."""
        ...


@dataclass(frozen=True, slots=True)
class GivenBeats:
    """A known grid, used as far as it was heard and extrapolated from there.

    Args:
        beats: Seconds, [N].
        downbeats: Seconds, [M].
    """

    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]

    def hear(self, wav: Floats) -> None:
        """Nothing to learn from the audio."""

    def features(self, heard: int, start: int, end: int) -> Floats:
        """The grid's features, causal in ``heard``."""
        return grid_features(self.beats, self.downbeats, heard, start, end)


class NoBeats:
    """No beat is known, and none is looked for."""

    def hear(self, wav: Floats) -> None:
        """Nothing to learn from the audio."""

    def features(self, heard: int, start: int, end: int) -> Floats:
        """All zeros: no beat."""
        return np.zeros((BEAT_FEATURES, end - start), np.float32)


def tracker() -> BeatSource:
    """A tracker that has heard nothing.

    Raises:
        MissingTool: If its weights were not fetched.
    """
    from accomptk.conditions.beats import BeatTracker

    return BeatTracker.load()
