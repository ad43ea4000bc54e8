import shutil
from dataclasses import replace

import pytest

from accomptk.errors import DatasetError
from accomptk.report.gallery import Gallery, name_rows
from eval_run import ROWS


def test_versions_are_truth_then_models_then_other_anchors(run):
    gallery = Gallery.open(run)

    assert [version.key for version in gallery.versions] == [
        *("ground_truth", "codec", "teacher-K0", "teacher-K2", "a_style-K2", "random_pairing")
    ]
    assert [version.label for version in gallery.versions[1:4]] == [
        *("truth through the codec", "teacher, K = 0", "teacher, K = 2")
    ]
    assert gallery.models == ("teacher", "a_style")


def test_rows_are_named_as_the_run_names_them():
    names = ["teacher K=2 hop=9", "teacher K=2 hop=18", "their system", "codec"]
    rows = [*ROWS[:2], replace(ROWS[2], model="their system", lookahead=None), ROWS[4]]
    found = name_rows(rows, names)

    assert [version.key for version in found] == [
        *("teacher-K2-hop9", "teacher-K2-hop18", "their-system", "codec")
    ]
    assert [version.label for version in found] == [
        *("teacher, K = 2, hop = 9", "teacher, K = 2, hop = 18"),
        *("their system", "truth through the codec"),
    ]
    assert [version.is_anchor for version in found] == [False, False, False, True]


def test_excerpts_are_in_the_order_of_the_run(run):
    gallery = Gallery.open(run)
    first = gallery.excerpts[0]

    assert [(e.track, e.stem) for e in gallery.excerpts] == [
        *(("one", "drums"), ("one", "bass"), ("two", "bass"))
    ]
    assert gallery.songs == ("one", "two")
    assert first.context == run / "audio/context/one/drums.flac"
    assert first.takes["teacher-K2"] == run / "audio/teacher-K2/one/drums.flac"
    assert first.start_s == 2.0
    assert first.chords[1] == (4.0, 6.0, "A:min7")


def test_only_leaves_out_other_anchors_but_no_model(run):
    gallery = Gallery.open(run).only(["codec"])

    assert [v.key for v in gallery.versions] == ["codec", "teacher-K0", "teacher-K2", "a_style-K2"]
    assert list(gallery.excerpts[0].takes) == [version.key for version in gallery.versions]


def test_a_version_may_lack_a_part(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run/audio/teacher-K0/one/drums.flac").unlink()
    gallery = Gallery.open(tmp_path / "run")

    assert "teacher-K0" not in gallery.excerpts[0].takes
    assert "teacher-K0" in gallery.excerpts[1].takes


def test_a_run_without_audio_has_no_excerpts(run, tmp_path):
    for name in ("table.csv", "result.json"):
        shutil.copy(run / name, tmp_path)

    assert Gallery.open(tmp_path).excerpts == ()


def test_what_is_no_run_is_refused(run, tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        Gallery.open(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="is not a run of eval"):
        Gallery.open(tmp_path)
    (tmp_path / "recipe.toml").touch()
    with pytest.raises(DatasetError, match="no finished run"):
        Gallery.open(tmp_path)
    shutil.copy(run / "table.csv", tmp_path)
    (tmp_path / "result.json").write_text("{")
    with pytest.raises(DatasetError, match="damaged"):
        Gallery.open(tmp_path)
