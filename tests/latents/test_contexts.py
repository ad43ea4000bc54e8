"""Contexts: always without a playable stem, sometimes a single one, never twice."""

import pytest

from accomptk.latents.contexts import draw_contexts
from accomptk.stems.index import Song, Stem


def make_song(*instruments: str, track: str = "song") -> Song:
    stems = tuple(
        Stem(
            track=track,
            stem=f"{instrument}-{number}",
            instrument=instrument,
            path="",
            seconds=1.0,
            sha256="",
            rms_db=-20.0,
            active=(),
        )
        for number, instrument in enumerate(instruments)
    )
    return Song(track=track, split="train", stems=stems, seconds=1.0)


BAND = make_song("drums", "bass", "guitar", "piano", "strings", "melody")


def test_everything_but_each_playable_stem_comes_first():
    contexts = draw_contexts(BAND, 6, 0)
    names = [stem.stem for stem in BAND.stems]
    assert contexts[:5] == tuple(
        tuple(name for name in names if name != left_out) for left_out in names[:5]
    )


@pytest.mark.parametrize("seed", range(5))
def test_random_contexts_lack_a_playable_stem_and_differ(seed):
    contexts = draw_contexts(BAND, 6, seed)
    playable = {stem.stem for stem in BAND.stems[:5]}
    assert len(contexts) == len(set(contexts)) == 11
    assert all(playable - set(context) for context in contexts)
    assert sum(len(context) == 1 for context in contexts) >= 2
    assert ("melody-5",) in contexts


def test_seed_and_track_decide():
    assert draw_contexts(BAND, 6, 1) == draw_contexts(BAND, 6, 1)
    assert draw_contexts(BAND, 6, 1) != draw_contexts(BAND, 6, 2)
    instruments = [stem.instrument for stem in BAND.stems]
    assert draw_contexts(make_song(*instruments, track="other"), 6, 1) != draw_contexts(BAND, 6, 1)


@pytest.mark.parametrize(
    ("instruments", "count"),
    [(("drums",), 1), (("drums", "bass"), 2), (("melody", "other"), 0), (("melody", "drums"), 2)],
)
def test_small_songs(instruments, count):
    contexts = draw_contexts(make_song(*instruments), 6, 0)
    assert len(contexts) == count
    assert all(contexts)
