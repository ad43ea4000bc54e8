import pytest

from accomptk.report.gallery import Version, name_rows
from accomptk.report.tables import detail_table, quality_tables, speed_table
from eval_run import ROWS, result

NAMES = name_rows(ROWS)


def test_columns_are_the_metrics_that_some_row_has():
    table = quality_tables(NAMES, ROWS, {})[0]

    assert [metric.key for metric in table.metrics] == ["fad_mix", "onset_f1"]
    assert [line.colour for line in table.lines] == [0, 0, 1, None, None, None]
    assert table.lines[3].figures[0] is None


def test_a_figure_has_words_and_a_place_in_its_column():
    figure = quality_tables(NAMES, ROWS, {})[0].lines[0].figures[1]

    assert (figure.value, figure.text) == (0.4, "0.40")
    assert (figure.interval, figure.closeness) == ("0.30 – 0.50", "40 %")
    # The column runs from 0.0, the low end of the random pairing, to 1.1.
    assert figure.first == pytest.approx(100 * 0.3 / 1.1)
    assert figure.width == pytest.approx(100 * 0.2 / 1.1)
    assert figure.dot == pytest.approx(100 * 0.4 / 1.1)


def test_one_table_an_instrument():
    tables = quality_tables(NAMES, ROWS, result()["by_instrument"])

    assert [table.name for table in tables] == ["all", "drums", "bass"]
    assert tables[1].lines[0].figures[0].text == "0.50"
    assert tables[1].lines[1].figures[0] is None


def test_speed_is_that_of_the_models():
    table = speed_table(NAMES, ROWS)

    assert [line.version.model for line in table.lines] == ["teacher", "teacher", "a_style"]
    assert table.lines[1].lead == ("1.5", "1.5", "7")
    assert [metric.key for metric in table.metrics] == ["rtf", "warmup_harmony"]


def test_without_more_measures_the_last_table_has_no_column():
    assert detail_table(NAMES, ROWS).metrics == ()


def test_a_system_without_a_window_is_no_anchor():
    names = [Version("theirs", "theirs"), *NAMES[1:]]
    table = quality_tables(names, ROWS, {})[0]

    assert [line.colour for line in table.lines] == [0, 1, 2, None, None, None]
