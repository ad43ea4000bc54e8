"""A prepared set of three synthetic songs for the tests of evaluation."""

import pytest

from accomptk.stems.index import StemSet
from accomptk.stems.prepare import prepare
from synthetic_band import SONGS


@pytest.fixture(scope="session")
def band_set(tmp_path_factory):
    """Three songs of 14 s that differ in tempo, key and groove."""
    root = tmp_path_factory.mktemp("band")
    prepare(root, [(song.track, song) for song in SONGS], name="band", source="test")
    return StemSet.open(root)
