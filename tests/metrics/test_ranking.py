import pytest

from accomptk.metrics.ranking import beaten_on, mean_ranks, shares_above
from accomptk.metrics.table import Cell, Metric, Row

METRICS = (
    Metric("good", "good", "high", "songs"),
    Metric("bad", "bad", "low", "songs"),
    Metric("ratio", "ratio", "one", "songs"),
)


def row(name, good=None, bad=None, ratio=None):
    """A row with intervals of 0.1 to either side."""
    values = {"good": good, "bad": bad, "ratio": ratio}
    return Row(
        model=name,
        cells={k: Cell(v, v - 0.1, v + 0.1, 5) for k, v in values.items() if v is not None},
    )


TRUTH = row("truth", 0.9, 0.1, 1.0)


def test_best_on_all_is_first():
    ranks = mean_ranks([TRUTH, row("half", 0.5, 0.5, 2.0), row("none", 0.0, 1.0, 4.0)], METRICS)
    assert ranks == {"truth": 1.0, "half": 2.0, "none": 3.0}


def test_ratio_is_judged_on_both_sides():
    ranks = mean_ranks([row("double", ratio=2.0), row("third", ratio=0.3)], METRICS[2:])
    assert ranks == {"double": 1.0, "third": 2.0}


def test_ties_share_and_undefined_comes_last():
    ranks = mean_ranks([row("a", 0.5), row("b", 0.5), row("c")], METRICS)
    assert ranks == {"a": 1.5, "b": 1.5, "c": 3.0}


def test_metrics_that_nobody_has_do_not_count():
    assert mean_ranks([row("a", 0.5), row("b", 0.4)], METRICS) == {"a": 1.0, "b": 2.0}
    assert mean_ranks([row("a")], METRICS) == {"a": 0.0}


def test_beaten_only_by_more_than_the_interval():
    assert beaten_on(TRUTH, row("foil", 0.5, 0.5, 2.0), METRICS) == ["good", "bad", "ratio"]
    assert beaten_on(TRUTH, row("foil", 0.75, 0.25, 1.1), METRICS) == []
    assert beaten_on(row("foil", 0.5), TRUTH, METRICS) == []


def test_who_has_a_value_beats_who_has_none():
    assert beaten_on(TRUTH, row("foil", bad=0.1), METRICS) == ["good", "ratio"]
    assert beaten_on(row("foil"), row("other"), METRICS) == []


def test_shares_by_instrument():
    own = {"a/bass": {"x": 1.0}, "b/bass": {"x": 1.0}, "a/drums": {"x": 1.0}, "c/bass": {}}
    foil = {"a/bass": {"x": 0.0}, "b/bass": {"x": 2.0}, "a/drums": {"x": 0.0}, "c/bass": {"x": 0.0}}
    instruments = {part: part.split("/")[1] for part in own}
    assert shares_above(own, foil, instruments, "x") == {
        "bass": (pytest.approx(0.5), 2),
        "drums": (1.0, 1),
    }
    assert shares_above(own, {}, instruments, "x") == {}
