"""The shipped codec at the edges: levels, silence, extremes, and an hour of sound."""

import resource

import numpy as np
import pytest
import torch

from accomptk.latents.codec import decode, encode, load_codec
from accomptk.stems.demo import demo_root
from accomptk.stems.index import StemSet
from signals import sine

FRAME = 3675
SILENT_DBFS = -60.0


@pytest.fixture(scope="module")
def codec():
    return load_codec()


@pytest.fixture(scope="module")
def song():
    """Stems of a shipped song and their mix, [B, 1, N], by name."""
    stems = StemSet.open(demo_root())
    first = stems.songs[0]
    names = [stem.stem for stem in first.stems if stem.active][:4]
    wavs = {name: stems.mix(first, [name], 8.0, 6.0) for name in names}
    return {**wavs, "mix": stems.mix(first, names, 8.0, 6.0)}


def there_and_back(codec, wav: np.ndarray) -> np.ndarray:
    played = decode(codec, encode(codec, torch.from_numpy(wav)[None, None]))
    return played[0, 0, : wav.size].numpy()


def level_dbfs(wav: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(wav.astype(np.float64) ** 2) + 1e-20))


def test_music_keeps_its_level(codec, song):
    for name, wav in song.items():
        if level_dbfs(wav) > SILENT_DBFS:
            played = there_and_back(codec, wav)
            assert level_dbfs(played) == pytest.approx(level_dbfs(wav), abs=1.0), name


def test_silence_stays_silent_at_the_start_and_after_music(codec, song):
    nothing = np.zeros(20 * FRAME, np.float32)
    assert level_dbfs(there_and_back(codec, nothing)) < SILENT_DBFS
    played = there_and_back(codec, np.concatenate([song["mix"], nothing]))
    assert level_dbfs(played[-10 * FRAME :]) < SILENT_DBFS


def test_full_scale_does_not_clip(codec, song):
    loud = song["mix"] / np.abs(song["mix"]).max()
    played = there_and_back(codec, loud)
    assert np.abs(played).max() < 1.0
    assert level_dbfs(played) == pytest.approx(level_dbfs(loud), abs=1.0)


@pytest.mark.parametrize(
    "wav",
    [
        np.full(24 * FRAME, 0.5, np.float32),
        sine(20.0, 2.0, level=0.9),
        np.ones(1, np.float32),
        np.sign(sine(62.0, 2.0)),
        np.float32(1e6) * sine(62.0, 1.0),
    ],
    ids=["DC", "20 Hz", "one sample", "full-scale square", "far too loud"],
)
def test_extreme_input_stays_in_range(codec, wav):
    played = there_and_back(codec, wav)
    assert np.isfinite(played).all()
    assert np.abs(played).max() <= 1.0


@pytest.mark.slow
def test_an_hour_takes_no_more_memory_than_a_minute(codec, song):
    wav = torch.from_numpy(np.resize(song["mix"], 48 * FRAME))[None, None]
    heard, played = codec.encode_state(1), codec.decode_state(1)
    levels, peak_kb = [], []
    for _ in range(3600 // 4):
        sound = codec.decode_next(codec.encode_next(wav, heard), played)
        levels.append(level_dbfs(sound.numpy()))
        peak_kb.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peak_kb[-1] - peak_kb[15] < 20_000
    assert np.ptp(levels[1:]) < 1.0
