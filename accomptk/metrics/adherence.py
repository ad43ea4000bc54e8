"""Whether a stem has the attributes that its prompt asked for.

Conventions: a prompt is free text; an attribute that it does not name has no score (None). An
instrument is recovered where a patch of the stem, as a judge network hears it, is nearer to the
examples of what was asked for than to those of anything else; a genre likewise, among stems of the
same instrument. Examples are real stems of other songs, at least two of the class asked for: a
single one would tell no more than how it was recorded. Distances are taken after each feature was
scaled to the spread that it has within the classes. A tempo is recovered where the beats of the
stem have it within 4 %, or its half or double.

Metrics: the share of patches that are recovered, 1 / classes by chance, and 1 or 0 for a tempo.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.beat import validate as validate_beats

Floats = NDArray[np.floating[Any]]

TEMPO_TOLERANCE = 0.04
OCTAVES = (0.5, 1.0, 2.0)
FEWEST_BEATS = 5
FEWEST_EXAMPLES = 2
TEMPO_WORDS = {  # beats per minute, as `accomptk prep band` and most musicians use them
    "slow": (0.0, 85.0),
    "laid-back": (85.0, 105.0),
    "relaxed": (85.0, 105.0),
    "mid-tempo": (105.0, 128.0),
    "upbeat": (128.0, 152.0),
    "lively": (128.0, 152.0),
    "fast": (152.0, 999.0),
    "brisk": (152.0, 999.0),
}
_BPM = re.compile(r"(\d+(?:\.\d+)?)\s*bpm")


def validate(patches: Floats) -> None:
    """Refuse what are no embeddings.

    Raises:
        ValueError: If they are not [n, d] of finite numbers.
    """
    if patches.ndim != 2:
        raise ValueError(f"adherence: embeddings of shape {patches.shape}; they must be [n, d]")
    if not np.isfinite(patches).all():
        raise ValueError("adherence: embeddings with values that are no numbers")


def class_recovered(
    patches: Floats, asked: str, examples: Mapping[str, Sequence[Floats]]
) -> float | None:
    """Share of the patches that are nearest to the class asked for.

    Args:
        patches: Embeddings of the stem, [n, d].
        asked: The class.
        examples: Embeddings [n, d] of stems of other songs, by class.

    Returns:
        The share, or None without patches, with too few examples of the class, or without
        another class.
    """
    validate(patches)
    known = {name: np.concatenate(some) for name, some in examples.items() if len(some)}
    enough = len(examples.get(asked, ())) >= FEWEST_EXAMPLES
    if not enough or len(known) < 2 or not len(patches):
        return None
    names = list(known)
    means = np.stack([known[name].mean(axis=0) for name in names])
    within = np.concatenate([known[name] - mean for name, mean in zip(names, means, strict=True)])
    scale = np.maximum(within.std(axis=0), 1e-6)
    apart = np.square((patches[:, None] - means) / scale).sum(axis=2)
    return float(np.mean(apart.argmin(axis=1) == names.index(asked)))


def asked_genre(prompt: str, known: Iterable[str]) -> str | None:
    """The genre that a prompt names; the longest name where one is part of another."""
    named = [name for name in known if re.search(rf"\b{re.escape(name)}\b", prompt.lower())]
    return max(named, key=len, default=None)


def asked_bpm(prompt: str) -> tuple[float, float] | None:
    """Range of tempi that a prompt asks for, in beats per minute, by a number or by a word."""
    number = _BPM.search(prompt.lower())
    if number:
        bpm = float(number[1])
        return bpm * (1 - TEMPO_TOLERANCE), bpm * (1 + TEMPO_TOLERANCE)
    words = re.findall(r"[a-z-]+", prompt.lower())
    return next((TEMPO_WORDS[word] for word in words if word in TEMPO_WORDS), None)


def tempo_recovered(prompt: str, beats: Floats) -> float | None:
    """1 if the beats of a stem, in seconds, have the tempo that the prompt asks for, else 0.

    Half and double count only for a number: a slow song is not fast at every other beat.
    """
    validate_beats(beats, beats)
    wanted = asked_bpm(prompt)
    if wanted is None:
        return None
    if beats.size < FEWEST_BEATS:
        return 0.0
    bpm = 60 / float(np.median(np.diff(beats)))
    octaves = OCTAVES if _BPM.search(prompt.lower()) else (1.0,)
    return float(any(wanted[0] <= bpm * octave < wanted[1] for octave in octaves))
