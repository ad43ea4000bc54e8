"""Processes give what one process gives, bit for bit, and end with it."""

from dataclasses import replace

import numpy as np
import pytest

from accomptk.errors import DatasetError
from accomptk.metrics.cache import AnchorCache
from accomptk.streaming.entries import NOTHING_PLAYED
from accomptk.streaming.evaluate import evaluate
from accomptk.streaming.outcomes import OutcomeStore
from accomptk.streaming.parts import find_parts
from accomptk.streaming.recordings import Keep
from accomptk.streaming.stage import Stage
from accomptk.streaming.workers import perform_all
from fake_judges import PANEL
from fake_workers import Failing
from tiny_codecs import tiny_spectral
from tiny_models import tiny_teacher

RECIPE = replace(
    NOTHING_PLAYED,
    data="band",
    split="test",
    models=("teacher",),
    instruments=("drums", "bass"),
    lookahead=(2,),
    hop=(6,),
    steps=1,
    beats="given",
    batch=1,
)


def test_two_processes_play_the_same_bytes_as_one(band_set, tmp_path):
    codec, model = tiny_spectral(), tiny_teacher(tmp_path / "t.safetensors")
    parts = [short(part) for part in find_parts(band_set.songs, RECIPE.instruments)[0][1:4:2]]
    entries = list(RECIPE.entries([("teacher", model, "")]))
    found = {}
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        stage = Stage(
            stems=band_set,
            codec=codec,
            panel=PANEL,
            recipe=RECIPE,
            pool=parts,
            anchors=AnchorCache(folder / "anchors"),
            outcomes=OutcomeStore(folder / "outcomes"),
            keep=Keep(predictions=folder, parts=tuple(part.name for part in parts)),
        )
        [(_, tally)] = evaluate(stage, entries, parts, workers=workers).entries
        made = [path.read_bytes()[100:] for path in sorted(folder.rglob("pred/pred.wav"))]
        found[workers] = (tally.judged, made)
    assert found[1][1] == found[2][1]
    assert len(found[1][1]) == 2
    for name, judged in found[1][0].items():
        assert judged.scores == found[2][0][name].scores
        np.testing.assert_array_equal(judged.mix, found[2][0][name].mix)


def short(part):
    """A part of a song that ends after four seconds."""
    return replace(part, song=replace(part.song, seconds=4.0))


@pytest.mark.parametrize("processes", [1, 2])
def test_what_a_job_raises_is_raised_here(processes):
    with pytest.raises(DatasetError, match="job 2"):
        list(perform_all(Failing(), [1, 2, 3], processes))


def test_nothing_to_do():
    assert list(perform_all(Failing(), [], 2)) == []
