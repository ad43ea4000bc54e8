"""Lead sheets: key, bars with chords and players, and the time of every beat."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from accomptk.stems.chords import PITCH_CLASSES, Chord
from accomptk.stems.instruments import INSTRUMENTS, MELODY


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart.

    Attributes:
        section: Name of the section, for instance ``A``.
        chords: Beat within the bar, from 0, and the chord that starts there.
        playing: Instruments that play; the others rest.
        level: Loudness as a factor of the notes' velocities.
        fill: Whether the drums lead over to the next bar.
        stop: The one instrument that goes on while the others pause; empty otherwise.
        is_last: Whether everyone holds the first beat to the end.
    """

    section: str
    chords: tuple[tuple[int, Chord], ...]
    playing: frozenset[str] = frozenset((*INSTRUMENTS, MELODY))
    level: float = 1.0
    fill: bool = False
    stop: str = ""
    is_last: bool = False


@dataclass(frozen=True)
class Chart:
    """A song on paper.

    Attributes:
        key: Pitch class of the tonic, C = 0.
        mode: One of ``harmony.MODES``.
        meter: Beats in a bar.
        bars: All of them, repeats written out.
        bpm: Tempo of every beat.
        start_s: Time of the first beat.
    """

    key: int
    mode: str
    meter: int
    bars: tuple[Bar, ...]
    bpm: tuple[float, ...]
    start_s: float = 0.0

    @property
    def key_name(self) -> str:
        """For instance ``C minor``."""
        return f"{PITCH_CLASSES[self.key]} {'major' if self.mode == 'blues' else self.mode}"

    @cached_property
    def grid_s(self) -> NDArray[np.float64]:
        """Times of all beats and of the end of the last, [beats + 1]."""
        ends_s = np.cumsum(60.0 / np.asarray(self.bpm, dtype=np.float64))
        return np.asarray(self.start_s + np.concatenate([[0.0], ends_s]), dtype=np.float64)

    @property
    def beats(self) -> NDArray[np.float64]:
        """Times of the beats in seconds."""
        return self.grid_s[:-1]

    @property
    def downbeats(self) -> NDArray[np.float64]:
        """Times of the bars' first beats in seconds."""
        return self.grid_s[:-1][:: self.meter]

    @property
    def end_s(self) -> float:
        """Time at which the last bar ends."""
        return float(self.grid_s[-1])

    def seconds_at(self, beat: float) -> float:
        """Time of a beat, also between two beats and outside the song."""
        last = len(self.grid_s) - 1
        index = min(max(int(np.floor(beat)), 0), last - 1)
        length_s = self.grid_s[index + 1] - self.grid_s[index]
        return float(self.grid_s[index] + (beat - index) * length_s)

    def chord_at(self, beat: float) -> Chord:
        """The chord that sounds at a beat."""
        bar = self.bars[min(max(int(beat // self.meter), 0), len(self.bars) - 1)]
        offset = beat % self.meter
        return [chord for start, chord in bar.chords if start <= offset + 1e-6][-1]

    @cached_property
    def changes(self) -> list[tuple[int, Chord]]:
        """Beats at which the chord changes, and to which; the first is beat 0."""
        starts = [
            (index * self.meter + offset, chord)
            for index, bar in enumerate(self.bars)
            for offset, chord in bar.chords
        ]
        return [item for i, item in enumerate(starts) if i == 0 or item[1] != starts[i - 1][1]]

    def chord_spans(self) -> list[tuple[float, float, str]]:
        """Start and end in seconds and mir_eval label of each chord; equal neighbours joined."""
        times = [*(float(self.grid_s[beat]) for beat, _ in self.changes), self.end_s]
        return [(times[i], times[i + 1], chord.label) for i, (_, chord) in enumerate(self.changes)]
