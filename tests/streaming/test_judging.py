import numpy as np
import pytest

from accomptk.metrics.judge import Scene
from accomptk.streaming.judging import JudgePool, Task
from fake_judges import PANEL
from signals import clicks, sine

RATE = 44_100


@pytest.fixture
def tasks():
    """A good and a silent stem for one scene, the good one with a warm-up."""
    truth = clicks(np.arange(0.25, 3.9, 0.5), 4.0) + sine(220, 4.0)
    scene = Scene(instrument="guitar", sample_rate=RATE, truth=truth, context=sine(110, 4.0))
    first = Scene(
        instrument="guitar", sample_rate=RATE, truth=truth[: 2 * RATE], context=truth[: 2 * RATE]
    )
    return [
        Task(truth, scene, (np.zeros(2 * RATE, np.float32), first)),
        Task(np.zeros_like(truth), scene),
    ]


def test_warmup_is_scored_apart(tasks):
    with JudgePool(PANEL, workers=1) as judges:
        good, silent = judges.judge(tasks)
    assert good.scores["onset_f1"] == 1.0
    assert good.scores["warmup_onset_f1"] == 0.0
    assert silent.scores["onset_f1"] == 0.0
    assert not any(key.startswith("warmup_") for key in silent.scores)


def test_nothing_to_judge(tasks):
    with JudgePool(PANEL, workers=1) as judges:
        assert judges.judge([]) == []


@pytest.mark.slow
def test_processes_give_the_same_in_the_same_order(tasks):
    with JudgePool(PANEL, workers=1) as one, JudgePool(PANEL, workers=2) as two:
        alone, together = one.judge(tasks * 2), two.judge(tasks * 2)
    for a, b in zip(alone, together, strict=True):
        assert a.scores == b.scores
        np.testing.assert_array_equal(a.mix, b.mix)
