"""Prompts as bags of words: which words a model knows, and a vector for any text.

The embedding of a word is learned by the network; this module only counts. Vectors of two
prompts interpolate, and so do the embeddings, since the map between them is linear.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"[a-z0-9]+(?:[-'&][a-z0-9]+)*")

Floats = NDArray[np.float32]


def words(text: str) -> list[str]:
    """Lower-case words of a prompt; bpm numbers are rounded to tens, as listeners hear them."""
    found = WORD.findall(text.lower())
    return [f"{round(int(word), -1)}" if word.isdigit() else word for word in found]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words a model was trained on, in a fixed order."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, prompts: Iterable[str], size: int) -> "Vocabulary":
        """The ``size`` most frequent words, ties in alphabetical order."""
        counts = Counter(word for prompt in prompts for word in set(words(prompt)))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(tuple(ranked[:size]))

    def vector(self, prompt: str | None) -> Floats:
        """Bag of known words scaled to unit length, [words]; zeros for no prompt."""
        vector = np.zeros(len(self.words), np.float32)
        for word in words(prompt or ""):
            if word in self.words:
                vector[self.words.index(word)] = 1
        return vector / max(float(np.linalg.norm(vector)), 1.0)

    def unknown(self, prompt: str) -> list[str]:
        """Words of the prompt that the model has never seen, in order."""
        return [word for word in words(prompt) if word not in self.words]

    def vectors(self, prompts: Sequence[str | None]) -> Floats:
        """One vector a prompt, [B, words]."""
        return np.stack([self.vector(prompt) for prompt in prompts])
