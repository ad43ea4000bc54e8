"""Beats that the client states: a tempo and a place in the bar."""

from dataclasses import dataclass

import numpy as np

from accomptk.conditions.grid import FRAMES_PER_SECOND, Floats, feature_rows


@dataclass(frozen=True, slots=True)
class SteadyBeats:
    """A steady tempo, known for all time.

    Args:
        at_s: A time of the stream.
        bpm: Beats a minute.
        beat: Place in the bar at that time, in beats from 0.
        meter: Beats a bar.
    """

    at_s: float
    bpm: float
    beat: float
    meter: int

    def hear(self, wav: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        """Nothing to learn from the audio."""

    def features(
        self, heard: int, start: int, end: int
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """Rows of ``accomptk.conditions.grid`` for frames [start, end), [6, end - start]."""
        centre: Floats = (np.arange(start, end) + 0.5) / FRAMES_PER_SECOND
        position = self.beat + (centre - self.at_s) * self.bpm / 60
        tempo = np.full_like(position, np.log2(self.bpm / 120))
        rows = np.stack([position, position / self.meter, tempo, np.ones_like(position)])
        known = np.ones(len(centre), np.bool_)
        return feature_rows(rows, known, known)
