import numpy as np
import pytest

from live_rig import DELAY, SIZE, Rig, changed, noise


def test_accompanies_sample_by_sample():
    rig, wav = Rig().join(), noise(6.0)
    rig.stream_in(wav)
    shift = DELAY * SIZE
    begin = (DELAY + 12) * SIZE  # past the first fade-in
    for stem in (0, 1):
        heard = rig.heard[stem][begin : 5 * 44100]
        assert np.array_equal(heard, wav[begin - shift : 5 * 44100 - shift])
    assert rig.desk.state()[3:] == (0, 0, 0)
