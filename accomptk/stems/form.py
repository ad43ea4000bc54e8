"""Seeded songs on paper: form, chords, tempo, and who plays when and how loudly."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accomptk.stems.chart import Bar, Chart
from accomptk.stems.chords import Chord
from accomptk.stems.harmony import COLOURS, MODES, spell, tonic, write_degrees
from accomptk.stems.instruments import INSTRUMENTS, MELODY

SLOWEST_BPM, FASTEST_BPM = 70.0, 180.0

_FORMS = ("AABA", "ABAB", "AABB", "ABAC", "AABC")
_TONAL = ("bass", "guitar", "piano", "strings", MELODY)
_MODE_WEIGHTS = {"major": 0.38, "minor": 0.34, "dorian": 0.14, "mixolydian": 0.14, "blues": 0.0}
# How likely a player rests for a whole section.
_REST = {"drums": 0.07, "bass": 0.06, "guitar": 0.12, "piano": 0.12, "strings": 0.3, MELODY: 0.25}


def write_chart(
    rng: np.random.Generator,
    *,
    meter: int,
    bpm: float,
    seconds: float,
    is_blues: bool = False,
) -> Chart:
    """Write an original song.

    Args:
        rng: Source of all its choices.
        meter: Beats in a bar, 3 or 4.
        bpm: Tempo around which it drifts.
        seconds: About how long it lasts.
        is_blues: Whether it follows blues changes.
    """
    key = int(rng.integers(12))
    mode = "blues" if is_blues else str(rng.choice(MODES, p=list(_MODE_WEIGHTS.values())))
    count = max(round(seconds * bpm / 60 / meter), 3)
    bars = _write_form(rng, key, mode, meter, count)
    bars = _mark_fills_and_stops(rng, bars)
    tempo = write_tempo(rng, bpm, count * meter, meter)
    start_s = float(rng.uniform(0.05, 0.5))
    return Chart(key, mode, meter, tuple(bars), tuple(tempo.tolist()), start_s)


def _write_form(rng: np.random.Generator, key: int, mode: str, meter: int, count: int) -> list[Bar]:
    """Bars of intro, sections and ending."""
    colour = str(rng.choice(COLOURS[1:] if mode == "blues" else COLOURS))
    length = 12 if mode == "blues" and count >= 26 else 8 if count >= 18 else 4
    form = str(rng.choice(_FORMS))
    degrees = {name: write_degrees(rng, mode, length) for name in sorted(set(form))}
    shift = int(rng.choice([0, 5, 7, 3])) if rng.random() < 0.25 else 0
    lift = int(rng.choice([1, 2])) if rng.random() < 0.12 else 0
    bars = _write_intro(rng, spell(tonic(mode), key, colour), length) if count > length else []
    turn = 0
    while len(bars) < count:
        name = form[turn % len(form)]
        home = key + (shift if name == "B" else 0) + (lift if turn >= len(form) else 0)
        chords = [spell(degree, home, colour) for degree in degrees[name]]
        playing, level = _cast(rng, turn), float(rng.uniform(0.72, 1.08))
        bars += [
            Bar(name, _split_bar(rng, chords, i, meter), playing, level) for i in range(length)
        ]
        turn += 1
    home = key + (lift if turn > len(form) else 0)
    ending = Bar("end", ((0, spell(tonic(mode), home, colour)),), level=1.0, is_last=True)
    return [*bars[: count - 1], ending]


def _write_intro(rng: np.random.Generator, chord: Chord, length: int) -> list[Bar]:
    """None, two or four bars on the tonic, by all or by a few, or with one more in each bar."""
    kind = str(rng.choice(["none", "all", "few", "build"], p=[0.2, 0.2, 0.3, 0.3]))
    count = 0 if kind == "none" else 2 if length < 8 else int(rng.choice([2, 4]))
    order = [str(name) for name in rng.permutation([*INSTRUMENTS, MELODY])]
    bars = []
    for i in range(count):
        number = {"all": len(order), "few": 2}.get(kind, 2 + 4 * i // max(count, 1))
        level = float(rng.uniform(0.7, 0.95))
        bars.append(Bar("intro", ((0, chord),), frozenset(order[:number]), level))
    return bars


def _cast(rng: np.random.Generator, turn: int) -> frozenset[str]:
    """Who plays a section; at least three do, and in the first one drums and bass are in."""
    if turn > 0 and rng.random() < 0.12:  # a break
        return frozenset(str(name) for name in rng.choice([*INSTRUMENTS, MELODY], 3, replace=False))
    resting = {name for name, chance in _REST.items() if rng.random() < chance}
    if turn == 0:
        resting -= {"drums", "bass"}
    playing = frozenset(_REST) - resting
    return playing if len(playing) >= 3 else frozenset(_REST)


def _split_bar(
    rng: np.random.Generator, chords: list[Chord], index: int, meter: int
) -> tuple[tuple[int, Chord], ...]:
    """The chord of a bar, sometimes with the next one half a bar early or held from before."""
    chord, following = chords[index], chords[(index + 1) % len(chords)]
    if following != chord and rng.random() < 0.12:
        return (0, chord), (meter - 1 if meter == 3 else 2, following)
    if chord.quality in ("7", "9", "maj") and index % 4 == 3 and rng.random() < 0.15:
        return (0, Chord(chord.root, "sus4")), (meter - 1 if meter == 3 else 2, chord)
    return ((0, chord),)


def _mark_fills_and_stops(rng: np.random.Generator, bars: list[Bar]) -> list[Bar]:
    """Fills and stops in the last bars of sections, and a swell or a fade towards some."""
    ends = [i for i in range(len(bars) - 1) if bars[i].section != bars[i + 1].section]
    ends += [i for i in range(7, len(bars) - 2, 8) if i not in ends]
    marked = list(bars)
    for i in ends:
        if rng.random() < 0.25 and i > 1:
            players = [name for name in (*_TONAL, "drums") if name in bars[i].playing]
            marked[i] = replace(bars[i], stop=str(rng.choice(players)))
        elif rng.random() < 0.75:
            marked[i] = replace(bars[i], fill=True)
        if rng.random() < 0.3 and i >= 3:
            gain = float(rng.choice([0.75, 1.2]))
            for step, j in enumerate(range(i - 2, i + 1), start=1):
                marked[j] = replace(marked[j], level=marked[j].level * gain ** (step / 3))
    return marked


def write_tempo(
    rng: np.random.Generator, bpm: float, beats: int, meter: int
) -> NDArray[np.float64]:
    """Tempo of every beat: a slow drift of up to 4 %, sometimes a turn or a slower ending.

    Args:
        rng: Source of its choices.
        bpm: Tempo at the start.
        beats: How many.
        meter: Beats in a bar.
    """
    drift = _walk(rng, beats) * (rng.uniform(0.0, 0.04) if rng.random() < 0.7 else 0.002)
    tempo = bpm * (1 + drift)
    bars = beats // meter
    if bars >= 12 and rng.random() < 0.2:  # faster or slower from somewhere on
        first = meter * int(rng.integers(bars // 3, 2 * bars // 3))
        ramp = np.clip((np.arange(beats) - first) / (4 * meter), 0, 1)
        tempo *= 1 + float(rng.choice([-0.12, -0.08, 0.08, 0.12])) * ramp
    if bars >= 8 and rng.random() < 0.3:  # slower at the end
        ramp = np.clip((np.arange(beats) - beats + 3 * meter) / (3 * meter), 0, 1)
        tempo *= 1 - float(rng.uniform(0.1, 0.28)) * ramp
    return np.clip(tempo, 0.9 * SLOWEST_BPM, 1.05 * FASTEST_BPM)


def _walk(rng: np.random.Generator, beats: int) -> NDArray[np.float64]:
    """A smooth random walk within -1 to 1 that starts at 0, [beats]."""
    steps = np.cumsum(rng.standard_normal(beats))
    kernel = np.hanning(18)[1:-1]
    smooth = np.convolve(np.pad(steps, 8, mode="edge"), kernel / kernel.sum(), mode="valid")[:beats]
    smooth = smooth - smooth[0]
    return np.asarray(smooth / max(np.abs(smooth).max(), 1e-9), dtype=np.float64)
