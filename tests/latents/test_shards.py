"""Shards: what is read is what the codec makes; finished work is kept, foreign latents refused."""

import dataclasses
import json
from functools import partial

import numpy as np
import pytest
import torch

from accomptk.errors import CodecError, DatasetError
from accomptk.latents.codec import encode
from accomptk.latents.shards import encode_set, latents_dir, read_latents, shard_name
from accomptk.stems.index import StemSet, update_index
from accomptk.stems.prepare import prepare
from tiny_sets import make_song, write_set


@pytest.fixture
def encoded(tmp_path, pca_codec):
    root = write_set(tmp_path / "set", songs=3)
    encode_set(root, pca_codec, subsets=2)
    return root


def test_latents_are_those_of_the_codec(encoded, pca_codec):
    stems = StemSet.open(encoded)
    song = stems.song("song 0")
    latents = read_latents(encoded, pca_codec.space, "train")[0]
    assert latents.track == song.track
    assert latents.stems == tuple(stem.stem for stem in song.stems)
    assert latents.instruments == tuple(stem.instrument for stem in song.stems)
    assert latents.latents.dtype == np.float16
    for names, found in [
        ((latents.stems[1],), latents.latents[1]),
        (latents.contexts[0], latents.context_latents[0]),
        (latents.contexts[-1], latents.context_latents[-1]),
    ]:
        wav = torch.from_numpy(stems.mix(song, names))[None, None]
        np.testing.assert_allclose(found, encode(pca_codec, wav)[0], atol=2e-2)


def test_what_is_known_of_the_music_comes_along(encoded, pca_codec):
    song = StemSet.open(encoded).song("song 0")
    latents = read_latents(encoded, pca_codec.space, "train")[0]
    np.testing.assert_array_equal(latents.beats, song.beats)
    np.testing.assert_array_equal(latents.downbeats, song.downbeats)
    assert latents.chords == song.chords
    assert (latents.meter, latents.tempo, latents.prompt) == (4, song.tempo, "slow test")
    assert latents.active == tuple(stem.active for stem in song.stems)


def test_valid_pairs_leave_the_stem_out(encoded, pca_codec):
    song = read_latents(encoded, pca_codec.space, "train")[0]
    for number, context in enumerate(song.contexts):
        valid = {name for n, name in enumerate(song.stems) if song.is_valid(number, n)}
        assert valid == set(song.stems) - set(context)


def test_splits(encoded, pca_codec):
    tracks = [song.track for song in read_latents(encoded, pca_codec.space, "train")]
    assert tracks == ["song 0", "song 1"]
    assert [s.track for s in read_latents(encoded, pca_codec.space, "test")] == ["song 2"]
    assert read_latents(encoded, pca_codec.space, "valid") == []
    with pytest.raises(DatasetError, match="split 'training'"):
        read_latents(encoded, pca_codec.space, "training")


def shard(root, space, track):
    return latents_dir(root, space) / shard_name(StemSet.open(root).song(track))


def test_finished_shards_are_kept_and_missing_ones_made(encoded, pca_codec):
    space, told = pca_codec.space, []
    kept, lost = (shard(encoded, space, f"song {number}") for number in (2, 0))
    content, made_at = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    encode_set(
        encoded, pca_codec, subsets=2, progress=lambda done, total: told.append((done, total))
    )
    assert kept.stat().st_mtime_ns == made_at
    assert lost.read_bytes() == content
    assert told == [(3, 3)]


def test_songs_that_come_or_change_leave_the_others_as_they_are(encoded, pca_codec):
    folder, told = latents_dir(encoded, pca_codec.space), []
    before = {path.name for path in folder.glob("*.tar")}
    tasks = [("song 9", partial(make_song, "song 9", 90.0, "train"))]
    prepare(encoded, tasks, name="tiny", source="test")
    songs = StemSet.open(encoded).songs
    update_index(encoded, songs, [dataclasses.replace(songs[0], prompt="fast test")])
    encode_set(encoded, pca_codec, subsets=2, progress=lambda *counts: told.append(counts))
    after = {path.name for path in folder.glob("*.tar")}
    assert told == [(3, 4), (4, 4)]
    assert before < after
    prompts = [song.prompt for song in read_latents(encoded, pca_codec.space, "train")]
    assert prompts == ["fast test", "slow test", "slow test"]


def test_a_split_can_be_encoded_alone(encoded, pca_codec):
    folder = encode_set(encoded, pca_codec, splits=("test",), subsets=0)
    assert len(list(folder.glob("*.tar"))) == 1
    assert len(read_latents(encoded, pca_codec.space, "test")) == 1


def test_other_choices_are_encoded_again(encoded, pca_codec):
    folder = encode_set(encoded, pca_codec, subsets=0)
    assert json.loads((folder / "details.json").read_text())["subsets"] == 0
    song = read_latents(encoded, pca_codec.space, "train")[0]
    assert len(song.contexts) == 3  # drums, bass and piano left out in turn


def test_another_codec_is_refused_by_both_names(encoded, pca_codec, tmp_path):
    with pytest.raises(CodecError, match=rf"{pca_codec.space}.*00c0ffee") as caught:
        read_latents(encoded, "00c0ffee", "train")
    assert "\n" not in str(caught.value)
    folder = latents_dir(encoded, pca_codec.space)
    folder.rename(folder.with_name("00c0ffee"))  # a folder of that name proves nothing
    with pytest.raises(CodecError, match=rf"{pca_codec.space}.*00c0ffee"):
        read_latents(encoded, "00c0ffee", "train")


def test_no_latents_missing_and_damaged_shards_are_named(encoded, pca_codec, tmp_path):
    path = shard(encoded, pca_codec.space, "song 1")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DatasetError, match=f"{path.name}: damaged"):
        read_latents(encoded, pca_codec.space, "train")
    path.unlink()
    with pytest.raises(DatasetError, match="lacks the latents of song 'song 1'"):
        read_latents(encoded, pca_codec.space, "train")
    bare = write_set(tmp_path / "bare", songs=2)
    with pytest.raises(CodecError, match="no latents"):
        read_latents(bare, pca_codec.space, "train")


@pytest.mark.slow
def test_workers_write_the_same_bytes(encoded, pca_codec):
    folder = latents_dir(encoded, pca_codec.space)
    alone = {path.name: path.read_bytes() for path in folder.glob("*.tar")}
    encode_set(encoded, pca_codec, subsets=2, workers=2, force=True)
    assert {path.name: path.read_bytes() for path in folder.glob("*.tar")} == alone
