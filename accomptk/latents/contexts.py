"""Which mixes of a song stand for what a live player might be heard with."""

from collections.abc import Sequence

import numpy as np

from accomptk.run import numpy_generator
from accomptk.stems.index import Song, Stem
from accomptk.stems.instruments import INSTRUMENTS

Context = tuple[str, ...]
"""Names of the stems in a mix, in the order of the song."""


def draw_contexts(song: Song, subsets: int, seed: int) -> tuple[Context, ...]:
    """Everything but each playable stem, then random subsets; none of them twice.

    Every context lacks at least one playable stem. A third of the random ones are a single
    stem, a melody if there is one: live input often is one guitar, voice or sax.

    Args:
        song: The song.
        subsets: Random contexts wanted; a song with few stems has fewer.
        seed: Of the random choices; each song has its own stream, named by its track.
    """
    rng = numpy_generator(seed, f"contexts/{song.track}")
    playable = [stem for stem in song.stems if stem.instrument in INSTRUMENTS]
    found = dict.fromkeys(_without(song, stem) for stem in playable)
    wanted = len(found) + subsets
    for attempt in range(20 * subsets if playable else 0):
        if len(found) >= wanted:
            break
        found.setdefault(_draw_subset(song, playable, attempt, rng))
    return tuple(context for context in found if context)


def _without(song: Song, left_out: Stem) -> Context:
    return tuple(stem.stem for stem in song.stems if stem.stem != left_out.stem)


def _draw_subset(
    song: Song, playable: Sequence[Stem], attempt: int, rng: np.random.Generator
) -> Context:
    if attempt % 3 == 0:
        return (_draw_single(song, attempt, rng),)
    left_out = playable[int(rng.integers(len(playable)))].stem
    others = [stem.stem for stem in song.stems if stem.stem != left_out]
    if not others:
        return ()
    chosen = set(rng.choice(others, size=int(rng.integers(1, len(others) + 1)), replace=False))
    return tuple(name for name in others if name in chosen)


def _draw_single(song: Song, attempt: int, rng: np.random.Generator) -> str:
    unplayable = [stem.stem for stem in song.stems if stem.instrument not in INSTRUMENTS]
    names = unplayable if attempt == 0 and unplayable else [stem.stem for stem in song.stems]
    return names[int(rng.integers(len(names)))]
