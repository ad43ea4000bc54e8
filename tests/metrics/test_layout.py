from accomptk.metrics.layout import (
    detail_table,
    footnote,
    quality_table,
    ranking_table,
    speed_table,
    steadiness_table,
    to_markdown,
)
from accomptk.metrics.table import Cell, Row

TEACHER = Row(
    model="teacher",
    lookahead=1.0,
    gap_s=0.0,
    hop_s=1.5,
    nfe=9,
    cells={
        "beat_f1": Cell(0.3, 0.2, 0.4, 4),
        "onset_f1": Cell(0.512, 0.4, 0.6, 4),
        "step_ms": Cell(81.4, None, None, 20),
    },
    songs=4,
    seconds=384.0,
    beats="given",
    machine="a machine",
)
CLICK = Row(model="click", cells={"onset_f1": Cell(0.1, None, None, 1)})


def test_quality_has_all_rows_and_a_dash_where_nothing_is_known():
    heading, lines = quality_table([TEACHER, CLICK])

    column = heading.index("onset F1 ↑")
    assert [line[column] for line in lines] == ["0.51 · – (0.40–0.60)", "0.10 · –"]
    assert lines[0][:2] == ["teacher", "1"]
    assert lines[1][:2] == ["click", ""]
    assert lines[1][heading.index("beat F1 ↑")] == "–"


def test_speed_has_models_only():
    heading, lines = speed_table([TEACHER, CLICK])
    assert len(lines) == 1
    assert lines[0][heading.index("step ms ↓")] == "81"


def test_markdown_lines_have_equal_columns():
    tables = to_markdown([TEACHER, CLICK]).split("\n\n")
    for table in tables[:2]:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_footnote_says_what_was_measured():
    note = footnote([TEACHER, CLICK])
    assert "Songs: 4, of which 384 s" in note
    assert "models: given" in note
    assert "a machine" in note
    assert footnote([]) == ""


def test_anchors_alone_have_no_speed():
    assert len(to_markdown([CLICK]).split("\n\n")) == 2
    assert "Speed" not in footnote([CLICK])


def test_closeness_is_a_percentage_or_a_dash_where_it_could_be_one():
    cells = {
        "onset_f1": Cell(0.5, 0.4, 0.6, 4, 0.814),
        "harmony": Cell(0.5, 0.4, 0.6, 4),
        "onset_density": Cell(0.5, 0.4, 0.6, 4),
    }
    table = to_markdown([Row(model="x", cells=cells)])
    assert "| 0.50 · 81 % (0.40–0.60) | 0.50 (0.40–0.60) | 0.50 · – (0.40–0.60) |" in table


def test_ranking_stands_where_foils_do():
    cells = {"onset_f1": Cell(1.0, 0.9, 1.0, 4), "harmony": Cell(0.8, 0.7, 0.9, 4)}
    foil = {"onset_f1": Cell(0.2, 0.1, 0.3, 4), "harmony": Cell(0.8, 0.7, 0.9, 4)}
    rows = [Row(model="noisy", cells=foil), Row(model="ground_truth", cells=cells)]

    _, lines = ranking_table(rows)
    assert lines == [["ground_truth", "1.2", "–"], ["noisy", "1.8", "onset F1"]]
    assert ranking_table([CLICK, rows[1]]) == ([], [])


def test_detail_is_left_out_where_there_is_none():
    assert detail_table([TEACHER])[1] == []
    row = Row(model="x", cells={"cmlt": Cell(0.5, 0.4, 0.6, 4)})
    assert detail_table([row]) == (["model", "K", "CMLt ↑"], [["x", "", "0.50 · – (0.40–0.60)"]])


def test_reactions_and_drifts_have_a_table_and_a_note():
    row = Row(model="x", cells={"reaction_chord": Cell(1.25, 1.0, 1.5, 4)})

    heading, lines = steadiness_table([row])
    assert heading == ["model", "K", "chord change s ↓"]
    assert lines == [["x", "", "1.25 (1.00–1.50)"]]
    assert "Drifts: a minute" in footnote([row])
    assert steadiness_table([TEACHER]) == (["model", "K"], [])
    assert "Drifts" not in footnote([TEACHER])
