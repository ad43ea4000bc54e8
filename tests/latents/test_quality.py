"""Codecs side by side: what is played, and that the figures know good from bad."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from accomptk.checkpoint import file_sha256
from accomptk.errors import DatasetError
from accomptk.latents import quality
from accomptk.latents.contenders import Contender, contenders, fit_plain
from accomptk.latents.quality import Comparison, Signal, compare, held_out, measure
from accomptk.latents.spectral import load_spectral
from accomptk.latents.spectrum import SAMPLE_RATE
from accomptk.stems.index import StemSet
from signals import clicks, sine


def embed_by_level(wavs, sample_rate, model):
    """A judge that hears the level of every tenth of a second."""
    size = sample_rate // 10
    return [
        np.log(np.abs(wav[: wav.size // size * size].reshape(-1, size)).mean(1) + 1e-3)[:, None]
        for wav in wavs
    ]


@pytest.fixture
def judged(monkeypatch):
    monkeypatch.setattr("accomptk.metrics.embeddings.embed", embed_by_level)


def drums_and_organ():
    beat = clicks(np.arange(0.1, 3.9, 0.3), 4.0)
    organ = sine(220.0, 4.0) + sine(330.0, 4.0)
    return [Signal("drums", beat), Signal("piano", organ), Signal("mix", beat + organ)]


def test_stems_and_mixes_in_turn(tiny_set, monkeypatch):
    monkeypatch.setattr(quality, "START_S", 0.0)
    both = held_out(StemSet(tiny_set.root, tiny_set.songs), 4, 2.0)
    assert [signal.instrument == "mix" for signal in both] == [False, True, False, True]
    assert {signal.wav.size for signal in both} == {2 * SAMPLE_RATE}


def test_only_test_songs_are_played(tiny_set):
    with pytest.raises(DatasetError, match="no song in split 'test' is 2 s long"):
        held_out(StemSet(tiny_set.root, tiny_set.split("train")), 4, 2.0)


def linear(path, count):
    return Contender(f"pca-{count}", path, count, iterations=8)


def test_more_components_are_closer(codec_path, judged):
    few, many = compare([linear(codec_path, 4), linear(codec_path, 40)], drums_and_organ())
    assert (few["numbers_per_s"], many["numbers_per_s"]) == (48, 480)
    assert few["lsd_low_db"] > many["lsd_low_db"]
    assert few["chroma"] < many["chroma"]
    assert many["onset_f1_drums"] > 0.8
    assert many["n"] == 3


def test_a_rate_counts_the_components_that_there_are(codec_path):
    assert linear(codec_path, 400).numbers_per_s == 48 * 12
    assert Contender("opus-6k", kilobits=6).numbers_per_s is None


def test_a_copy_is_perfect(codec_path, judged, monkeypatch):
    monkeypatch.setattr(Contender, "play", lambda self, wav: wav)
    (row,) = compare([Contender("spectral", codec_path)], drums_and_organ())
    assert row["fad"] == pytest.approx(0.0, abs=1e-6)
    assert (row["lsd_low_db"], row["lsd_high_db"], row["level_db"]) == (0, 0, 0)
    assert row["onset_f1_drums"] == row["onset_f1_others"] == 1
    assert row["chroma"] == pytest.approx(1.0)


def test_opus_sounds_better_at_more_bits():
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is absent")
    wav = drums_and_organ()[2].wav
    few, many = (Contender("opus", kilobits=rate).play(wav) for rate in (6, 24))
    assert len(few) == len(many) == len(wav)
    assert np.abs(many - wav).mean() < np.abs(few - wav).mean()


def test_codec_comes_first_among_its_rivals(codec_path):
    names = [each.name for each in contenders(codec_path, codec_path)]
    assert names[:4] == ["spectral", "pca-48", "pca-64", "pca-128"]
    assert names[4:] == ["weighted-48", "opus-6k", "opus-12k", "opus-24k"]


def test_plain_components_weigh_no_band(tiny_set, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("accomptk.latents.contenders.MANY", 12)
    hearing = replace(recipe.spectrum, hearing=0.35)
    small = replace(recipe, spectrum=hearing, size=replace(recipe.size, channels=8))
    fit_plain(tmp_path / "plain.safetensors", tiny_set, small)
    plain = load_spectral(tmp_path / "plain.safetensors")
    assert plain.spectrum.recipe.hearing == 0
    assert plain.code.base.channels == 12


def test_both_tables_of_one_run(tiny_set, codec_path, judged, tmp_path, monkeypatch):
    monkeypatch.setattr(quality, "START_S", 0.0)
    monkeypatch.setattr(quality, "CONTRACT_ITERATIONS", (0, 1))
    monkeypatch.setattr("accomptk.latents.contract.TIMED_HOPS", 2)
    monkeypatch.setattr(quality, "fit_plain", lambda path, *_, **__: shutil.copy(codec_path, path))
    monkeypatch.setattr(quality, "contenders", lambda codec, plain: [linear(codec, 4)])
    asked = Comparison(
        codec=codec_path, data=tiny_set, foreign=tiny_set, signals=4, seconds=2.0, pictures=tmp_path
    )
    sound, contract = measure(asked, 1, lambda *_: None)
    assert [row["music"] for row in sound] == ["held out", "tiny"]
    assert sound[0]["fad"] == sound[1]["fad"]
    assert {row["checkpoint"] for row in (*sound, *contract)} == {file_sha256(codec_path)[:8]}
    assert [row["iterations"] for row in contract] == [0, 1]
    picture = tmp_path / "spectrograms.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 400_000
