"""The length of a bar is read off the beat rows, and what lay a bar before is found again."""

import numpy as np
import pytest
import torch

from accomptk.conditions.bars import (
    LAGS_BARS,
    OVERTONE_FEATURES,
    REACH_FRAMES,
    bar_frames,
    earlier,
    look_up,
    overtones,
)
from accomptk.conditions.grid import BEAT_FEATURES, grid_features


def beats_of(start, end, meter=4, beat_s=0.5):
    beats = np.arange(0.0, 60.0, beat_s)
    rows = grid_features(beats, beats[::meter], start, start, end)
    return torch.from_numpy(rows.astype(np.float32))


def test_overtones_turn_whole_times_as_fast():
    rows = beats_of(120, 132)
    angles = torch.atan2(rows[[0, 2]], rows[[1, 3]])  # of beat and bar
    turns = torch.cat([times * angles for times in (2, 3, 4)])
    wanted = torch.cat([turns.cos(), turns.sin()])
    assert wanted.shape == (OVERTONE_FEATURES, 12)
    assert torch.allclose(overtones(rows[None])[0], wanted, atol=1e-5)
    assert not overtones(torch.zeros(1, BEAT_FEATURES, 3)).any()


@pytest.mark.parametrize("meter", [3, 4])
@pytest.mark.parametrize("beat_s", [0.4, 0.5, 0.75])
def test_length_of_a_bar(meter, beat_s):
    one_chunk = torch.zeros(1, 12, dtype=torch.long)
    found = bar_frames(beats_of(120, 132, meter, beat_s)[None], one_chunk)
    assert found[0].tolist() == pytest.approx([12 * beat_s * meter] * 12, rel=0.02)


def test_each_chunk_has_a_bar_of_its_own():
    rows = torch.cat([beats_of(120, 130, 3), torch.zeros(BEAT_FEATURES, 4), beats_of(134, 144)], 1)
    start = torch.tensor([[0] * 10 + [10] * 4 + [14] * 10])
    found = bar_frames(rows[None], start)[0]
    assert found[:10].tolist() == pytest.approx([18] * 10, rel=0.02)
    assert found[10:14].tolist() == [0] * 4
    assert found[14:].tolist() == pytest.approx([24] * 10, rel=0.02)


def test_a_beat_without_a_bar_counts_four():
    rows = beats_of(120, 130, 3)
    rows[2:4] = 0
    assert bar_frames(rows[None], torch.zeros(1, 10, dtype=torch.long))[0, 0] == pytest.approx(24)


def test_frames_before_are_whole_bars_back_and_within_reach():
    bar = torch.tensor([[24.0, 24.0, 0.0, 70.0]])
    found = earlier(bar, 300, torch.full((1, 4), 304))
    assert found[0, :, 0].tolist() == [300 - lag * 24 for lag in LAGS_BARS]
    assert found[0, :, 2].tolist() == [-1] * len(LAGS_BARS)
    reached = [304 - (303 - lag * 70) <= REACH_FRAMES for lag in LAGS_BARS]
    assert (found[0, :, 3] >= 0).tolist() == reached
    assert True in reached
    assert False in reached


def test_what_is_looked_up_is_what_was_there():
    latents = torch.arange(20.0).view(1, 2, 10)  # frames 5 to 14
    source = torch.tensor([[[4, 5, 14, 15], [7, 8, 9, 10]]])
    allowed = torch.tensor([[[True] * 4, [True, True, False, True]]])
    first, second = look_up(latents, 5, source, allowed)[0].split(3)
    assert first.tolist() == [[0, 0, 9, 0], [0, 10, 19, 0], [0, 1, 1, 0]]
    assert second.tolist() == [[2, 3, 0, 5], [12, 13, 0, 15], [1, 1, 0, 1]]
    assert not look_up(latents[:, :, :0], 5, source, allowed).any()
