"""Words for a song, as a musician would ask for it."""

from collections.abc import Mapping

import numpy as np

from accomptk.stems.instruments import MELODY
from accomptk.stems.players import Sound

_TEMPO_WORDS = (
    (85, ("slow", "very laid-back", "dreamy")),
    (105, ("laid-back", "relaxed", "easy-going")),
    (128, ("mid-tempo", "steady", "grooving")),
    (152, ("upbeat", "lively", "driving")),
    (999, ("fast", "energetic", "brisk")),
)
_LEVEL_WORDS = ((0.8, ("soft", "gentle", "quiet")), (0.95, ()), (9.0, ("loud", "powerful")))
_MODE_WORDS = {
    "major": ("happy", "bright", "warm"),
    "minor": ("dark", "sad", "moody"),
    "dorian": ("cool", "moody"),
    "mixolydian": ("open", "earthy"),
    "blues": ("gritty", "bluesy"),
}


def write_caption(
    rng: np.random.Generator,
    *,
    genre: str,
    bpm: float,
    key_name: str,
    mode: str,
    level: float,
    sounds: Mapping[str, Sound],
) -> str:
    """Describe a song, for instance ``laid-back bossa nova, electric piano, 118 bpm, C minor``.

    Args:
        rng: Chooses the words and what is left unsaid.
        genre: Named always.
        bpm: Median tempo.
        key_name: For instance ``C minor``.
        mode: Colours the mood.
        level: Mean loudness, 1 for usual.
        sounds: What plays, by class.
    """
    words = [f"{_pick(rng, _TEMPO_WORDS, bpm)} {genre}" if rng.random() < 0.8 else genre]
    words += _name_players(rng, sounds)
    if rng.random() < 0.6:
        words.append(f"{bpm:.0f} bpm")
    if rng.random() < 0.5:
        words.append(key_name)
    if rng.random() < 0.5:
        words.append(str(rng.choice(_MODE_WORDS[mode])))
    loudness = _pick(rng, _LEVEL_WORDS, level)
    return ", ".join([*words, loudness] if loudness else words)


def _pick(
    rng: np.random.Generator, table: tuple[tuple[float, tuple[str, ...]], ...], value: float
) -> str:
    words = next(words for limit, words in table if value < limit)
    return str(rng.choice(words)) if words else ""


def _name_players(rng: np.random.Generator, sounds: Mapping[str, Sound]) -> list[str]:
    """One phrase for the players that are worth a word, and one for the soloist."""
    named = [
        sound.name
        for instrument, sound in sounds.items()
        if instrument != MELODY and rng.random() < (0.3 if instrument == "drums" else 0.6)
    ]
    listed = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    soloist = [f"{sounds[MELODY].name} melody"] if MELODY in sounds and rng.random() < 0.5 else []
    return ([listed] if listed else []) + soloist
