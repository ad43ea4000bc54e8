"""Beats and bars: from a MIDI file's tempo and time signatures, or from a list of times."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError

if TYPE_CHECKING:
    from mido import MidiFile

_DEFAULT_US = 500_000  # 120 beats a minute
_TEMPI_US = (60_000, 6_000_000)  # 1000 to 10 beats a minute


@dataclass(frozen=True, slots=True)
class Grid:
    """Beats of a song.

    Attributes:
        beats: Seconds, [beats].
        downbeats: First beats of the bars, seconds, [bars].
        meter: Beats in most of the bars, 0 when there are none.
        problem: Why there are no beats, or empty.
    """

    beats: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    downbeats: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    meter: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """A time signature from a tick on."""

    tick: int
    numerator: int
    denominator: int

    @property
    def meter(self) -> int:
        """Beats in a bar; 6/8 has two, of three eighths each."""
        return self.numerator // 3 if self._is_compound else self.numerator

    @property
    def beat_quarters(self) -> float:
        """Length of a beat in quarter notes."""
        return (3 if self._is_compound else 1) * 4 / self.denominator

    @property
    def _is_compound(self) -> bool:
        return self.denominator >= 8 and self.numerator > 3 and self.numerator % 3 == 0


@dataclass(frozen=True, slots=True)
class TempoMap:
    """When each tick is played.

    Attributes:
        ticks_per_quarter: Ticks in a quarter note.
        ticks: Where the tempo changes; the first is 0.
        starts_s: When that is, in seconds.
        tempi_us: Microseconds in a quarter note from there on.
        signatures: Time signatures in order; the first is at 0.
        is_stated: Whether the file states any tempo at all.
    """

    ticks_per_quarter: int
    ticks: tuple[int, ...]
    starts_s: tuple[float, ...]
    tempi_us: tuple[int, ...]
    signatures: tuple[Signature, ...]
    is_stated: bool

    def seconds_at(self, tick: float) -> float:
        """Time of a tick, in seconds."""
        change = bisect_right(self.ticks, tick) - 1
        quarters = (tick - self.ticks[change]) / self.ticks_per_quarter
        return self.starts_s[change] + quarters * self.tempi_us[change] / 1e6

    def grid(self, end_tick: int) -> Grid:
        """Beats and bars up to a tick; none if the tempo map cannot be meant."""
        if not self.is_stated:
            return Grid(problem="states no tempo")
        slow, fast = max(self.tempi_us), min(self.tempi_us)
        if fast < _TEMPI_US[0] or slow > _TEMPI_US[1]:
            return Grid(problem="has a tempo below 10 or above 1000 beats a minute")
        bars: Counter[int] = Counter()
        beats: list[float] = []
        downbeats: list[float] = []
        ends = [signature.tick for signature in self.signatures[1:]] + [end_tick]
        for signature, end in zip(self.signatures, ends, strict=True):
            ticks = self._beat_ticks(signature, min(end, end_tick))
            beats += ticks
            downbeats += ticks[:: signature.meter]
            bars[signature.meter] += len(ticks[:: signature.meter])
        return Grid(self._seconds(beats), self._seconds(downbeats), bars.most_common(1)[0][0])

    def _beat_ticks(self, signature: Signature, end: int) -> list[float]:
        step = signature.beat_quarters * self.ticks_per_quarter
        count = int(np.ceil(max(end - signature.tick, 0) / step))
        return [signature.tick + beat * step for beat in range(count)]

    def _seconds(self, ticks: Sequence[float]) -> NDArray[np.float64]:
        return np.asarray([self.seconds_at(tick) for tick in ticks], dtype=np.float64)


def read_tempo_map(file: "MidiFile") -> TempoMap:
    """The tempo map of a MIDI file, gathered from all of its tracks."""
    tempi: dict[int, int] = {0: _DEFAULT_US}
    signatures = {0: Signature(0, 4, 4)}
    is_stated = False
    for messages in file.tracks:
        tick = 0
        for message in messages:
            tick += message.time
            if message.type == "set_tempo":
                tempi[tick], is_stated = message.tempo, True
            elif message.type == "time_signature" and message.numerator > 0:
                signatures[tick] = Signature(tick, message.numerator, message.denominator)
    ticks = tuple(sorted(tempi))
    starts_s = [0.0]
    for start, end in pairwise(ticks):
        quarters = (end - start) / file.ticks_per_beat
        starts_s.append(starts_s[-1] + quarters * tempi[start] / 1e6)
    return TempoMap(
        ticks_per_quarter=file.ticks_per_beat,
        ticks=ticks,
        starts_s=tuple(starts_s),
        tempi_us=tuple(tempi[tick] for tick in ticks),
        signatures=tuple(signatures[tick] for tick in sorted(signatures)),
        is_stated=is_stated,
    )


def read_beats(path: Path) -> Grid:
    """Beats from a text file: a time in seconds a line and, if known, its number in the bar.

    Raises:
        DatasetError: If it is something else.
    """
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line]
        beats = np.asarray([float(row[0]) for row in rows], dtype=np.float64)
        numbers = [int(row[1]) if len(row) > 1 else 0 for row in rows]
    except (OSError, ValueError, IndexError) as error:
        raise DatasetError(
            f"{path}: no list of beats ({error}); write a time in seconds a line and, if known, "
            "the beat's number in its bar"
        ) from error
    if np.any(np.diff(beats) <= 0):
        raise DatasetError(f"{path}: the times do not rise; sort them and remove doubles")
    firsts = [index for index, number in enumerate(numbers) if number == 1]
    bars = Counter(int(length) for length in np.diff(firsts))
    return Grid(beats, beats[firsts], bars.most_common(1)[0][0] if bars else 0)
