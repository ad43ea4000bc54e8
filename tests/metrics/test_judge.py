from dataclasses import replace

import numpy as np
import pytest

from accomptk.metrics.judge import Judged, Panel, Scene, judge_stem, score_notes
from fake_judges import PANEL
from signals import clicks, sine

RATE = 44_100
BEATS = np.arange(0.25, 5.9, 0.5)
SCENE = Scene(
    instrument="guitar",
    sample_rate=RATE,
    truth=clicks(BEATS, 6.0) + sine(261.63, 6.0),
    context=sine(130.81, 6.0),
    beats=BEATS,
    downbeats=BEATS[::4],
    chords=((0.0, 6.0, "C:maj"),),
)
NO_BEAT_WEIGHTS = replace(PANEL, track_beats=None)


def test_truth_is_perfect():
    scores = score_notes(SCENE.truth, SCENE)
    assert scores["onset_f1"] == 1.0
    assert scores["onset_density"] == 1.0
    assert scores["bar_distance"] == 0.0
    assert scores["pitch_distance"] == 0.0
    assert scores["harmony"] > 0.9


def test_silence_has_no_harmony_and_scores_nothing_else():
    scores = score_notes(np.zeros_like(SCENE.truth), SCENE)
    assert "harmony" not in scores
    assert (scores["onset_f1"], scores["onset_density"]) == (0.0, 0.0)
    assert (scores["bar_distance"], scores["pitch_distance"]) == (1.0, 1.0)


def test_drums_have_no_harmony():
    scores = score_notes(SCENE.truth, replace(SCENE, instrument="drums"))
    assert not {"harmony", "pitch_distance"} & set(scores)


def test_unknown_chords_and_bars_leave_their_metrics_out():
    scores = score_notes(SCENE.truth, replace(SCENE, chords=(), downbeats=np.zeros(0)))
    assert not {"harmony", "bar_distance"} & set(scores)
    assert scores["pitch_distance"] == 0.0


def test_silent_truth_leaves_nothing_to_compare_with():
    scores = score_notes(SCENE.truth, replace(SCENE, truth=np.zeros_like(SCENE.truth)))
    assert set(scores) == {"harmony"}


def test_density_needs_a_few_onsets_of_the_truth():
    sparse = replace(SCENE, truth=clicks(np.array([1.0, 3.0]), 6.0))
    scores = score_notes(SCENE.truth, sparse)
    assert "onset_density" not in scores
    assert scores["onset_f1"] >= 0.0


def test_absent_judges_leave_their_metrics_out():
    judged = judge_stem(SCENE.truth, SCENE, Panel())
    assert "beat_f1" not in judged.scores
    assert judged.stem.shape[0] == judged.mix.shape[0] == 0


def test_embeddings_are_of_the_stem_and_of_the_mix():
    judged = judge_stem(SCENE.truth, SCENE, NO_BEAT_WEIGHTS)
    (alone,) = PANEL.embed([SCENE.truth], RATE)
    (mixed,) = PANEL.embed([SCENE.truth + SCENE.context], RATE)
    np.testing.assert_array_equal(judged.stem, alone)
    np.testing.assert_array_equal(judged.mix, mixed)
    assert not np.allclose(alone, mixed)


def test_beats_are_judged_where_they_are_known():
    drums = replace(SCENE, truth=clicks(BEATS, 6.0))
    assert judge_stem(drums.truth, drums, PANEL).scores["beat_f1"] == pytest.approx(1.0)
    blind = replace(drums, beats=np.zeros(0))
    assert "beat_f1" not in judge_stem(drums.truth, blind, PANEL).scores


def test_beats_are_also_judged_for_continuity_and_for_the_tempo_asked():
    drums = replace(SCENE, truth=clicks(BEATS, 6.0), prompt="steady rock, 120 bpm")
    scores = judge_stem(drums.truth, drums, PANEL).scores
    assert (scores["amlt"], scores["adherence_tempo"]) == (1.0, 1.0)
    slow = replace(drums, prompt="slow rock")
    assert judge_stem(drums.truth, slow, PANEL).scores["adherence_tempo"] == 0.0
    assert "adherence_tempo" not in judge_stem(drums.truth, replace(drums, prompt=""), PANEL).scores


def test_coherence_is_asked_of_stem_and_context():
    def compare(stem, context, sample_rate):
        assert context is SCENE.context
        return {"both": 2.0, "harmonic": 1.5, "percussive": 0.5} if stem.any() else None

    panel = Panel(compare=compare, comparer="a friend")
    scores = judge_stem(SCENE.truth, SCENE, panel).scores
    names = ("coherence", "coherence_harmonic", "coherence_percussive")
    assert [scores[name] for name in names] == [2.0, 1.5, 0.5]
    assert not set(names) & set(judge_stem(0 * SCENE.truth, SCENE, panel).scores)


def test_another_length_is_refused():
    with pytest.raises(ValueError, match="samples"):
        judge_stem(SCENE.truth[:-1], SCENE, Panel())


def test_scores_are_plain_numbers():
    judged = judge_stem(SCENE.truth, SCENE, NO_BEAT_WEIGHTS)
    assert isinstance(judged, Judged)
    assert all(isinstance(value, float) for value in judged.scores.values())
