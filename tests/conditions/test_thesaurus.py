"""Unknown words of a prompt are said, and exchanged for known ones that mean the same."""

import importlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from accomptk.conditions.prompts import Vocabulary
from accomptk.conditions.thesaurus import Thesaurus, load_thesaurus, read_prompt
from accomptk.errors import MissingTool

KNOWN = Vocabulary(("and", "slow", "jazz", "120", "a", "fast"))
MEANINGS = {"slow": 0.0, "lazy": 0.2, "fast": 3.0, "hasty": 2.6, "jazz": 1.5, "purple": -1.5}


def embed(texts):
    """Meanings on a circle; it is an error to ask for what has none."""
    angles = np.array([MEANINGS[text.removesuffix(" music")] for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], 1)


@pytest.fixture
def thesaurus():
    return Thesaurus(KNOWN, embed)


def test_unknown_words_are_said_once_and_the_prompt_is_as_written():
    told, notes = read_prompt("Lazy, lazy Jazz in purple", KNOWN)
    assert told == "Lazy, lazy Jazz in purple"
    assert notes == ["'lazy' is not known", "'in' is not known", "'purple' is not known"]


def test_known_words_stand_for_unknown_ones_that_are_near(thesaurus):
    told, notes = read_prompt("Hasty lazy purple jazz at 118 bpm", KNOWN, thesaurus)
    assert told == "fast slow purple jazz at 120 bpm"
    assert "'lazy' is taken as 'slow'" in notes
    assert "'purple' is not known" in notes
    np.testing.assert_array_equal(KNOWN.vector(told), KNOWN.vector("fast slow jazz 120"))


def test_words_that_mean_nothing_by_themselves_are_never_taken(thesaurus):
    assert thesaurus.known == ["slow", "jazz", "fast"]
    assert thesaurus.find("130") is None
    assert thesaurus.find("of") is None


def test_a_model_that_knows_no_words_finds_none():
    assert Thesaurus(Vocabulary(()), lambda texts: np.zeros((0, 2))).find("slow") is None


def test_without_the_package_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingTool, match=r"pip install 'accomptk\[thesaurus\]'"):
        load_thesaurus("all-MiniLM-L6-v2", KNOWN)


def test_the_package_is_asked_for_what_music_means(monkeypatch):
    def fail(name, device):
        raise OSError(name)

    class Model:
        def __init__(self, name, device):
            assert (name, device) == ("some", "cpu")

        def encode(self, texts, normalize_embeddings, show_progress_bar):
            assert normalize_embeddings
            assert not show_progress_bar
            return embed(texts)

    package = SimpleNamespace(SentenceTransformer=Model, disable_progress_bar=lambda: None)
    monkeypatch.setattr(importlib, "import_module", lambda name: package)
    assert load_thesaurus("some", KNOWN).find("lazy") == "slow"
    package.SentenceTransformer = fail
    with pytest.raises(MissingTool, match="thesaurus 'x': is neither a folder nor"):
        load_thesaurus("x", KNOWN)
