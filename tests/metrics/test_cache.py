import numpy as np
import pytest

from accomptk.metrics import cache as cache_module
from accomptk.metrics.cache import AnchorCache, cache_key, halve
from accomptk.metrics.judge import Judged


@pytest.fixture
def judged(rng):
    """Two anchors, one of them without patches."""
    stem, mix = rng.standard_normal((2, 5, 3)).astype(np.float32)
    empty = np.zeros((0, 1), np.float32)
    return {
        "codec": Judged(scores={"onset_f1": 0.5}, stem=stem, mix=mix),
        "silence": Judged(scores={}, stem=empty, mix=empty),
    }


def test_what_was_written_is_read_as_it_was_halved(tmp_path, judged):
    cache = AnchorCache(tmp_path / "new")
    cache.write("key", judged)

    back = cache.read("key")
    assert list(back) == list(judged)
    for name, one in judged.items():
        assert back[name].scores == one.scores
        np.testing.assert_array_equal(back[name].stem, halve(one).stem)
        np.testing.assert_array_equal(back[name].mix, halve(one).mix)


def test_absent_key_is_none(tmp_path):
    assert AnchorCache(tmp_path).read("key") is None


def test_shipped_folder_is_read_and_never_written(tmp_path, judged):
    AnchorCache(tmp_path / "shipped").write("a", judged)
    cache = AnchorCache(tmp_path / "own", [tmp_path / "shipped"])
    assert cache.read("a") is not None
    cache.write("b", judged)
    assert not (tmp_path / "shipped" / "b.npz").exists()


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 half"])
def test_damaged_file_counts_as_absent(tmp_path, judged, content):
    (tmp_path / "key.npz").write_bytes(content)
    cache = AnchorCache(tmp_path)
    assert cache.read("key") is None
    cache.write("key", judged)
    assert cache.read("key") is not None


def test_key_follows_from_everything(monkeypatch):
    one = cache_key(part=["a", 1.0], codec="12345678")
    assert one == cache_key(codec="12345678", part=["a", 1.0])
    assert one != cache_key(part=["a", 1.5], codec="12345678")
    monkeypatch.setattr(cache_module, "METRICS_VERSION", 99)
    assert one != cache_key(part=["a", 1.0], codec="12345678")
