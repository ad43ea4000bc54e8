import pytest

from accomptk.errors import DatasetError
from accomptk.metrics.results import main, regenerate
from accomptk.metrics.table import Cell, Row, write_csv

README = "# x\n\n<!-- results: demo -->\nold\n<!-- /results -->\nrest\n"


@pytest.fixture
def stored(tmp_path):
    """A folder with the rows of one table, and a README that shows it."""
    write_csv(
        tmp_path / "demo.csv", [Row(model="teacher", cells={"onset_f1": Cell(0.5, 0.4, 0.6, 4)})]
    )
    (tmp_path / "README.md").write_text(README)
    return tmp_path


def test_writes_markdown_and_the_block_of_the_readme(stored):
    changed = regenerate(stored, stored / "README.md")

    assert {path.name for path in changed} == {"demo.md", "README.md"}
    readme = (stored / "README.md").read_text()
    assert "0.50 · – (0.40–0.60)" in readme
    assert "old" not in readme
    assert readme.startswith("# x\n")
    assert readme.endswith("<!-- /results -->\nrest\n")


def test_second_time_changes_nothing(stored):
    regenerate(stored, stored / "README.md")
    assert regenerate(stored, stored / "README.md") == []


def test_check_names_what_differs_and_writes_nothing(stored):
    message = main([str(stored), str(stored / "README.md"), "--check"])
    assert "demo.md" in message
    assert not (stored / "demo.md").exists()

    assert main([str(stored), str(stored / "README.md")]) is None
    assert main([str(stored), str(stored / "README.md"), "--check"]) is None
    (stored / "demo.md").write_text("typed by hand")
    assert "make results" in main([str(stored), str(stored / "README.md"), "--check"])


def test_a_block_without_a_name_shows_the_table_of_eval(stored):
    (stored / "demo.csv").rename(stored / "eval.csv")
    (stored / "README.md").write_text(README.replace(": demo", ""))
    regenerate(stored, stored / "README.md")
    table = (stored / "eval.md").read_text()
    assert f"<!-- results -->\n{table}<!-- /results -->" in (stored / "README.md").read_text()


def test_a_table_that_is_not_there_is_named(stored):
    (stored / "README.md").write_text(README.replace("demo", "nothing"))
    with pytest.raises(DatasetError, match="nothing"):
        regenerate(stored, stored / "README.md")
    assert "nothing" in main([str(stored), str(stored / "README.md")])


def test_empty_folder_is_fine(tmp_path):
    assert regenerate(tmp_path, tmp_path / "README.md") == []


def test_rows_by_instrument_which_have_no_anchors_are_not_drawn(tmp_path):
    cells = {"onset_f1": Cell(0.5, 0.4, 0.6, 4, 0.5, 0.4, 0.6)}
    rows = [
        Row(model="teacher", recipe="teacher x", cells=cells, lookahead=k, gap_s=k, hop_s=1.5)
        for k in (0.0, 2.0)
    ]
    write_csv(tmp_path / "all.csv", [*rows, Row(model="codec", cells=cells)])
    write_csv(tmp_path / "all-instruments.csv", rows)
    names = {path.name for path in regenerate(tmp_path)}
    assert names == {"all.md", "all-gap.svg", "all-instruments.md"}
