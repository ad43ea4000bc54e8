"""Chords: their tones, and how tools spell them."""

from dataclasses import dataclass
from typing import NamedTuple

PITCH_CLASSES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")


class Quality(NamedTuple):
    """A kind of chord: how the arranger spells it, and its tones above the root."""

    symbol: str
    intervals: tuple[int, ...]


# By mir_eval's names.
QUALITIES = {
    "maj": Quality("", (0, 4, 7)),
    "min": Quality("m", (0, 3, 7)),
    "dim": Quality("dim3", (0, 3, 6)),
    "aug": Quality("aug", (0, 4, 8)),
    "sus4": Quality("sus4", (0, 5, 7)),
    "7": Quality("7", (0, 4, 7, 10)),
    "maj7": Quality("M7", (0, 4, 7, 11)),
    "min7": Quality("m7", (0, 3, 7, 10)),
    "hdim7": Quality("m7b5", (0, 3, 6, 10)),
    "dim7": Quality("dim7", (0, 3, 6, 9)),
    "sus4(b7)": Quality("7sus", (0, 5, 7, 10)),
    "maj6": Quality("6", (0, 4, 7, 9)),
    "min6": Quality("m6", (0, 3, 7, 9)),
    "9": Quality("9", (0, 4, 7, 10, 14)),
    "maj9": Quality("M9", (0, 4, 7, 11, 14)),
    "min9": Quality("m9", (0, 3, 7, 10, 14)),
}


@dataclass(frozen=True, slots=True)
class Chord:
    """A root (pitch class, C = 0) and one of QUALITIES."""

    root: int
    quality: str

    @property
    def label(self) -> str:
        """As mir_eval spells it, for instance ``C:min7``."""
        return f"{PITCH_CLASSES[self.root]}:{self.quality}"

    @property
    def symbol(self) -> str:
        """As the arranger spells it, for instance ``Cm7``."""
        return PITCH_CLASSES[self.root] + QUALITIES[self.quality].symbol

    @property
    def tones(self) -> tuple[int, ...]:
        """Pitch classes, the root first."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality].intervals)
