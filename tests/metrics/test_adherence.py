import numpy as np
import pytest

from accomptk.metrics.adherence import (
    asked_bpm,
    asked_genre,
    class_recovered,
    tempo_recovered,
)

BEATS = np.arange(0.0, 20.0, 0.5)  # 120 a minute


@pytest.fixture
def examples(rng):
    """Three songs of each class; the first feature tells them apart, the second is loud noise."""
    means = {"drums": 0.0, "bass": 3.0, "piano": 6.0}
    return {
        name: [rng.standard_normal((20, 2)) * [1, 100] + [mean, 0] for _ in range(3)]
        for name, mean in means.items()
    }


def test_every_example_is_nearest_to_its_own(examples):
    for name, songs in examples.items():
        others = {other: some[1:] for other, some in examples.items()}
        assert class_recovered(songs[0], name, others) > 0.75


def test_another_class_is_not_recovered(examples):
    assert class_recovered(examples["piano"][0], "drums", examples) < 0.1


def test_known_share():
    examples = {
        "one": [np.array([[0.0]]), np.array([[1.0]])],
        "two": [np.array([[10.0]]), np.array([[11.0]])],
    }
    assert class_recovered(np.array([[0.0], [2.0], [9.0], [12.0]]), "one", examples) == 0.5


def test_nothing_is_said_without_examples_or_patches(examples):
    stem = examples["bass"][0]
    assert class_recovered(stem, "harp", examples) is None
    assert class_recovered(stem, "bass", {"bass": [stem, stem]}) is None
    assert class_recovered(stem, "bass", {"bass": [stem, stem], "piano": []}) is None
    assert class_recovered(stem, "bass", {**examples, "bass": [stem]}) is None
    assert class_recovered(np.zeros((0, 2)), "bass", examples) is None


@pytest.mark.parametrize("bad", [np.zeros(3), np.full((2, 2), np.nan)])
def test_what_are_no_embeddings_is_refused(bad, examples):
    with pytest.raises(ValueError, match="embeddings"):
        class_recovered(bad, "bass", examples)


@pytest.mark.parametrize(
    ("prompt", "genre"),
    [
        ("brisk jazz waltz, upright bass", "jazz waltz"),
        ("Waltz, 90 bpm", "waltz"),
        ("slow rock ballad, drums", "rock ballad"),
        ("rocking chair", None),
        ("", None),
    ],
)
def test_the_longest_genre_named_is_the_one_asked_for(prompt, genre):
    known = ("rock", "waltz", "ballad", "jazz", "jazz waltz", "rock ballad")
    assert asked_genre(prompt, known) == genre


def test_tempo_by_number_allows_its_octaves():
    assert tempo_recovered("easy jazz, 120 bpm", BEATS) == 1.0
    assert tempo_recovered("easy jazz, 60 BPM", BEATS) == 1.0
    assert tempo_recovered("123 bpm", BEATS) == 1.0
    assert tempo_recovered("130 bpm", BEATS) == 0.0


def test_tempo_by_word():
    assert tempo_recovered("mid-tempo funk", BEATS) == 1.0
    assert tempo_recovered("slow blues", BEATS) == 0.0
    assert tempo_recovered("slow blues", BEATS * 1.5) == 1.0


def test_a_prompt_without_tempo_asks_for_none():
    assert asked_bpm("dark funk in C minor") is None
    assert tempo_recovered("dark funk in C minor", BEATS) is None


def test_no_beats_recover_nothing():
    assert tempo_recovered("120 bpm", np.zeros(0)) == 0.0
    with pytest.raises(ValueError, match="ascending"):
        tempo_recovered("120 bpm", BEATS[::-1])
