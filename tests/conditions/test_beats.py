import copy

import numpy as np
import pytest
import torch

from accomptk.conditions.beats import TRACKER_NETWORKS, BeatTracker, Halver
from accomptk.conditions.grid import BEAT_FEATURES, grid_features
from accomptk.metrics.beat import JUDGE_NETWORK
from accomptk.weights.beatnet import BANDS, NETWORKS
from signals import RATE, clicks, sine

BEATS = np.arange(60) * 0.48 + 0.24  # 125 bpm
HOP = 18 * 3675
EARLY_S = 0.03  # a window rises when a click enters it, half a window before its centre


class Rise(torch.nn.Module):
    """In BeatNet's place: hears a beat where the spectrum rises, and remembers how it did."""

    def forward(self, features, state=None):
        rise = features[:, BANDS:].mean(dim=1)
        loudest = rise.max() if state is None else torch.maximum(rise.max(), state[0])
        beats = 0.9 * rise / loudest.clamp(min=1e-6)
        return torch.stack([beats, 0 * beats, 1 - beats], dim=1), (loudest, loudest)


def track(wav: np.ndarray, block: int = HOP) -> BeatTracker:
    tracker = BeatTracker([Rise()])
    for at in range(0, len(wav), block):
        tracker.hear(wav[at : at + block])
    return tracker


def phase_error_s(features: np.ndarray, known: np.ndarray) -> np.ndarray:
    turn = (features[1] + 1j * features[0]) * (known[1] - 1j * known[0])
    return np.angle(turn) / (2 * np.pi) * 0.48


@pytest.mark.parametrize("gap", [-18, 0, 18])
def test_beats_are_extrapolated_from_what_was_heard(gap):
    tracker = track(clicks(BEATS, 9.0))
    start = 108 + gap
    features = tracker.features(108, start, start + 18)
    known = grid_features(BEATS, [], 108, start, start + 18)
    assert features.shape == (BEAT_FEATURES, 18)
    assert features.dtype == np.float32
    assert np.abs(phase_error_s(features, known)).max() < EARLY_S + 0.02
    np.testing.assert_allclose(features[4], np.log2(125 / 120), atol=0.02)
    np.testing.assert_allclose(np.hypot(features[0], features[1]), 1.0, atol=1e-5)


def test_tempo_is_finer_than_the_pointers():
    tracker = track(clicks(np.arange(32) * 0.3641, 12.0))
    tempo = tracker.features(144, 144, 145)[4, 0]
    assert 120 * 2**tempo == pytest.approx(60 / 0.3641, rel=0.003)


def test_blocks_do_not_matter():
    wav = clicks(BEATS, 6.0)
    whole, pieces = track(wav, len(wav)), track(wav, 1_000)
    assert whole.frames == pieces.frames
    tempo = [tracker.features(72, 72, 90)[4, 0] for tracker in (whole, pieces)]
    assert tempo[0] == pytest.approx(tempo[1], abs=0.02)


def test_a_copy_continues_exactly_and_apart():
    wav = clicks(BEATS, 9.0)
    tracker = track(wav[: 4 * HOP])
    twin = copy.deepcopy(tracker)
    before = twin.features(72, 72, 90)
    tracker.hear(wav[4 * HOP :])
    assert np.array_equal(twin.features(72, 72, 90), before)
    twin.hear(wav[4 * HOP :])
    assert np.array_equal(twin.features(108, 108, 144), tracker.features(108, 108, 144))
    assert twin.nets[0] is tracker.nets[0]


def test_asking_changes_nothing():
    tracker = track(clicks(BEATS, 6.0))
    first = tracker.features(72, 72, 108)
    tracker.features(72, 90, 126)
    assert np.array_equal(first, tracker.features(72, 72, 108))


def test_silence_has_no_beat():
    assert not BeatTracker([Rise()]).features(0, 0, 18).any()
    assert not track(np.zeros(3 * RATE, np.float32)).features(36, 36, 54).any()


def test_confidence_falls_in_a_stop_and_returns():
    heard = clicks(BEATS, 8.0)
    silence = np.zeros(8 * RATE, np.float32)
    tracker = track(heard)
    playing = tracker.features(96, 96, 97)[5, 0]
    tracker.hear(silence)
    stopped = tracker.features(192, 192, 193)[5, 0]
    tracker.hear(heard)
    again = tracker.features(288, 288, 306)
    assert stopped < 0.8 * playing
    assert again[5, 0] > stopped
    known = grid_features(BEATS + 16.0, [], 288, 288, 306)
    assert np.abs(phase_error_s(again, known)).max() < EARLY_S + 0.03


def test_bars_stay_unknown_without_downbeats():
    assert not track(clicks(BEATS, 6.0)).features(72, 72, 90)[2:4].any()


def test_the_judge_has_other_ears():
    assert JUDGE_NETWORK not in TRACKER_NETWORKS
    assert {JUDGE_NETWORK, *TRACKER_NETWORKS} <= set(NETWORKS)


@pytest.mark.parametrize("block", [1, 7, 1_000])
def test_halver_in_blocks_is_the_whole(rng, block):
    wav = rng.standard_normal(40 * block + 200).astype(np.float32)
    whole, halver = Halver().push(wav), Halver()
    pieces = [halver.push(wav[at : at + block]) for at in range(0, len(wav), block)]
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)
    assert len(whole) == (len(wav) - 32) // 2 + 1


def test_halver_keeps_time_and_stops_what_would_fold():
    low, high = sine(1_000.0, 0.2), sine(15_000.0, 0.2)
    halved = Halver().push(low)
    np.testing.assert_allclose(halved[100:], low[::2][100 : len(halved)], atol=1e-3)
    assert np.abs(Halver().push(high)[100:]).max() < 1e-3


@pytest.mark.weights
def test_beatnet_follows_clicks():
    tracker = BeatTracker.load()
    tracker.hear(clicks(BEATS, 15.0))
    known = grid_features(BEATS, [], 180, 180, 198)
    assert np.abs(phase_error_s(tracker.features(180, 180, 198), known)).max() < 0.07
