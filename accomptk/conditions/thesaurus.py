"""Known words in place of unknown ones, by what they mean: sentence-transformers, an extra.

``pip install 'accomptk[thesaurus]'`` brings the package; its models come from their hub, or lie in
a folder.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.conditions.prompts import Vocabulary, words
from accomptk.errors import MissingTool
from accomptk.extras import import_extra

Embed = Callable[[Sequence[str]], NDArray[np.floating[Any]]]
"""Vectors of unit length of some texts, [n, d]."""

LEAST = 0.7
"""Cosine from which two words count as alike. With all-MiniLM-L6-v2, lazy and slow have 0.70, calm
and relaxed 0.76; spaceship has 0.60 to the nearest word of the shipped models."""

SHORTEST = 3  # letters; keys and articles mean nothing by themselves


class Thesaurus:
    """Finds the known word that means most nearly the same as an unknown one.

    Args:
        vocabulary: The known words.
        embed: Says what texts mean.
    """

    def __init__(self, vocabulary: Vocabulary, embed: Embed) -> None:
        self.known = [word for word in vocabulary.words if _has_meaning(word)]
        self.embed = embed
        self.meanings = embed([_phrase(word) for word in self.known])

    def find(self, word: str) -> str | None:
        """The nearest known word; None where none is near."""
        if not self.known or not _has_meaning(word):
            return None
        alike = self.meanings @ self.embed([_phrase(word)])[0]
        nearest = int(alike.argmax())
        return self.known[nearest] if alike[nearest] >= LEAST else None


def read_prompt(
    prompt: str, vocabulary: Vocabulary, thesaurus: Thesaurus | None = None
) -> tuple[str, list[str]]:
    """A prompt as a model is told it, and what has to be said of its words.

    Args:
        prompt: As it was written.
        vocabulary: The words that the model knows.
        thesaurus: Finds others for those that it does not know.

    Returns:
        The prompt, unknown words exchanged where there is a thesaurus; and a note for each of them.
    """
    told, notes = prompt, []
    found = {
        word: thesaurus.find(word) if thesaurus else None for word in vocabulary.unknown(prompt)
    }
    for word, known in found.items():
        notes.append(f"'{word}' is taken as '{known}'" if known else f"'{word}' is not known")
    if any(found.values()):
        told = " ".join(found.get(word) or word for word in words(prompt))
    return told, notes


def load_thesaurus(name: str, vocabulary: Vocabulary) -> Thesaurus:
    """A thesaurus for a model's words.

    Args:
        name: A model of sentence-transformers, or the folder of one.
        vocabulary: The known words.

    Raises:
        MissingTool: If the package or its model is absent.
    """
    package, extra = "sentence_transformers", "thesaurus"
    wanted = f"thesaurus '{name}': {package} is not installed"
    sentences = import_extra(package, extra, wanted)
    import_extra("transformers.utils.logging", extra, wanted).disable_progress_bar()
    try:
        model = sentences.SentenceTransformer(name, device="cpu")
    except (OSError, ValueError) as error:
        raise MissingTool(
            f"thesaurus '{name}': is neither a folder nor a model that can be fetched; "
            "give another, for instance all-MiniLM-L6-v2"
        ) from error

    def embed(texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        return np.asarray(
            model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        )

    return Thesaurus(vocabulary, embed)


def _has_meaning(word: str) -> bool:
    return len(word) >= SHORTEST and not word.isdigit() and word not in ("and", "bpm")


def _phrase(word: str) -> str:
    """Said of music, moods lie nearer to each other than to instruments."""
    return f"{word} music"
