"""Codecs side by side: what is played, and that the figures know good from bad."""

import numpy as np
import pytest

from accomptk.errors import DatasetError
from accomptk.latents import quality
from accomptk.latents.quality import Signal, compare, held_out
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


def test_more_components_are_closer(codec_path, judged, monkeypatch):
    monkeypatch.setattr(quality, "LINEAR", {"pca-4": 4, "pca-40": 40})
    rows = compare(codec_path, drums_and_organ(), ["pca-4", "pca-40"])
    few, many = rows
    assert (few["numbers_per_s"], many["numbers_per_s"]) == (48, 480)
    assert few["lsd_low_db"] > many["lsd_low_db"]
    assert few["chroma"] < many["chroma"]
    assert many["onset_f1_drums"] > 0.8
    assert many["n"] == 3


def test_a_rate_counts_the_components_that_there_are(codec_path, judged, monkeypatch):
    monkeypatch.setattr(quality, "LINEAR", {"pca-400": 400})
    (row,) = compare(codec_path, drums_and_organ()[:1], ["pca-400"])
    assert row["numbers_per_s"] == 48 * 12


def test_a_copy_is_perfect(codec_path, judged, monkeypatch):
    monkeypatch.setattr(quality, "_through", lambda spectral, name, wav: wav)
    (row,) = compare(codec_path, drums_and_organ(), ["spectral"])
    assert row["fad"] == pytest.approx(0.0, abs=1e-6)
    assert (row["lsd_low_db"], row["lsd_high_db"], row["level_db"]) == (0, 0, 0)
    assert row["onset_f1_drums"] == row["onset_f1_others"] == 1
    assert row["chroma"] == pytest.approx(1.0)


def test_opus_sounds_better_at_more_bits():
    if quality_missing_ffmpeg():
        pytest.skip("ffmpeg is absent")
    wav = drums_and_organ()[2].wav
    few, many = (quality._opus(wav, kilobits) for kilobits in (6, 24))
    assert len(few) == len(many) == len(wav)
    assert np.abs(many - wav).mean() < np.abs(few - wav).mean()


def quality_missing_ffmpeg() -> bool:
    import shutil

    return shutil.which("ffmpeg") is None
