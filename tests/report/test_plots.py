import math
from dataclasses import replace

import pytest

from accomptk.metrics.table import Cell
from accomptk.report.plots import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Scale,
    compute_panels,
    lookahead_panels,
)
from eval_run import ROWS


def test_scale_maps_its_ends_and_stays_inside():
    scale = Scale(0.0, 2.0, BOTTOM, TOP)

    assert (scale(0.0), scale(2.0), scale(1.0)) == (BOTTOM, TOP, (BOTTOM + TOP) / 2)
    assert (scale(-5.0), scale(5.0)) == (BOTTOM, TOP)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (-0.02, 1.01, ["0.0", "0.5", "1.0"]),
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (3.0, 47.0, ["10", "20", "30", "40"]),
        (-0.012, 0.034, ["-0.01", "0.00", "0.01", "0.02", "0.03"]),
    ],
)
def test_ticks_are_round_values(low, high, labels):
    assert [tick.label for tick in Scale(low, high, 0, 1).ticks()] == labels


def test_a_panel_holds_intervals_and_two_anchors():
    panels = {panel.title: panel for panel in lookahead_panels(ROWS)}
    panel = panels["onset F1 ↑"]
    teacher, baseline = panel.series

    assert list(panels) == ["FAD mix ↓", "onset F1 ↑"]
    assert [tick.label for tick in panel.x_ticks] == ["K = 0\n-1.5 s", "K = 2\n+1.5 s"]
    assert {guide.label for guide in panel.guides} == {"upper", "lower"}
    assert (teacher.model, baseline.model) == ("teacher", "a_style")
    low, high = teacher.marks
    assert LEFT < low.x < high.x < RIGHT
    assert TOP < high.y < low.y < BOTTOM  # 0.6 is above 0.4
    assert high.low > high.y > high.high
    assert high.title == "teacher, K = 2: 0.60 (0.50 to 0.70)"
    assert len(baseline.marks) == 1


def test_an_undefined_value_is_no_mark():
    hidden = replace(ROWS[0], cells={"onset_f1": Cell(math.nan, None, None, 0)})
    panels = lookahead_panels([hidden, *ROWS[1:]])

    assert [len(panel.series[0].marks) for panel in panels] == [1, 1]


def test_compute_is_on_a_logarithmic_axis():
    def faster(row):
        return replace(row, cells={**row.cells, "rtf": Cell(0.05, None, None, 9)})

    panel = compute_panels([faster(ROWS[0]), *ROWS[1:]])[0]
    fast, slow = panel.series[0].marks

    assert [tick.label for tick in panel.x_ticks] == ["0.05", "0.1", "0.2", "0.5", "1"]
    at = {tick.label: tick.at for tick in panel.x_ticks}
    assert (fast.x, slow.x) == (pytest.approx(at["0.05"]), pytest.approx(at["0.5"]))
    assert at["0.5"] - at["0.05"] == pytest.approx(at["1"] - at["0.1"])


def test_anchors_alone_give_no_plots():
    assert lookahead_panels(ROWS[3:]) == []
    assert compute_panels(ROWS[3:]) == []
