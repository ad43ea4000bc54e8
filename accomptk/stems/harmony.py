"""Seeded chord progressions in a key, by what follows what."""

import numpy as np

from accomptk.stems.chords import Chord

# Scale degrees by roman numeral: semitones above the tonic, triad, seventh chord, rich chord.
_DEGREES = {
    "I": (0, "maj", "maj7", "maj9"),
    "I7": (0, "7", "7", "9"),
    "i": (0, "min", "min7", "min9"),
    "ii": (2, "min", "min7", "min9"),
    "iio": (2, "dim", "hdim7", "hdim7"),
    "iii": (4, "min", "min7", "min7"),
    "bIII": (3, "maj", "maj7", "maj6"),
    "IV": (5, "maj", "maj7", "maj9"),
    "IV7": (5, "7", "7", "9"),
    "iv": (5, "min", "min7", "min6"),
    "V": (7, "maj", "7", "9"),
    "v": (7, "min", "min7", "min9"),
    "VI7": (9, "7", "7", "7"),
    "vi": (9, "min", "min7", "min9"),
    "bVI": (8, "maj", "maj7", "maj7"),
    "bVII": (10, "maj", "7", "9"),
    "viio": (11, "dim", "dim7", "dim7"),
}
COLOURS = ("triad", "seventh", "rich")
"""How many tones chords have."""

# What may follow each degree; repeats weigh more.
_NEXT = {
    "major": {
        "I": "ii iii IV IV V vi vi viio",
        "ii": "V V V IV viio",
        "iii": "vi vi IV ii",
        "IV": "V V I ii iv bVII",
        "iv": "I I V",
        "V": "I I I vi IV iii",
        "vi": "ii ii IV IV V iii",
        "viio": "I vi",
        "bVII": "IV I",
    },
    "minor": {
        "i": "iv iv bVI bVI bVII v bIII iio",
        "bIII": "bVI bVII iv i",
        "iv": "V V i bVII bIII",
        "v": "i bVI iv",
        "V": "i i i bVI",
        "bVI": "bVII bVII iv V bIII iio",
        "bVII": "i i bIII bVI",
        "iio": "V V i",
    },
    "dorian": {
        "i": "IV IV ii bVII bIII v",
        "ii": "bIII i v",
        "bIII": "IV IV ii bVII",
        "IV": "i i i bVII v",
        "v": "i IV ii",
        "bVII": "i IV bIII",
    },
    "mixolydian": {
        "I": "bVII bVII IV v ii",
        "ii": "bVII IV I",
        "IV": "I I bVII ii",
        "v": "IV I bVII",
        "bVII": "IV IV I I v",
    },
    "blues": {"I7": "IV7 IV7 V VI7", "IV7": "I7 I7 V", "V": "IV7 I7 I7", "VI7": "ii", "ii": "V"},
}
MODES = tuple(_NEXT)

_LOOPS = {
    "major": (
        "I V vi IV",
        "I vi IV V",
        "vi IV I V",
        "I IV I V",
        "I iii IV V",
        "iii vi ii V",
        "ii V I vi",
        "I bVII IV I",
        "IV V iii vi",
        "I IV iv I",
        "I V IV IV",
    ),
    "minor": (
        "i bVII bVI V",
        "i bVI bIII bVII",
        "i iv bVII bIII",
        "i bVII bVI bVII",
        "iio V i i",
        "i i iv V",
        "bVI bVII i i",
        "i iv i V",
    ),
    "dorian": ("i IV i IV", "i bVII IV i", "i ii bIII IV", "i i IV IV"),
    "mixolydian": ("I bVII IV I", "I v bVII IV", "I IV bVII IV", "I I bVII bVII"),
    "blues": ("I7 IV7 I7 I7", "I7 I7 IV7 V", "ii V I7 VI7"),
}
_TWELVE_BARS = ("I7 IV7 I7 I7 IV7 IV7 I7 I7 V IV7 I7 V", "I7 I7 I7 I7 IV7 IV7 I7 VI7 ii V I7 V")


def tonic(mode: str) -> str:
    """The degree that a mode rests on."""
    return next(iter(_NEXT[mode]))


def spell(degree: str, key: int, colour: str) -> Chord:
    """The chord of a degree in a key (pitch class of the tonic)."""
    step, *qualities = _DEGREES[degree]
    return Chord((key + int(step)) % 12, str(qualities[COLOURS.index(colour)]))


def write_degrees(rng: np.random.Generator, mode: str, bars: int) -> list[str]:
    """Degrees for a section, one a bar, in phrases of four; the last leads back to its start."""
    if mode == "blues" and bars >= 12:
        return str(rng.choice(_TWELVE_BARS)).split()[:bars]
    phrase = _write_phrase(rng, mode)
    degrees: list[str] = []
    while len(degrees) < bars:
        if rng.random() < 0.35:
            phrase = _write_phrase(rng, mode)
        degrees += phrase
    degrees = degrees[:bars]
    if bars > 2 and rng.random() < 0.5:
        degrees[-1] = _dominant(mode)
    return degrees


def _write_phrase(rng: np.random.Generator, mode: str) -> list[str]:
    if rng.random() < 0.5:
        return str(rng.choice(_LOOPS[mode])).split()
    degrees = [tonic(mode)]
    while len(degrees) < 4:
        following = _NEXT[mode][degrees[-1]].split() if degrees[-1] in _NEXT[mode] else ["V"]
        degrees.append(str(rng.choice(following)))
    return degrees


def _dominant(mode: str) -> str:
    return {"dorian": "v", "mixolydian": "bVII"}.get(mode, "V")
