import pytest

from accomptk.metrics.anchors import ANCHORS
from accomptk.metrics.cache import AnchorCache
from accomptk.metrics.foils import FOILS
from accomptk.metrics.ranking import beaten_on, mean_ranks
from accomptk.metrics.table import Row
from accomptk.streaming.outcomes import OutcomeStore
from accomptk.streaming.parts import find_parts
from accomptk.streaming.ruler import NOTHING_PLAYED, FoilStage, coherence_shares, measure_foils
from accomptk.streaming.scoreboard import score
from accomptk.streaming.stage import Stage
from fake_judges import PANEL, RULERS
from tiny_codecs import Passthrough


@pytest.fixture(scope="module")
def stage(band_set, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ruler")
    return Stage(
        stems=band_set,
        codec=Passthrough(),
        panel=PANEL,
        recipe=NOTHING_PLAYED,
        pool=find_parts(band_set.songs, ("drums", "bass"))[0],
        anchors=AnchorCache(folder / "anchors"),
        outcomes=OutcomeStore(folder),
    )


@pytest.fixture(scope="module")
def board(stage):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accomptk.streaming.parts.STREAM_S", 12.0)
        result = measure_foils(stage, stage.pool)
        return score(result, stage.pool, stage.codec, RULERS, stage.recipe, Row(model=""))


def test_rows_are_all_anchors_and_foils(board):
    assert [row.model for row in board.anchors] == [*ANCHORS, *FOILS]


def test_nothing_beats_the_truth_and_it_ranks_first(board):
    rows = {row.model: row for row in board.anchors}
    ranks = mean_ranks([row for row in board.anchors if row.model != "codec"])

    assert min(ranks, key=ranks.__getitem__) == "ground_truth"
    for name in ("silence", "random_pairing", "held_tonic", "half_beat_late"):
        assert beaten_on(rows["ground_truth"], rows[name]), name


def test_what_was_judged_is_kept(stage, board, monkeypatch):
    monkeypatch.setattr("accomptk.streaming.ruler.make_foils", None)
    monkeypatch.setattr("accomptk.streaming.parts.STREAM_S", 12.0)
    assert set(FoilStage(stage).judge(stage.pool[0])) >= set(FOILS)


def test_shares_compare_like_with_like(stage):
    from accomptk.metrics.judge import Judged
    from accomptk.streaming.evaluate import Evaluation
    from accomptk.streaming.tally import Tally

    part = stage.pool[0]
    values = {"ground_truth": 3.0, "codec": 2.0, "random_pairing": 2.5, "noisy": 2.5}
    result = Evaluation([])
    result.anchors = {
        name: Tally({part.name: Judged(scores={"coherence": v}, stem=None, mix=None)})
        for name, v in values.items()
    } | {name: Tally() for name in (*FOILS, "tempo_matched") if name not in values}
    shares = coherence_shares(result, [part])

    assert shares["random_pairing"] == {part.stem.instrument: (0.0, 1)}
    assert shares["noisy"] == {part.stem.instrument: (1.0, 1)}
    assert shares["held_tonic"] == {}
