from dataclasses import replace

import numpy as np
import pytest

from accomptk.errors import DatasetError, RecipeError
from accomptk.stems.index import Song, Stem, StemSet
from accomptk.streaming.parts import (
    Part,
    choose_songs,
    find_others,
    find_parts,
    load_part,
    to_scene,
    to_warmup,
)

RATE = 44_100


def stem(name, instrument, active=((0.0, 60.0),), seconds=60.0):
    return Stem(
        track="song", stem=name, instrument=instrument, path=f"stems/song/{name}.flac",
        seconds=seconds, sha256=name, rms_db=-20.0, active=active,
    )  # fmt: skip


def song(*stems, seconds=60.0, track="song", split="test"):
    return Song(
        track=track,
        split=split,
        stems=stems,
        seconds=seconds,
        beats=np.arange(0, seconds, 0.5),
        downbeats=np.arange(0, seconds, 2.0),
        chords=((0.0, 7.0, "C:maj"), (7.0, 40.0, "F:maj")),
    )


@pytest.mark.parametrize(
    ("seconds", "start_s", "end_s"), [(60, 6, 30), (30, 6, 30), (12, 6, 12), (9, 6, 9), (6, 3, 6)]
)
def test_scored_stretch(seconds, start_s, end_s):
    part = Part(song(stem("a", "drums"), seconds=float(seconds)), stem("a", "drums"))
    assert (part.start_s, part.end_s) == (start_s, end_s)
    assert part.is_short == (seconds < 30)
    assert part.warmup == slice(0, start_s * RATE)
    assert part.scored == slice(start_s * RATE, end_s * RATE)


def test_context_is_all_other_stems():
    band = song(stem("kit", "drums"), stem("low", "bass"), stem("sax", "melody"))
    (part,), _ = find_parts([band], ["bass"])
    assert [one.stem for one in part.context] == ["kit", "sax"]
    assert part.name == "song/low"


def test_busiest_stem_of_an_instrument_is_the_part():
    band = song(
        stem("rare", "guitar", active=((0.0, 10.0),)),
        stem("often", "guitar", active=((5.0, 29.0),)),
        stem("late", "guitar", active=((30.0, 60.0),)),
    )
    (part,), _ = find_parts([band], ["guitar"])
    assert part.stem.stem == "often"


def test_what_cannot_be_played_is_left_out_with_a_reason():
    alone = song(stem("kit", "drums"), track="alone")
    resting = song(stem("kit", "drums"), stem("low", "bass", active=((31.0, 60.0),)))
    parts, left_out = find_parts([alone, resting], ["drums", "bass"])

    assert [part.name for part in parts] == ["song/kit"]
    assert [track for track, _ in left_out] == ["alone", "song"]
    assert "single stem" in left_out[0][1]
    assert "bass" in left_out[1][1]


def test_nothing_to_play_is_refused_in_one_line():
    with pytest.raises(DatasetError, match="single stem"):
        find_parts([song(stem("kit", "drums"))], ["drums"])
    with pytest.raises(RecipeError, match="kazoo"):
        find_parts([song(stem("kit", "drums"), stem("low", "bass"))], ["kazoo"])


def test_scene_counts_from_the_scored_start():
    band = song(stem("kit", "drums"), stem("low", "bass"))
    (part,), _ = find_parts([band], ["bass"])
    wav = np.arange(30 * RATE, dtype=np.float32)
    audio = type("Audio", (), {"truth": wav, "context": wav})

    scene = to_scene(part, audio)
    assert scene.truth[0] == 6 * RATE
    assert scene.truth.size == 24 * RATE
    assert (scene.beats[0], scene.beats[-1]) == (0.0, 23.5)
    assert scene.chords == ((-6.0, 1.0, "C:maj"), (1.0, 34.0, "F:maj"))
    assert scene.instrument == "bass"

    first = to_warmup(part, audio)
    assert first.truth.size == 6 * RATE
    assert first.chords == ((0.0, 7.0, "C:maj"),)


def test_audio_is_padded_to_a_stream(band_set):
    (part, *_), _ = find_parts(band_set.songs, ["bass"])
    audio = load_part(band_set, part)

    assert audio.truth.size == audio.context.size == 30 * RATE
    assert not audio.truth[14 * RATE :].any()
    others = [band_set.audio(part.song, name) for name in ("drums", "guitar", "melody")]
    np.testing.assert_allclose(audio.context[: 14 * RATE], sum(others), atol=1e-6)


def many(split):
    return [song(track=f"{split}{i}", split=split) for i in range(10)]


def test_auto_split_prefers_test_then_valid(tmp_path):
    both = StemSet(tmp_path, (*many("train"), *many("valid"), *many("test")))
    only = StemSet(tmp_path, (*many("train"), *many("valid")))
    assert {song.split for song in choose_songs(both, "auto")} == {"test"}
    assert {song.split for song in choose_songs(only, "auto")} == {"valid"}
    assert len(choose_songs(both, "all")) == 30
    last = StemSet(tmp_path, tuple(many("train")))
    assert {song.split for song in choose_songs(last, "auto")} == {"train"}


def test_fewer_songs_are_spread_over_the_split(tmp_path):
    chosen = choose_songs(StemSet(tmp_path, tuple(many("test"))), "test", 3)
    assert [song.track for song in chosen] == ["test0", "test3", "test6"]
    assert len(choose_songs(StemSet(tmp_path, tuple(many("test"))), "test", 99)) == 10


def test_empty_split_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="'valid' has no songs"):
        choose_songs(StemSet(tmp_path, tuple(many("test"))), "valid")


def test_part_of_another_song_is_another_name():
    band = song(stem("kit", "drums"), stem("low", "bass"))
    other = replace(band, track="other")
    assert Part(band, band.stems[0]).name != Part(other, other.stems[0]).name


def of_split(split, count, *more):
    band = (stem("low", "bass"), *more)
    return tuple(song(*band, track=f"{split}-{i}", split=split) for i in range(count))


def test_others_are_as_many_songs_of_other_splits_spread_over_them(tmp_path):
    tested = of_split("test", 2, stem("kit", "drums"))
    learned = of_split("train", 4, stem("kit", "drums"))
    alone = of_split("valid", 3)  # nothing to hear beside them
    stems = StemSet(tmp_path, (*tested, *learned, *alone))

    found = find_others(stems, tested, ("drums", "bass", "piano"))
    assert [part.name for part in found] == [
        *("train-0/kit", "train-0/low", "train-2/kit", "train-2/low")
    ]
    assert len(find_others(stems, (*tested, *alone), ("bass",))) == 4
    assert find_others(StemSet(tmp_path, tested), tested, ("bass",)) == []
