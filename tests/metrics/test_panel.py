import logging
from pathlib import Path

import pytest

from accomptk.errors import MissingTool, RecipeError
from accomptk.metrics.judge import Panel
from accomptk.metrics.panel import RULERS, fad_inf_to, fad_to, find_panel, judge_line


def test_absent_weights_leave_judges_out_and_are_named(monkeypatch, caplog):
    def absent(*args):
        raise MissingTool("weights are absent; run accomptk weights fetch")

    monkeypatch.setattr("accomptk.metrics.embeddings.load_model", absent)
    monkeypatch.setattr("accomptk.metrics.beat.load_judge", absent)
    monkeypatch.setattr("accomptk.metrics.coherence.SHIPPED", Path("nowhere.safetensors"))
    with caplog.at_level(logging.WARNING, logger="accomptk"):
        panel = find_panel()

    assert panel == Panel()
    messages = [record.getMessage() for record in caplog.records]
    assert [message.split(":")[0] for message in messages] == [
        *("no FAD", "no beat F1", "no coherence")
    ]
    assert all("weights fetch" in message for message in messages[:2])
    assert "nowhere.safetensors" in messages[2]


def test_line_names_judges_and_reference():
    line = judge_line(Panel(embedding="ears", tracker="feet"), ["known", "", "known"])
    assert "ears" in line
    assert "feet on the stem alone against judged+known beats" in line


def test_fad_grows_with_the_shift_and_is_null_with_too_few_patches(rng):
    reference = [rng.standard_normal((30, 4)) for _ in range(3)]
    distance = fad_to(reference, seed=0)

    same, near, far = (distance([song + shift for song in reference]) for shift in (0, 1, 2))
    assert same.mean == pytest.approx(0.0, abs=1e-6)
    assert near.mean == pytest.approx(4.0, rel=1e-6)
    assert far.mean == pytest.approx(16.0, rel=1e-6)
    assert far.low <= far.mean <= far.high
    assert far.n == 90
    assert distance([reference[0][:3]]) is None


def test_fad_inf_has_no_interval_and_needs_twice_the_dimensions(rng):
    reference = [rng.standard_normal((30, 4)) for _ in range(3)]
    found = fad_inf_to(reference, seed=0)([song + 1 for song in reference])

    assert found.mean == pytest.approx(4.0, abs=0.3)
    assert (found.low, found.high, found.n) == (None, None, 90)
    assert fad_inf_to(reference, seed=0)([reference[0][:7]]) is None
    assert set(RULERS) == {"fad_stem", "fad_mix", "fad_inf"}


def test_a_named_judge_without_weights_is_refused(tmp_path):
    with pytest.raises(MissingTool, match="'vggish' needs") as caught:
        find_panel("vggish", tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(RecipeError, match="'ears': not known; there are musicnn-msd"):
        find_panel("ears")


def test_a_named_cocola_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(MissingTool, match="COCOLA checkpoint") as caught:
        find_panel(cocola=tmp_path / "none.ckpt")
    assert "\n" not in str(caught.value)
