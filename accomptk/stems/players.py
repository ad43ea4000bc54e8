"""The sounds that players of each class choose from, and what listeners call them."""

from typing import NamedTuple

import numpy as np

from accomptk.stems.instruments import INSTRUMENTS, MELODY, OTHER
from accomptk.stems.notes import Part

_KEPT_SHARE = 0.6  # of songs in which a player keeps the arranger's sound


class Sound(NamedTuple):
    """A General MIDI program.

    Attributes:
        program: From 0; for drums the kit.
        name: As a listener would call it.
        weight: How often it is chosen.
        middle: Middle of its range as a MIDI pitch, for tunes.
    """

    program: int
    name: str
    weight: float
    middle: int = 60


SOUNDS = {
    "drums": (
        Sound(0, "drums", 6),
        Sound(8, "room drums", 2),
        Sound(16, "power drums", 1),
        Sound(25, "drum machine", 1),
        Sound(32, "jazz drums", 1),
        Sound(40, "brushes", 1),
    ),
    "bass": (
        Sound(32, "upright bass", 3),
        Sound(33, "fingered bass", 4),
        Sound(34, "picked bass", 3),
        Sound(35, "fretless bass", 2),
        Sound(36, "slap bass", 1),
        Sound(37, "slap bass", 1),
        Sound(38, "synth bass", 1),
        Sound(39, "synth bass", 1),
    ),
    "guitar": (
        Sound(24, "nylon guitar", 4),
        Sound(25, "steel guitar", 4),
        Sound(26, "jazz guitar", 3),
        Sound(27, "clean guitar", 4),
        Sound(28, "muted guitar", 1),
        Sound(29, "overdriven guitar", 1.5),
        Sound(30, "distorted guitar", 1),
    ),
    "piano": (
        Sound(0, "piano", 5),
        Sound(1, "bright piano", 3),
        Sound(2, "electric grand", 2),
        Sound(3, "honky-tonk piano", 1),
        Sound(4, "electric piano", 4),
        Sound(5, "electric piano", 3),
        Sound(6, "harpsichord", 0.5),
        Sound(7, "clavinet", 1),
        Sound(16, "organ", 0.7),
        Sound(17, "organ", 0.7),
    ),
    "strings": (
        Sound(40, "violin", 0.7),
        Sound(42, "cello", 0.7),
        Sound(44, "tremolo strings", 0.5),
        Sound(45, "pizzicato strings", 0.7),
        Sound(46, "harp", 0.7),
        Sound(48, "strings", 5),
        Sound(49, "slow strings", 3),
        Sound(50, "synth strings", 2),
        Sound(51, "synth strings", 1),
    ),
    MELODY: (
        Sound(64, "soprano sax", 1, 74),
        Sound(65, "alto sax", 2, 68),
        Sound(66, "tenor sax", 2, 62),
        Sound(73, "flute", 2, 78),
        Sound(71, "clarinet", 1, 68),
        Sound(68, "oboe", 1, 72),
        Sound(56, "trumpet", 1.5, 70),
        Sound(59, "muted trumpet", 0.7, 70),
        Sound(57, "trombone", 0.7, 57),
        Sound(53, "voice", 3, 67),
        Sound(52, "choir", 0.7, 67),
        Sound(40, "violin", 1, 74),
        Sound(27, "lead guitar", 1.5, 67),
        Sound(29, "lead guitar", 1.5, 66),
        Sound(11, "vibraphone", 1, 72),
        Sound(22, "harmonica", 1, 70),
        Sound(81, "synth lead", 1, 70),
    ),
}
_PADS, _CHOIRS = range(88, 96), range(52, 55)  # played on strings here
_ORGANS = range(16, 24)  # played on keys here


def class_of_track(track: Part) -> str:
    """The class that takes an accompaniment track over; OTHER when none is near."""
    if track.is_drum:
        return "drums"
    if track.program in _PADS or track.program in _CHOIRS:
        return "strings"
    if track.program in _ORGANS:
        return "piano"
    return track.instrument if track.instrument in INSTRUMENTS else OTHER


def choose_sound(rng: np.random.Generator, instrument: str, wished: int | None = None) -> Sound:
    """A sound of a class: often the arranger's, if that one is of the class."""
    sounds = SOUNDS[instrument]
    keep = rng.random() < _KEPT_SHARE
    for sound in sounds:
        if keep and sound.program == wished:
            return sound
    weights = np.array([sound.weight for sound in sounds])
    return sounds[int(rng.choice(len(sounds), p=weights / weights.sum()))]
