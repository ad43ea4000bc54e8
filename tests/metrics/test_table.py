from dataclasses import replace

import pytest

from accomptk.errors import DatasetError
from accomptk.metrics.closeness import Interval
from accomptk.metrics.table import METRICS, Cell, Row, read_csv, write_csv

ROWS = [
    Row(
        model="teacher",
        lookahead=2.0,
        gap_s=1.5,
        hop_s=1.5,
        nfe=9,
        cells={
            "onset_f1": Cell(0.5, 0.4, 0.6, 4, 0.7, 0.5, 0.9),
            "fad_stem": Cell(12.5, None, None, 352),
            "rtf": Cell(0.25, 0.2, 0.3, 80),
            "harmony": None,
        },
        checkpoint="00123456",
        recipe="pocket/teacher",
        songs=4,
        seconds=384.0,
        beats="given",
        codec="89e00000",
        machine="a machine, 2 cores",
    ),
    Row(model="silence", cells={"onset_f1": Cell(0.0, 0.0, 0.0, 4, -0.5)}, songs=4),
]


def test_csv_returns_the_rows(tmp_path):
    path = tmp_path / "table.csv"
    write_csv(path, ROWS)

    back = read_csv(path)
    assert [row.model for row in back] == ["teacher", "silence"]
    assert {k: v for k, v in back[0].cells.items() if v} == {
        k: v for k, v in ROWS[0].cells.items() if v
    }
    assert replace(back[0], cells={}) == replace(ROWS[0], cells={})
    assert back[1].lookahead is None
    assert back[1].nfe is None


def test_csv_columns_are_in_the_order_of_the_specification(tmp_path):
    path = tmp_path / "table.csv"
    write_csv(path, ROWS)

    head = path.read_text().splitlines()[0].split(",")
    assert head[:5] == ["model", "lookahead", "hop_s", "gap_s", "nfe"]
    start = head.index("onset_f1")
    assert head[start : start + 4] == [
        "onset_f1",
        "onset_f1_low",
        "onset_f1_high",
        "onset_f1_closeness",
    ]
    assert "fad_stem_closeness" not in head
    assert head[-1] == "machine"


def test_csv_written_again_is_the_same(tmp_path):
    write_csv(tmp_path / "a.csv", ROWS)
    write_csv(tmp_path / "b.csv", read_csv(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


def test_no_rows_give_a_heading(tmp_path):
    write_csv(tmp_path / "empty.csv", [])
    assert read_csv(tmp_path / "empty.csv") == []


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\0\0"])
def test_other_files_are_refused_in_one_line(tmp_path, text):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"bad\.csv") as caught:
        read_csv(path)
    assert "\n" not in str(caught.value)


def test_json_has_every_metric_and_null_where_undefined():
    value = ROWS[0].to_json()

    assert list(value)[:5] == ["model", "lookahead", "hop_s", "gap_s", "nfe"]
    assert set(value["metrics"]) == {metric.key for metric in METRICS}
    assert value["metrics"]["harmony"] is None
    assert value["metrics"]["misses"] is None
    assert value["metrics"]["onset_f1"]["closeness"] == 0.7
    assert value["metrics"]["fad_stem"] == {"mean": 12.5, "low": None, "high": None, "n": 352}


def test_the_promised_metrics_are_there():
    keys = {metric.key for metric in METRICS}
    named = "fad_stem fad_mix beat_f1 onset_f1 onset_density harmony rtf step_ms misses"
    assert keys >= set(named.split())


def test_cell_of_an_interval():
    assert Cell.of(None) is None
    cell = Cell.of(Interval(1, 0, 2, 3), Interval(0.5, 0.4, 0.6, 3))
    assert cell == Cell(1, 0, 2, 3, 0.5, 0.4, 0.6)
