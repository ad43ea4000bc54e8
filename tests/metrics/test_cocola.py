"""COCOLA with random weights: what is around the network, which is the authors'."""

from enum import Enum

import numpy as np
import pytest
import torch

from accomptk.errors import CheckpointError, MissingTool
from accomptk.metrics.cocola import Cocola, _masked, load_cocola
from accomptk.metrics.coherence import VIEWS
from signals import RATE, clicks, sine

SECONDS = 5.5
TICKS = clicks(np.arange(0.1, SECONDS, 0.5), SECONDS)
TONE = sine(440.0, SECONDS)


class Kind(Enum):
    """A class that unpickling must not need."""

    BOTH = "both"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """What the authors' training writes, with weights that mean nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Cocola(16)
        net.similarity.w.data.normal_()
    path = tmp_path_factory.mktemp("cocola") / "last.ckpt"
    torch.save({"state_dict": net.state_dict(), "hyper_parameters": {"kind": Kind.BOTH}}, path)
    return path


def test_gives_all_views_and_says_nothing_of_silence(checkpoint):
    judge = load_cocola(checkpoint)
    found = judge(TICKS, TONE, RATE)

    assert tuple(found) == VIEWS
    assert all(isinstance(value, float) for value in found.values())
    assert judge.name.startswith("COCOLA ")
    assert judge(np.zeros_like(TICKS), TONE, RATE) is None
    assert judge(TICKS[: 4 * RATE], TONE[: 4 * RATE], RATE) is None


def test_a_view_silences_the_other_half():
    windows = torch.ones(3, 2, 4, 5)
    kept = _masked(windows, (1.0, 0.0))
    assert kept[:, 0].all()
    assert not kept[:, 1].any()


def test_no_file_is_one_line(tmp_path):
    with pytest.raises(MissingTool, match="no such file") as caught:
        load_cocola(tmp_path / "none.ckpt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [{}, {"state_dict": {}}, {"state_dict": {"similarity.w": torch.zeros(2, 2)}}]
)
def test_another_file_is_one_line(tmp_path, content):
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match="not a COCOLA checkpoint") as caught:
        load_cocola(tmp_path / "other.ckpt")
    assert "\n" not in str(caught.value)


def test_code_in_a_checkpoint_does_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"state_dict": {}, "x": Evil()}, tmp_path / "evil.ckpt")
    with pytest.raises(CheckpointError):
        load_cocola(tmp_path / "evil.ckpt")
    assert not (tmp_path / "ran").exists()
