import numpy as np
import pytest

from accomptk.listening.heard import LONG_HZ, HeardSong, hear_songs, to_db
from accomptk.listening.pairs import Pairs, PairSampler
from accomptk.metrics.spectra import FLOOR_DB, LONG_BANDS, SHORT_BANDS, WINDOW_FRAMES, needed
from accomptk.stems.index import StemSet
from tiny_sets import write_set

SECONDS = 20.0
PAIRS = Pairs(nearest=8, on_bar=0.5, gain_db=0.0, tilt_db=0.0, noise_db=(60.0, 60.0), semitones=0)
INSTRUMENTS = ("drums", "bass", "melody")


def song(period_s, seed=0):
    """Every stem ticks on its own part of each beat, the bass on a band of its own song."""
    beats = np.arange(0.2, SECONDS - 0.2, period_s)
    long = np.zeros((3, round(SECONDS * LONG_HZ), LONG_BANDS), np.uint8)
    short = np.zeros((3, 4 * long.shape[1], SHORT_BANDS), np.uint8)
    for stem in range(3):
        at = np.rint((beats + stem * period_s / 4) * 4 * LONG_HZ).astype(int)
        for late in range(20):
            short[stem, np.minimum(at + late, short.shape[1] - 1), 10 + stem] = 200
        long[stem, :, 20 + 2 * seed] = 200
    return HeardSong(INSTRUMENTS, beats, beats[::4], long, short)


@pytest.fixture
def sampler():
    return PairSampler([song(0.5 + i / 50, i) for i in range(6)], PAIRS, 4, WINDOW_FRAMES)


def test_shapes(sampler, rng):
    batch = sampler.batch(rng, "bass")
    long, short = needed(WINDOW_FRAMES)
    songs = len(batch.contexts.long)

    assert 2 <= songs <= 4
    assert batch.contexts.long.shape == (songs, long, LONG_BANDS)
    assert batch.stems.short.shape == (3 * songs, short, SHORT_BANDS)
    assert batch.is_pitched
    assert not sampler.batch(rng, "drums").is_pitched


def test_same_generator_draws_the_same(sampler):
    one, two = (sampler.batch(np.random.default_rng(5)) for _ in range(2))
    assert (one.contexts.long == two.contexts.long).all()
    assert (one.stems.short == two.stems.short).all()


def test_all_songs_of_a_batch_share_a_beat(sampler, rng):
    batch = sampler.batch(rng, "drums")
    songs = len(batch.contexts.long)
    loud = batch.stems.short[:songs, :, 10] > FLOOR_DB + 80
    first = loud.float().argmax(dim=1)
    assert int(first.max() - first.min()) <= 3  # 16 ms each


def test_moved_stems_are_elsewhere_in_the_beat_or_bar(sampler, rng):
    batch = sampler.batch(rng, "drums")
    songs = len(batch.contexts.long)
    own, moved = batch.stems.short[:songs], batch.stems.short[songs : 2 * songs]
    assert (own - moved).abs().amax(dim=(1, 2)).max() > 30


def test_altered_stems_are_transposed_by_semitones(sampler, rng):
    batch = sampler.batch(rng, "bass")
    songs = len(batch.contexts.long)
    own = batch.stems.long[:songs].mean(dim=1).argmax(dim=1)
    altered = batch.stems.long[2 * songs :].mean(dim=1).argmax(dim=1)
    bands = altered - own
    assert (bands != 0).all()
    assert (bands % 2 == 0).all()


def test_context_leaves_the_stem_out(sampler, rng):
    for _ in range(3):
        batch = sampler.batch(rng, "drums")
        assert (batch.contexts.short[:, :, 10] < FLOOR_DB + 80).all()


def test_instruments_with_a_single_song_are_left_out():
    assert PairSampler([song(0.5)], PAIRS, 4, WINDOW_FRAMES).instruments == []


def test_songs_are_heard_once(tmp_path):
    stems = StemSet.open(write_set(tmp_path / "set", songs=1))
    (first,) = hear_songs(stems, stems.songs, tmp_path / "levels", 2.0)
    written = next((tmp_path / "levels").iterdir()).stat().st_mtime_ns
    (again,) = hear_songs(stems, stems.songs, tmp_path / "levels", 2.0)

    assert next((tmp_path / "levels").iterdir()).stat().st_mtime_ns == written
    assert set(first.instruments) == {"drums", "bass", "piano", "melody"}
    np.testing.assert_array_equal(first.long, again.long)
    np.testing.assert_allclose(first.beats, [0.0, 0.5, 1.0, 1.5])  # of the middle two seconds
    bass = to_db(first.long[first.instruments.index("bass")])
    assert bass.max() == pytest.approx(-14.0, abs=1.5)  # a sine at a fifth of full scale
