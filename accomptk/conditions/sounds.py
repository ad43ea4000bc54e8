"""Sounds: what a stem sounds like in a few numbers, and a bank of sounds that a model was shown.

A model that is told nothing of it plays somewhere between all the sounds of its instrument, and
drifts: its streams differed from each other a quarter as much as songs do (results/LOG.md). So
each stream is given one sound and keeps it. Which one is drawn from the bank by the stream's seed,
among those whose songs share the most words with its prompt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accomptk.conditions.prompts import words
from accomptk.run import numpy_generator
from accomptk.stems.instruments import INSTRUMENTS

Floats = NDArray[np.float32]

SOUND_SIZE = 12
SOUND_FEATURES = SOUND_SIZE + 1
"""Numbers of a sound as a network takes them: its place, and 1 for being given."""

FEWEST_FRAMES = 24  # of a stem that sounds, for a portrait of it
EACH = 48  # sounds kept of an instrument
FARTHEST = 3.0  # deviations from what is usual
TELLS_KEY = 0.15
"""Share of the variance of a component, above which it is one of the key and not of the sound.

Told the sound of a song in another key, a model that could read the key there played fewer chord
tones of what it heard: 52 % of the way instead of 66 (results/LOG.md).
"""
FEWEST_FOR_KEY = 80  # portraits of an instrument, to say so
_DIGITS = 4


class Portrait(NamedTuple):
    """A stem, described.

    Attributes:
        instrument: Its class.
        prompt: Of its song.
        features: What ``portray`` gives, [2 C].
        chroma: Mean pitch classes of the song, [12].
    """

    instrument: str
    prompt: str
    features: Floats
    chroma: Floats


def portray(latents: NDArray[np.floating[Any]], sounding: NDArray[np.bool_]) -> Floats | None:
    """Mean of the frames [C, T] that sound, and of their change from frame to frame, [2 C].

    None where fewer than ``FEWEST_FRAMES`` sound [T].
    """
    if sounding.sum() < FEWEST_FRAMES:
        return None
    frames = latents.astype(np.float32)
    change = np.abs(np.diff(frames))[:, sounding[1:] & sounding[:-1]]
    if change.shape[1] == 0:
        return None
    return np.concatenate([frames[:, sounding].mean(1), change.mean(1)], dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class SoundSpace:
    """Places of portraits: principal components of how sounds of one instrument differ.

    Components that tell the key are left out.

    Args:
        means: Usual portrait of each of INSTRUMENTS, [I, 2 C].
        axes: From a difference to a place of unit variance, [2 C, SOUND_SIZE].
    """

    means: Floats
    axes: Floats

    @classmethod
    def of(cls, portraits: Sequence[Portrait]) -> "SoundSpace":
        """Fit to portraits; instruments without one have zeros."""
        which = np.array([INSTRUMENTS.index(portrait.instrument) for portrait in portraits])
        features = np.stack([portrait.features for portrait in portraits])
        chroma = np.stack([portrait.chroma for portrait in portraits])
        means = np.zeros((len(INSTRUMENTS), features.shape[1]), np.float32)
        for index in np.unique(which):
            means[index] = features[which == index].mean(0)
        away = features - means[which]
        _, deviations, axes = np.linalg.svd(away, full_matrices=False)
        spread = np.maximum(deviations[:, None] / np.sqrt(len(portraits)), 1e-3)
        components = (axes / spread)[: 2 * SOUND_SIZE].T
        places = away @ components
        told = np.max(
            [_share_told(chroma[which == i], places[which == i]) for i in np.unique(which)], 0
        )
        found = components[:, told <= TELLS_KEY][:, :SOUND_SIZE]
        missing = SOUND_SIZE - found.shape[1]
        return cls(means, np.pad(found, ((0, 0), (0, missing))).astype(np.float32))

    def place(self, features: Floats, instrument: str) -> Floats:
        """The place of a portrait's features, [SOUND_SIZE]."""
        away = features - self.means[INSTRUMENTS.index(instrument)]
        return np.asarray(np.clip(away @ self.axes, -FARTHEST, FARTHEST), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """One sound of an instrument, and the words of the song that it was found in."""

    instrument: str
    prompt: str
    place: Floats


@dataclass(frozen=True, slots=True, eq=False)
class SoundBank:
    """The sounds that a model was shown; one without any lets every stream go untold."""

    sounds: tuple[Sound, ...] = ()
    space: SoundSpace | None = None

    @classmethod
    def of(cls, portraits: Sequence[Portrait]) -> "SoundBank":
        """A bank of these, and the space in which they lie."""
        return cls().show(portraits)

    def show(self, portraits: Sequence[Portrait]) -> "SoundBank":
        """The bank of a model that goes on with these; what they lack of instruments is kept.

        At most ``EACH`` of an instrument, evenly chosen. A bank without a space fits one.
        """
        if not portraits:
            return self
        space = self.space or SoundSpace.of(portraits)
        sounds: list[Sound] = []
        for name in INSTRUMENTS:
            new = [
                Sound(name, portrait.prompt, space.place(portrait.features, name))
                for portrait in portraits
                if portrait.instrument == name
            ]
            own = new or [sound for sound in self.sounds if sound.instrument == name]
            most = min(len(own), EACH)
            sounds += [own[index * len(own) // most] for index in range(most)]
        return SoundBank(tuple(sounds), space)

    @classmethod
    def of_json(cls, stored: Mapping[str, Any] | None) -> "SoundBank":
        """What ``to_json`` gave; None, as of models older than sounds, has none."""
        if stored is None:
            return cls()
        means, axes = (np.array(stored[name], np.float32) for name in ("means", "axes"))
        sounds = [
            Sound(one["instrument"], one["prompt"], np.array(one["place"], np.float32))
            for one in stored["sounds"]
        ]
        return cls(tuple(sounds), SoundSpace(means, axes))

    def to_json(self) -> dict[str, Any] | None:
        """The bank in plain numbers."""
        if self.space is None:
            return None
        return {
            "means": _plain(self.space.means),
            "axes": _plain(self.space.axes),
            "sounds": [
                {"instrument": one.instrument, "prompt": one.prompt, "place": _plain(one.place)}
                for one in self.sounds
            ],
        }

    def choose(self, instrument: str, prompt: str | None, seed: int) -> Floats:
        """A sound for a stream, as a network takes it, [SOUND_FEATURES]; zeros where none is."""
        own = [sound for sound in self.sounds if sound.instrument == instrument]
        if not own:
            return np.zeros(SOUND_FEATURES, np.float32)
        asked = _distinct(prompt or "")
        shared = [len(asked & _distinct(sound.prompt)) for sound in own]
        fitting = [sound for sound, count in zip(own, shared, strict=True) if count == max(shared)]
        return given(fitting[int(numpy_generator(seed, "sound").integers(len(fitting)))].place)

    def choices(
        self, instruments: Sequence[str], prompts: Sequence[str | None], seeds: Sequence[int]
    ) -> Floats:
        """A sound for each stream, [B, SOUND_FEATURES]."""
        streams = zip(instruments, prompts, seeds, strict=True)
        return np.stack([self.choose(*stream) for stream in streams])


def _share_told(chroma: Floats, places: Floats) -> Floats:
    """How much of each component [N, K] chroma [N, 12] foretells: every other one by the others."""
    if len(chroma) < FEWEST_FOR_KEY:
        return np.zeros(places.shape[1], np.float32)
    own, other = slice(0, None, 2), slice(1, None, 2)
    known = np.pad(chroma, ((0, 0), (0, 1)), constant_values=1)
    inner = known[own].T @ known[own] + 0.1 * np.eye(known.shape[1])
    weights = np.linalg.solve(inner, known[own].T @ places[own])
    left = (places[other] - known[other] @ weights).var(0)
    return np.asarray(1 - left / np.maximum(places[other].var(0), 1e-9), np.float32)


def given(place: Floats) -> Floats:
    """A place as a network takes it, [SOUND_FEATURES]."""
    return np.append(place, np.float32(1))


@lru_cache(maxsize=1024)
def _distinct(prompt: str) -> frozenset[str]:
    """Words of a prompt; a stream asks for those of all sounds at each chunk."""
    return frozenset(words(prompt))


def _plain(values: Floats) -> Any:
    return values.astype(np.float64).round(_DIGITS).tolist()
