import numpy as np
import pytest
import torch

from accomptk.metrics import beat
from accomptk.metrics.beat import beat_continuity, beat_f1, judge_beats
from accomptk.weights.beatnet import BeatNet
from signals import RATE, clicks

BEATS = np.arange(40) * 0.5 + 0.25
NONE = np.zeros(0)


def test_same_beats_are_perfect():
    assert beat_f1(BEATS, BEATS) == 1.0
    assert beat_continuity(BEATS, BEATS) == (1.0, 1.0)


def test_no_beats_are_worth_nothing():
    assert beat_f1(BEATS, NONE) == beat_f1(NONE, BEATS) == beat_f1(NONE, NONE) == 0.0
    assert beat_continuity(BEATS, NONE) == beat_continuity(BEATS, BEATS[:1]) == (0.0, 0.0)


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 2)), np.array([1.0, np.nan]), np.array([2.0, 1.0]), np.array([44_100.0])]
)
def test_what_are_no_beat_times_is_refused(bad):
    with pytest.raises(ValueError, match="estimated beats"):
        beat_f1(BEATS, bad)
    with pytest.raises(ValueError, match="reference beats"):
        beat_continuity(bad, BEATS)


@pytest.mark.parametrize(
    ("estimated", "f1", "continuity"),
    [
        (BEATS + 0.069, 1.0, (1.0, 1.0)),
        (BEATS + 0.071, 0.0, (1.0, 1.0)),  # continuity allows 17.5 % of the beat
        (BEATS[::2], 2 / 3, (0.0, 1.0)),  # 20 right of 20, of 40
        (np.sort(np.concatenate([BEATS, BEATS + 0.25])), 2 / 3, (0.0, 1.0)),
        (BEATS + 0.25, 0.0, (0.0, 1.0)),
        (np.delete(BEATS, 20), 78 / 79, (1.0, 1.0)),
    ],
    ids=["late", "too late", "half tempo", "double tempo", "offbeat", "one missed"],
)
def test_known_values(estimated, f1, continuity):
    assert beat_f1(BEATS, estimated) == pytest.approx(f1)
    if len(estimated) != len(BEATS) - 1:
        assert beat_continuity(BEATS, estimated) == pytest.approx(continuity, abs=0.06)


def test_more_jitter_is_worse():
    rng = np.random.default_rng(0)
    errors = rng.standard_normal(len(BEATS))
    scores = [beat_f1(BEATS, np.sort(BEATS + spread * errors)) for spread in (0, 0.03, 0.08, 0.2)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1.0
    assert scores[-1] < 0.6


def test_start_leaves_out_what_lies_before():
    wrong_start = np.concatenate([BEATS[BEATS < 6] + 0.2, BEATS[BEATS >= 6]])
    assert beat_f1(BEATS, wrong_start) < 0.8
    assert beat_f1(BEATS, wrong_start, start_s=6.0) == 1.0


@pytest.fixture
def rise_judge(monkeypatch):
    """A network in the judge's place: a beat where the spectrum rises."""

    class Rise(BeatNet):
        def forward(self, features, state=None):
            rise = features[:, 136:].mean(dim=1, keepdim=True)
            beats = 0.9 * (rise / rise.max().clamp(min=1e-6)) ** 2
            return torch.cat([beats, 0 * beats, 1 - beats], dim=1), state

    monkeypatch.setattr(beat, "load_judge", Rise)


@pytest.mark.parametrize("rate", [RATE, 48_000])
def test_judge_finds_clicks_at_any_rate(rise_judge, rate):
    times = np.arange(16) * 0.6 + 0.3
    found = judge_beats(clicks(times, 10.0, rate), rate)
    assert beat_f1(times, found) > 0.95
    assert np.abs(found[:, None] - times).min(axis=1).max() < 0.04


def test_judge_hears_nothing_in_silence(rise_judge):
    assert judge_beats(np.zeros(RATE, np.float32), RATE).shape == (0,)
    assert judge_beats(np.full(RATE, 1e-5, np.float32), RATE).size == 0


@pytest.mark.weights
def test_judge_finds_a_drum_beat():
    times = np.arange(24) * 0.5
    assert beat_f1(times, judge_beats(clicks(times, 12.0), RATE), start_s=2.0) > 0.9
