import numpy as np
import pytest

from accomptk.metrics.onset import onset_f1, onset_times
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.streaming.pairing import make_anchors, pair
from accomptk.streaming.parts import find_parts, load_part, to_scene


@pytest.fixture(scope="module")
def parts(band_set):
    return find_parts(band_set.songs, ["drums", "bass"])[0]


def test_pairs_are_of_the_same_instrument_and_another_song(parts):
    for part in parts:
        pairing = pair(part, parts, 0)
        for other in (pairing.random, pairing.tempo):
            assert other.stem.instrument == part.stem.instrument
            assert other.song.track != part.song.track
        assert pairing.sources == {
            "random_pairing": pairing.random.song.track,
            "tempo_matched": pairing.tempo.song.track,
        }


def test_pairs_depend_on_the_seed_and_not_on_the_order(parts):
    backwards = parts[::-1]
    names = [[pair(p, pool, 0).random.name for p in parts] for pool in (parts, backwards)]
    assert names[0] == names[1]
    seeds = {tuple(pair(p, parts, seed).random.name for p in parts) for seed in range(8)}
    assert len(seeds) > 1


def test_tempo_match_is_the_nearest_tempo(parts):
    one = next(part for part in parts if part.song.track == "one")
    assert pair(one, parts, 0).tempo.song.track == "two"  # 96 bpm: 118 is nearer than 140


def test_a_lone_song_has_no_pair(parts):
    pairing = pair(parts[0], parts[:1], 0)
    assert pairing.random is None
    assert pairing.tempo is None
    assert pairing.sources == {}


@pytest.fixture(scope="module")
def made(band_set, parts):
    part = next(part for part in parts if part.name == "one/drums")
    scene = to_scene(part, load_part(band_set, part))
    pairing = pair(part, parts, 0)
    stems = make_anchors(part, scene, pairing, band_set, roundtrip=lambda wav: 0.5 * wav, seed=0)
    return scene, stems


def test_all_anchors_are_as_long_as_the_truth(made):
    scene, stems = made
    assert list(stems) == [
        *("ground_truth", "codec", "silence", "click", "random_pairing", "tempo_matched")
    ]
    assert {wav.size for wav in stems.values()} == {scene.truth.size}


def test_codec_is_on_all_that_is_music(made):
    scene, stems = made
    np.testing.assert_array_equal(stems["ground_truth"], scene.truth)
    np.testing.assert_array_equal(stems["codec"], 0.5 * scene.truth)
    assert not stems["silence"].any()


def test_tempo_match_keeps_off_the_beats(made):
    """Of this song's onsets on beats, few are met by the other song's."""
    scene, stems = made
    click, matched = (onset_times(stems[n], SAMPLE_RATE) for n in ("click", "tempo_matched"))
    assert matched.size >= 8
    assert onset_f1(scene.beats, click) > 0.9
    assert onset_f1(scene.beats, matched) < 0.3


def test_without_beats_there_is_no_click_and_no_tempo_match(band_set, parts):
    part = parts[0]
    scene = to_scene(part, load_part(band_set, part))
    blind = type(scene)(
        instrument=scene.instrument,
        sample_rate=scene.sample_rate,
        truth=scene.truth,
        context=scene.context,
    )
    stems = make_anchors(
        part, blind, pair(part, parts, 0), band_set, roundtrip=lambda wav: wav, seed=0
    )
    assert list(stems) == ["ground_truth", "codec", "silence", "random_pairing"]
