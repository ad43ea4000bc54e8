import numpy as np
import pytest
import torch

from accomptk.checkpoint import save_checkpoint
from accomptk.errors import CheckpointError
from accomptk.metrics.coherence import VIEWS, OwnJudge, load_coherence, windows
from accomptk.metrics.similarity import Embedded, Similarity, Size
from accomptk.metrics.spectra import levels
from signals import RATE, clicks, sine

SIZE = Size(width=8, depth=1, embedding=4)
SECONDS = 11.0


class SameTime:
    """Takes each frame's views for their embedding: what sounds at one time goes together."""

    def __call__(self, heard):
        return Embedded(*(view - view.mean(dim=(1, 2), keepdim=True) for view in heard))

    def compare(self, contexts, stems):
        return Embedded(
            *(c.flatten(1) @ s.flatten(1).T for c, s in zip(contexts, stems, strict=True))
        )


JUDGE = OwnJudge("same time", SameTime())
TICKS = clicks(np.arange(0.1, SECONDS, 0.5), SECONDS)


def test_same_stem_is_most_similar():
    late = clicks(np.arange(0.35, SECONDS, 0.5), SECONDS)
    assert JUDGE(TICKS, TICKS, RATE)["percussive"] > 4 * JUDGE(late, TICKS, RATE)["percussive"]
    tone, other = sine(440.0, SECONDS), sine(466.0, SECONDS)
    assert JUDGE(tone, tone, RATE)["harmonic"] > 2 * JUDGE(other, tone, RATE)["harmonic"]


def test_both_is_the_sum_of_the_views():
    found = JUDGE(TICKS, sine(440.0, SECONDS), RATE)
    assert tuple(found) == VIEWS
    assert found["both"] == pytest.approx(found["harmonic"] + found["percussive"])


def test_windows_are_five_seconds_every_two_and_a_half():
    long, short = windows(levels(TICKS, RATE))
    assert len(long) == len(short) == 3  # from 0, 2.5 and 5 s
    assert len(windows(levels(TICKS[: 4 * RATE], RATE))[0]) == 0


def test_silent_windows_count_nothing():
    half = TICKS.copy()
    half[round(4.9 * RATE) :] = 0
    whole, cut = (JUDGE(wav, TICKS, RATE)["percussive"] for wav in (TICKS, half))
    assert 0 < cut < 0.7 * whole


def test_nothing_is_said_of_silence_and_of_less_than_a_window():
    silence = np.zeros_like(TICKS)
    assert JUDGE(silence, TICKS, RATE) is None
    assert JUDGE(TICKS, silence, RATE) is None
    assert JUDGE(TICKS[: 3 * RATE], TICKS[: 3 * RATE], RATE) is None
    assert JUDGE(TICKS[:0], TICKS[:0], RATE) is None


@pytest.mark.parametrize(
    ("stem", "message"),
    [
        (TICKS[:-1], "samples"),
        (TICKS[None], "mono"),
        (np.full_like(TICKS, np.nan), "no numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused(stem, message):
    with pytest.raises(ValueError, match=message):
        JUDGE(stem, TICKS, RATE)


def test_a_checkpoint_loads_as_it_was_saved(tmp_path):
    net = Similarity(SIZE)
    recipe = {"size": {"width": 8, "depth": 1, "embedding": 4}}
    save_checkpoint(tmp_path / "one.safetensors", net.state_dict(), kind="coherence", recipe=recipe)
    judge = load_coherence(tmp_path / "one.safetensors")

    assert judge.name.startswith("coherence ")
    assert judge(TICKS, TICKS, RATE) == OwnJudge("", net.eval())(TICKS, TICKS, RATE)


def test_no_checkpoint_is_one_line(tmp_path):
    with pytest.raises(CheckpointError, match="no such file") as caught:
        load_coherence(tmp_path / "none.safetensors")
    assert "\n" not in str(caught.value)


def test_embeddings_move_with_what_they_hear():
    net = Similarity(SIZE).eval()
    heard = [
        torch.rand(1, 30, features, generator=torch.Generator().manual_seed(0))
        for features in (288, 320)
    ]
    now, later = (net(Embedded(*(view.roll(k, dims=1) for view in heard))) for k in (0, 3))
    torch.testing.assert_close(now.harmonic[:, 5:20], later.harmonic[:, 8:23])
