import numpy as np
import pytest

from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.mixing import LEVELS_DB, active_level, mix, saturate

RATE = SAMPLE_RATE


def noise(rng, seconds=6.0, level=0.01):
    return (level * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


def test_stems_come_to_the_level_of_their_class(rng):
    stems = {name: noise(rng, level=10.0 ** -rng.integers(1, 4)) for name in LEVELS_DB}
    mixed = mix(rng, stems)
    assert list(mixed) == list(stems)
    for name, wav in mixed.items():
        level_db = 20 * np.log10(active_level(wav))
        assert level_db == pytest.approx(LEVELS_DB[name][0], abs=6)
    assert np.abs(np.sum(list(mixed.values()), axis=0)).max() < 1.0


def test_rests_do_not_make_a_stem_louder(rng):
    wav = noise(rng)
    wav[RATE : 4 * RATE] = 0
    assert active_level(wav) == pytest.approx(0.01, rel=0.05)


def test_a_stem_that_hardly_sounds_is_left_out(rng):
    click = np.zeros(6 * RATE, np.float32)
    click[100:2000] = 0.5
    mixed = mix(rng, {"drums": noise(rng), "piano": click, "bass": np.zeros_like(click)})
    assert list(mixed) == ["drums"]


def test_the_sum_never_clips(rng):
    same = np.sin(np.arange(4 * RATE) / 20).astype(np.float32)
    mixed = mix(rng, dict.fromkeys(LEVELS_DB, same))
    assert np.abs(np.sum(list(mixed.values()), axis=0)).max() <= 0.951


def test_saturation_bends_only_what_is_loud():
    wav = np.linspace(-2, 2, 401, dtype=np.float32)
    bent = saturate(wav, 1.0)
    quiet = np.abs(wav) < 0.56
    np.testing.assert_array_equal(bent[quiet], wav[quiet])
    assert np.abs(bent).max() <= 1.0
    assert (np.diff(bent) >= 0).all()
    np.testing.assert_allclose(bent, -bent[::-1], atol=1e-6)
