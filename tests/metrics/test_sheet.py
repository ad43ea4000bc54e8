"""Tables of any columns: what is stored comes back, and what all rows share is told once."""

import pytest

from accomptk.errors import DatasetError
from accomptk.metrics.results import regenerate
from accomptk.metrics.sheet import is_sheet, read_sheet, sheet_to_markdown, write_sheet
from accomptk.metrics.table import Row, write_csv

LINES = [
    {
        "codec": "a",
        "rate": 1344.0,
        "fad": 2.5,
        "n": 80,
        "checkpoint": "12345678",
        "machine": "x, y",
    },
    {"codec": "b", "rate": None, "fad": 0.25, "n": 80, "checkpoint": "12345678", "machine": "x, y"},
]


def test_rows_come_back(tmp_path):
    path = tmp_path / "codec.csv"
    write_sheet(path, LINES)
    assert read_sheet(path) == LINES


def test_what_rows_share_is_below_the_table():
    assert sheet_to_markdown(LINES).splitlines() == [
        "| codec | rate | fad | n |",
        "| --- | --: | --: | --: |",
        "| a | 1344 | 2.50 | 80 |",
        "| b | – | 0.25 | 80 |",
        "",
        "checkpoint: 12345678; machine: x, y",
    ]


def test_results_have_both_kinds_of_table(tmp_path):
    write_sheet(tmp_path / "codec.csv", LINES)
    write_csv(tmp_path / "eval.csv", [Row(model="teacher")])
    assert is_sheet(tmp_path / "codec.csv")
    assert not is_sheet(tmp_path / "eval.csv")
    assert {path.name for path in regenerate(tmp_path)} == {"codec.md", "eval.md"}
    assert (tmp_path / "codec.md").read_text() == sheet_to_markdown(LINES)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "codec.csv").touch()
    with pytest.raises(DatasetError, match="is not a table"):
        read_sheet(tmp_path / "codec.csv")
