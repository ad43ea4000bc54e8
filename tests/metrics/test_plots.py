import pytest

from accomptk.metrics.plots import pareto, plots
from accomptk.metrics.table import Cell, Row

pytest.importorskip("matplotlib")


def row(model, gap_s, hop_s=1.5, rtf=0.3, onset_f1=0.5):
    cells = {
        "onset_f1": Cell(onset_f1, onset_f1 - 0.1, onset_f1 + 0.1, 3),
        "rtf": Cell(rtf, 0, 1, 9),
    }
    return Row(
        model=model, lookahead=1 + gap_s / hop_s, gap_s=gap_s, hop_s=hop_s, cells=cells, recipe="r"
    )


ANCHOR = Row(model="codec", cells={"onset_f1": Cell(0.9, 0.8, 1.0, 3)})


def test_front_holds_what_no_cheaper_one_beats():
    points = [(3, 0.5), (1, 0.2), (2, 0.6), (2, 0.4), (4, 0.7), (5, 0.7)]
    assert pareto(points) == [(1, 0.2), (2, 0.6), (4, 0.7)]
    assert pareto([]) == []


def test_what_does_not_differ_is_not_plotted():
    assert plots([]) == {}
    assert plots([row("a", 1.5), ANCHOR]) == {}
    assert set(plots([row("a", 1.5), row("a", 0.0)])) == {"gap"}
    assert set(plots([row("a", 1.5), row("a", 1.5, hop_s=0.75)])) == {"hop"}
    assert set(plots([row("a", 1.5), row("b", 1.5, rtf=0.1)])) == {"compute"}


def test_plots_are_the_same_each_time_and_name_what_they_show():
    rows = [row("teacher", 0.0), row("teacher", 1.5, onset_f1=0.4), ANCHOR]
    first = plots(rows)["gap"]
    assert first == plots(rows)["gap"]
    assert len(first) < 100_000
    for words in ("teacher", "truth through the codec", "onset F1"):
        assert words in first
    other = plots([row("teacher", 0.0), row("teacher", 1.5, onset_f1=0.45), ANCHOR])["gap"]
    assert other != first
