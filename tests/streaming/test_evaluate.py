from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from accomptk.errors import DatasetError, RecipeError
from accomptk.metrics.anchors import ANCHORS
from accomptk.metrics.cache import AnchorCache
from accomptk.metrics.layout import tables
from accomptk.metrics.table import METRICS, Row
from accomptk.processes import Team
from accomptk.streaming.beat_sources import TRACKER_EARS, GivenBeats, NoBeats
from accomptk.streaming.entries import NOTHING_PLAYED
from accomptk.streaming.evaluate import evaluate
from accomptk.streaming.outcomes import OutcomeStore
from accomptk.streaming.pairing import pair
from accomptk.streaming.parts import find_parts
from accomptk.streaming.recordings import Keep
from accomptk.streaming.scoreboard import score
from accomptk.streaming.session import check_ears
from accomptk.streaming.stage import PlayJob, Stage, beats_source, make_beats, through
from accomptk.window import Window
from fake_judges import PANEL, RULERS
from tiny_codecs import Echo, Passthrough
from tiny_models import tiny_teacher

RECIPE = replace(
    NOTHING_PLAYED,
    data="band",
    split="test",
    models=("echo",),
    instruments=("drums", "bass"),
    lookahead=(0, 2),
    hop=(18,),
    batch=4,
)
NO_TRACKER = replace(PANEL, track_beats=None, tracker="none")


class NoisyCodec(Passthrough):
    """Adds a little noise on the way back, as a real codec would."""

    def decode_next(self, latents, state):
        wav = super().decode_next(latents, state)
        noise = np.random.default_rng(0).standard_normal(wav.shape).astype(np.float32)
        return wav + 1e-3 * wav.new_tensor(noise)


def set_up(stems, folder, recipe=RECIPE, codec=None, outcomes=None, **options):
    return Stage(
        stems=stems,
        codec=codec or NoisyCodec(),
        panel=NO_TRACKER,
        recipe=recipe,
        pool=find_parts(stems.songs, recipe.instruments)[0],
        anchors=AnchorCache(folder / "anchors"),
        outcomes=OutcomeStore((outcomes or folder) / "outcomes"),
        **options,
    )


def entries_of(recipe=RECIPE, model=None):
    return list(recipe.entries([("echo", model or Echo(), "none 0")]))


def run(stage, parts, entries=None, **options):
    entries = entries_of(stage.recipe) if entries is None else entries
    result = evaluate(stage, entries, parts, **options)
    board = score(result, parts, stage.codec, RULERS, stage.recipe, Row(model=""))
    return result, board


class Listener(Keep):
    """Remembers what it should have kept."""

    heard: ClassVar[list] = []

    def made(self, entry, part, audio, wav):
        self.heard.append((entry.label, part.name, wav))


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
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def finished(band_set, parts, folder):
    """An evaluation of an echo of the context on all songs."""
    calls = []
    Listener.heard.clear()
    stage = set_up(band_set, folder, keep=Listener())
    result, board = run(stage, parts, progress=lambda *call: calls.append(call))
    return result, board, calls, list(Listener.heard)


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
    assert (row.songs, row.seconds, row.beats) == (3, 6 * 6.0, "none")
    assert (row.reference, row.trimmed) == ("known", "first 6 s")
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
        elif metric.best == "zero":
            values = {name: -abs(value) for name, value in values.items()}
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


def test_other_songs_are_an_anchor_of_the_distances_alone(band_set, parts, folder, finished):
    """Were the songs of the reference among them, as here, their distance would be 0."""
    stage = set_up(band_set, folder, others=parts)
    result = evaluate(stage, [], parts)

    def board_of(others):
        return score(result, parts, stage.codec, RULERS, RECIPE, Row(model=""), others)

    same = cells(board_of(parts))
    assert list(same) == [*ANCHORS, "other_songs"]
    assert same["other_songs"]["fad_stem"].mean == pytest.approx(0.0, abs=1e-6)
    some = board_of(parts[:2])
    assert set(cells(some)["other_songs"]) == {"fad_stem", "fad_mix"}
    assert cells(some)["other_songs"]["fad_stem"].mean > 0.1
    assert some.by_instrument["other_songs"] == {}
    lines = [line for _, lines in tables(some.anchors) for line in lines]
    assert [line[0] for line in lines].count("other_songs") == 1  # one table has its distances
    assert [row.model for row in finished[1].anchors] == list(ANCHORS)  # without any


def test_offline_bound_has_no_deadline(finished):
    offline, ahead = finished[1].rows
    assert offline.cells["misses"] is None
    assert 0 <= ahead.cells["misses"].mean <= 1
    assert offline.cells["rtf"].mean > 0
    assert offline.cells["step_ms"].n == 2 * 8  # two batches of 12 s in hops of 1.5 s


def test_progress_counts_jobs_and_every_stream_is_heard_whole(finished, parts):
    _, _, calls, heard = finished
    jobs = 2 * 2 + len(parts)  # two rows of two batches, and the anchors of each part
    assert [done for done, _, _ in calls] == list(range(1, jobs + 1))
    assert {total for _, total, _ in calls} == {jobs}
    assert len(heard) == 2 * len(parts)
    assert {wav.size for _, _, wav in heard} == {12 * 44_100}


def test_streams_do_not_depend_on_how_many_there_are(band_set, parts, folder, tmp_path, finished):
    alone, _ = run(set_up(band_set, folder, outcomes=tmp_path), parts[4:5])
    name = parts[4].name
    for (_, one), (_, together) in zip(alone.entries, finished[0].entries, strict=True):
        assert one.judged[name].scores == together.judged[name].scores
        np.testing.assert_array_equal(one.judged[name].mix, together.judged[name].mix)


def test_what_was_done_is_not_done_again(band_set, parts, folder, finished, monkeypatch):
    monkeypatch.setattr("accomptk.streaming.stage.make_anchors", None)
    monkeypatch.setattr("accomptk.streaming.stage.simulate", None)
    _, board = run(set_up(band_set, folder), parts)
    assert board == finished[1]


def test_a_damaged_outcome_is_made_again(band_set, parts, tmp_path):
    stage = set_up(band_set, tmp_path, replace(RECIPE, batch=1))
    job = PlayJob(entries_of()[0], (parts[0],))
    first = stage.outcome(job).judged[parts[0].name]
    [path] = stage.outcomes.folder.glob("*.npz")
    path.write_bytes(path.read_bytes()[:100])
    assert stage.outcome(job).judged[parts[0].name].scores == first.scores
    [path] = stage.outcomes.folder.glob("*.json")
    path.write_text("")
    assert stage.outcome(job).judged[parts[0].name].scores == first.scores
    stage.outcomes.clear()
    assert not list(stage.outcomes.folder.iterdir())


def test_a_team_shares_the_jobs(band_set, parts, folder, finished, monkeypatch):
    """Each does its share, and the first finds what the others did."""

    def jobs_of(team):
        done = []
        stage = set_up(band_set, folder)
        evaluate(stage, entries_of(), parts, team=team, progress=lambda *call: done.append(call))
        return len(done)

    assert [jobs_of(Team(rank, 3)) for rank in range(3)] == [4, 3, 3]
    with_me = [Team(rank, 2).share(range(7)) for rank in range(2)]
    assert sorted([*with_me[0], *with_me[1]]) == list(range(7))


def test_batches_of_one_and_eight_play_the_same(band_set, parts, tmp_path):
    """Within 1e-5 of the loudest sample: other shapes of a batch round differently."""
    model = tiny_teacher(tmp_path / "t.safetensors", channels=441)
    codec = Passthrough(frame_samples=441)
    recipe = replace(RECIPE, lookahead=(2,), hop=(6,))
    [window] = recipe.windows(model.frames)
    made = []
    for batch in (1, 8):
        stage = set_up(band_set, tmp_path, replace(recipe, batch=batch), codec)
        takes = [stage.load(short(part)) for part in parts[:2]]
        groups = [takes] if batch == 8 else [[take] for take in takes]
        played = [stage.simulate(model, window, group).audio[: len(group)] for group in groups]
        made.append(np.concatenate(played))
    assert np.abs(made[0]).max() > 0.1
    np.testing.assert_allclose(made[0], made[1], rtol=0, atol=1e-5 * np.abs(made[0]).max())


def short(part):
    """A part of a song that ends after a second."""
    return replace(part, song=replace(part.song, seconds=1.0))


def test_late_chunks_are_counted_and_said(band_set, parts, folder, finished):
    recipe = replace(RECIPE, lookahead=(2,), latency="2000ms", loss=0.5)
    _, board = run(set_up(band_set, folder, recipe), parts[:2])
    assert board.rows[0].cells["misses"].mean == 1.0
    assert board.rows[0].latency == "2000ms"
    assert finished[1].rows[1].latency == ""


def test_another_seed_judge_or_codec_has_another_key(band_set, parts, folder):
    def keys(recipe=RECIPE, codec=None, panel=NO_TRACKER, model=None):
        stage = replace(set_up(band_set, folder, recipe, codec), panel=panel)
        job = PlayJob(entries_of(recipe, model)[0], tuple(parts[:4]))
        pairing = pair(parts[0], stage.pool, recipe.seed)
        return {stage.outcome_key(job), stage.anchor_key(parts[0], pairing)}

    other, model = Passthrough(), Echo()
    other.sha8 = model.sha8 = "ffffffff"
    first = keys()
    assert first == keys()
    assert first.isdisjoint(keys(codec=other))
    assert first.isdisjoint(keys(replace(RECIPE, seed=1)))
    assert first.isdisjoint(keys(panel=replace(NO_TRACKER, tracker="another")))
    assert len(first & keys(model=model)) == 1
    assert len(first & keys(replace(RECIPE, loss=0.1))) == 1


def test_a_judge_never_told_the_models_the_beat(parts):
    entries = entries_of(model=Listening())
    shared = replace(PANEL, ears=TRACKER_EARS[:1])
    check_ears(PANEL, entries, parts, "tracker")
    check_ears(shared, entries, parts, "given")
    check_ears(shared, entries_of(), parts, "tracker")
    with pytest.raises(RecipeError, match=rf"{TRACKER_EARS[0]}, which is also the judge"):
        check_ears(shared, entries, parts, "tracker")


def test_the_judge_that_is_shipped_has_ears_of_its_own():
    from accomptk.metrics import beat

    assert beat.EARS
    assert set(beat.EARS).isdisjoint(TRACKER_EARS)


class Listening(Echo):
    hears_beats = True


def test_windows_of_a_recipe():
    assert [w.gap for w in RECIPE.windows(72)] == [-18, 18]
    assert RECIPE.windows(48)[0] == Window(frames=48, hop=18, gap=-18)
    gaps = replace(RECIPE, lookahead=(), gap=(3, 0), hop=(6,))
    assert [(w.hop, w.gap) for w in gaps.windows(72)] == [(6, 3), (6, 0)]


def test_rows_of_several_hops_are_told_apart():
    recipe = replace(RECIPE, hop=(9, 18), lookahead=(1,))
    assert [e.label for e in entries_of(recipe)] == ["echo K=1 hop=9", "echo K=1 hop=18"]
    assert entries_of()[0].folder == "echo-K0"


def test_beats_of_a_part(parts):
    known, model = parts[0], Listening()
    assert isinstance(make_beats(known, "auto", model), GivenBeats)
    assert isinstance(make_beats(known, "given", model), GivenBeats)
    assert isinstance(make_beats(known, "none", model), NoBeats)
    assert beats_source(known, "auto", model) == "given"


def test_a_model_that_hears_no_beats_is_given_none(parts):
    assert beats_source(parts[0], "auto", Echo()) == "none"
    assert isinstance(make_beats(parts[0], "tracker", Echo()), NoBeats)


def test_unknown_beats_cannot_be_given(parts):
    song = replace(parts[0].song, beats=np.zeros(0), downbeats=np.zeros(0), beats_source="")
    blind = replace(parts[0], song=song)
    assert beats_source(blind, "auto", Listening()) == "tracker"
    with pytest.raises(DatasetError, match="--beats tracker"):
        make_beats(blind, "given", Listening())


def test_roundtrip_is_aligned():
    wav = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    np.testing.assert_array_equal(through(Passthrough(decode_delay=1575), wav), wav)
