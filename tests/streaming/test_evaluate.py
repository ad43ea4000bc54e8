from dataclasses import replace

import numpy as np
import pytest

from accomptk.errors import DatasetError
from accomptk.metrics.anchors import ANCHORS
from accomptk.metrics.cache import AnchorCache
from accomptk.metrics.table import METRICS, Row
from accomptk.streaming.beat_sources import GivenBeats, NoBeats
from accomptk.streaming.evaluate import (
    STREAM_BATCH,
    Entry,
    EvalRecipe,
    Evaluator,
    beats_source,
    make_beats,
    through,
)
from accomptk.streaming.judging import JudgePool
from accomptk.streaming.parts import find_parts
from accomptk.streaming.scoreboard import score
from accomptk.window import Window
from fake_judges import PANEL, mean_distance_to
from tiny_codecs import Echo, Passthrough

RECIPE = EvalRecipe(
    data="band",
    split="test",
    songs=0,
    models=("echo",),
    instruments=("drums", "bass"),
    lookahead=(0, 2),
    gap=(),
    hop=18,
    steps=0,
    beats="auto",
    prompts=False,
    seed=0,
)
NO_TRACKER = replace(PANEL, track_beats=None, tracker="none")


class NoisyCodec(Passthrough):
    """Adds a little noise on the way back, as a real codec would."""

    def decode_next(self, latents, state):
        wav = super().decode_next(latents, state)
        noise = np.random.default_rng(0).standard_normal(wav.shape).astype(np.float32)
        return wav + 1e-3 * wav.new_tensor(noise)


def run(stems, folder, parts, recipe=RECIPE, entries=None, **options):
    codec = NoisyCodec()
    pool, _ = find_parts(stems.songs, recipe.instruments)
    if entries is None:
        entries = [Entry(Echo(), window) for window in recipe.windows(Echo.frames)]
    with JudgePool(NO_TRACKER, workers=1) as judges:
        evaluator = Evaluator(stems, codec, judges, recipe, AnchorCache(folder), pool)
        result = evaluator.run(entries, parts, **options)
    return result, score(result, parts, codec, mean_distance_to, recipe, Row(model=""))


@pytest.fixture(scope="module", autouse=True)
def _short_streams():
    """Streams of 12 s, so that the tests are quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accomptk.streaming.parts.STREAM_S", 12.0)
        yield


@pytest.fixture(scope="module")
def parts(band_set):
    return find_parts(band_set.songs, RECIPE.instruments)[0]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("anchors")


@pytest.fixture(scope="module")
def finished(band_set, parts, cache):
    """An evaluation of an echo of the context on all songs."""
    calls, heard = [], []
    result, board = run(
        band_set,
        cache,
        parts,
        progress=lambda *call: calls.append(call),
        heard=lambda entry, part, wav: heard.append((entry.label, part.name, wav.size)),
    )
    return result, board, calls, heard


def cells(board):
    return {row.model: row.cells for row in board.anchors}


def test_there_is_a_row_a_window_and_an_anchor_each(finished):
    _, board, _, _ = finished
    assert [(row.model, row.lookahead, row.gap_s) for row in board.rows] == [
        ("echo", 0.0, -1.5),
        ("echo", 2.0, 1.5),
    ]
    assert [row.model for row in board.anchors] == list(ANCHORS)


def test_json_has_the_promised_shape(finished):
    value = finished[1].to_json()
    keys = {metric.key for metric in METRICS}

    assert all(set(row["metrics"]) == keys for row in value["rows"])
    assert set(value["anchors"]) == set(ANCHORS)
    assert all(set(metrics) == keys for metrics in value["anchors"].values())
    assert value["anchors"]["codec"]["rtf"] is None
    assert value["rows"][0]["metrics"]["onset_f1"]["n"] == 3
    assert set(value["by_instrument"]["echo K=2"]) == {"drums", "bass"}


def test_provenance_is_in_every_row(finished):
    row = finished[1].rows[0]
    assert (row.songs, row.seconds, row.beats) == (3, 6 * 6.0, "given")
    assert (row.checkpoint, row.codec) == (Echo.sha8, Passthrough.sha8)
    assert (row.hop_s, row.nfe) == (1.5, 1)


def test_ground_truth_beats_random_pairing_silence_and_click(finished):
    found = cells(finished[1])
    truth = {key: cell.mean for key, cell in found["ground_truth"].items() if cell}
    for name in ("random_pairing", "tempo_matched", "click", "silence"):
        other = found[name]
        assert truth["onset_f1"] > other["onset_f1"].mean + 0.2, name
        assert truth["bar_distance"] < other["bar_distance"].mean - 0.2, name
        assert truth["pitch_distance"] < other["pitch_distance"].mean - 0.2, name
        assert truth["fad_mix"] < other["fad_mix"].mean, name
    assert truth["harmony"] > found["random_pairing"]["harmony"].mean + 0.2
    assert truth["onset_density"] == pytest.approx(1.0)


def test_a_metronome_wins_nothing_but_its_own_beat(finished):
    """The click has the best mean rank on no metric that a stem must pass."""
    found = cells(finished[1])
    for metric in METRICS:
        ranked = {name: row.get(metric.key) for name, row in found.items()}
        values = {name: cell.mean for name, cell in ranked.items() if cell}
        if metric.best == "one":
            values = {name: -abs(np.log(max(value, 1e-3))) for name, value in values.items()}
        elif metric.best == "low":
            values = {name: -value for name, value in values.items()}
        if "click" in values:
            assert max(values, key=values.get) != "click", metric.key


def test_codec_is_the_reference_and_closeness_runs_between_the_anchors(finished):
    found = cells(finished[1])
    assert found["codec"]["fad_stem"].mean == 0.0
    assert found["codec"]["onset_f1"].closeness == pytest.approx(1.0)
    assert found["random_pairing"]["onset_f1"].closeness == pytest.approx(0.0)
    assert found["codec"]["fad_stem"].closeness is None


def test_offline_bound_has_no_deadline(finished):
    offline, ahead = finished[1].rows
    assert offline.cells["misses"] is None
    assert 0 <= ahead.cells["misses"].mean <= 1
    assert offline.cells["rtf"].mean > 0
    assert offline.cells["step_ms"].n == 2 * 8  # two batches of 12 s in hops of 1.5 s


def test_progress_counts_batches_and_every_stream_is_heard_whole(finished, parts):
    _, _, calls, heard = finished
    assert calls[-1][:2] == (6, 6)
    assert [done for done, _, _ in calls] == list(range(1, 7))
    assert len(heard) == 2 * len(parts)
    assert {size for _, _, size in heard} == {12 * 44_100}


def test_streams_do_not_depend_on_how_many_there_are(band_set, parts, cache, finished):
    one, _ = run(band_set, cache, parts[STREAM_BATCH : STREAM_BATCH + 1])
    name = parts[STREAM_BATCH].name
    for (_, alone), (_, together) in zip(one.entries, finished[0].entries, strict=True):
        assert alone.judged[name].scores == together.judged[name].scores
        np.testing.assert_array_equal(alone.judged[name].mix, together.judged[name].mix)


def test_anchors_come_from_the_cache(band_set, parts, cache, finished, monkeypatch):
    monkeypatch.setattr("accomptk.streaming.evaluate.make_anchors", None)
    _, board = run(band_set, cache, parts, entries=[])
    assert cells(board) == cells(finished[1])
    assert board.rows == ()


def test_another_seed_or_codec_has_another_key(band_set, parts, cache):
    def keys(recipe, codec):
        with JudgePool(NO_TRACKER, workers=1) as judges:
            evaluator = Evaluator(band_set, codec, judges, recipe, AnchorCache(cache), parts)
            take = evaluator.load(parts[0])
            return {evaluator.key(take, evaluator.pairing(take))}

    other = Passthrough()
    other.sha8 = "ffffffff"
    first = keys(RECIPE, Passthrough())
    assert first == keys(RECIPE, Passthrough())
    assert first.isdisjoint(keys(RECIPE, other))
    assert first.isdisjoint(keys(replace(RECIPE, seed=1), Passthrough()))


def test_windows_of_a_recipe():
    assert [w.gap for w in RECIPE.windows(72)] == [-18, 18]
    assert RECIPE.windows(48)[0] == Window(frames=48, hop=18, gap=-18)
    gaps = replace(RECIPE, lookahead=(), gap=(3, 0), hop=6)
    assert [(w.hop, w.gap) for w in gaps.windows(72)] == [(6, 3), (6, 0)]


def test_beats_of_a_part(parts):
    known = parts[0]
    assert isinstance(make_beats(known, "auto"), GivenBeats)
    assert isinstance(make_beats(known, "given"), GivenBeats)
    assert isinstance(make_beats(known, "none"), NoBeats)
    assert beats_source(known, "auto") == "given"


def test_unknown_beats_cannot_be_given(parts):
    song = replace(parts[0].song, beats=np.zeros(0), downbeats=np.zeros(0), beats_source="")
    blind = replace(parts[0], song=song)
    assert beats_source(blind, "auto") == "tracker"
    with pytest.raises(DatasetError, match="--beats tracker"):
        make_beats(blind, "given")


def test_roundtrip_is_aligned():
    wav = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    np.testing.assert_array_equal(through(Passthrough(decode_delay=1575), wav), wav)
