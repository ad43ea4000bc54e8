import numpy as np

from accomptk.stems.captions import write_caption
from accomptk.stems.instruments import MELODY
from accomptk.stems.players import Sound

SOUNDS = {
    "drums": Sound(0, "drums", 1),
    "guitar": Sound(24, "nylon guitar", 1),
    "piano": Sound(4, "electric piano", 1),
    MELODY: Sound(73, "flute", 1),
}


def draw(seed, bpm=117.6, level=0.75):
    return write_caption(
        np.random.default_rng(seed),
        genre="bossa nova",
        bpm=bpm,
        key_name="C minor",
        mode="minor",
        level=level,
        sounds=SOUNDS,
    )


def test_captions_name_the_genre_and_sometimes_all_else():
    captions = [draw(seed) for seed in range(80)]
    assert all("bossa nova" in caption for caption in captions)
    for words in ("118 bpm", "C minor", "nylon guitar", "electric piano", "flute melody", "drums"):
        assert 8 < sum(words in caption for caption in captions) < 72
    assert draw(5) == captions[5]


def test_words_follow_tempo_and_level():
    assert all(any(w in draw(s) for w in ("soft", "gentle", "quiet")) for s in range(10))
    assert not any("soft" in draw(s, level=0.9) for s in range(20))
    assert any("fast" in draw(s, bpm=175) for s in range(20))
    assert not any("fast" in draw(s, bpm=75) for s in range(20))
