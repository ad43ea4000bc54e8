import json

import pytest
import soundfile
from click.testing import CliRunner

from accomptk.cli import main
from accomptk.metrics.table import METRICS, read_csv
from accomptk.report.gallery import Gallery
from accomptk.stems.index import StemSet
from accomptk.stems.prepare import prepare
from fake_judges import PANEL, RULERS
from synthetic_band import SONGS
from tiny_codecs import tiny_spectral
from tiny_models import tiny_teacher

BAND = ("drums", "bass")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A set of two songs, a tiny teacher, and judges and a codec without weights."""
    root = tmp_path_factory.mktemp("world")
    prepare(root / "band", [(song.track, song) for song in SONGS[:2]], name="band", source="test")
    tiny_teacher(root / "tiny.safetensors")
    codec = tiny_spectral()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accomptk.streaming.parts.STREAM_S", 10.0)
        patch.setattr("accomptk.latents.codec.load_codec", lambda path: codec)
        patch.setattr("accomptk.metrics.panel.find_panel", lambda *names: PANEL)
        patch.setattr("accomptk.metrics.panel.RULERS", RULERS)
        patch.setenv("ACCOMPTK_CACHE", str(root / "cache"))
        yield root


def invoke(world, *arguments):
    fixed = ["--data", world / "band", "--models", world / "tiny.safetensors", "--hop", "6"]
    fixed += ["--instruments", "drums,bass", "--workers", "1", "--steps", "1"]
    return CliRunner().invoke(main, ["eval", *map(str, (*fixed, *arguments))])


@pytest.fixture(scope="module")
def printed(world):
    """What ``eval --json`` prints, and its run folder."""
    out = world / "run"
    result = invoke(
        world, "--lookahead", "0,2", "--json", "--out", out, "--audio", "--store", world / "s.csv"
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), out


def test_json_is_one_object_with_rows_and_anchors(printed):
    value, _ = printed
    keys = {metric.key for metric in METRICS}

    assert [(row["lookahead"], row["gap_s"], row["hop_s"]) for row in value["rows"]] == [
        (0.0, -0.5, 0.5),
        (2.0, 0.5, 0.5),
    ]
    assert all(set(row["metrics"]) == keys for row in value["rows"])
    assert list(value["anchors"]) == [
        *("ground_truth", "codec", "random_pairing", "tempo_matched", "click", "silence")
    ]
    assert value["anchors"]["ground_truth"]["onset_f1"]["mean"] == 1.0


def test_json_says_where_the_numbers_come_from(printed, world):
    value, _ = printed
    assert value["data"]["index"] == StemSet.open(world / "band").index_hash
    assert value["data"]["songs"] == ["one", "two"]
    assert value["data"]["short"] == []
    assert "band levels" in value["judges"]
    assert value["seed"] == 0
    assert value["gflops"] > 0
    row = value["rows"][0]
    assert row["recipe"].startswith("teacher ")
    assert (row["beats"], row["reference"], row["trimmed"]) == ("given", "known", "first 6 s")
    assert row["machine"].endswith("one thread, 4 streams a step")
    part = value["parts"][0]
    assert (part["track"], part["stem"], part["start_s"]) == ("one", "drums", 6.0)
    assert set(value["by_part"]["teacher K=2"]) == {
        f"{t}/{s}" for t in ("one", "two") for s in BAND
    }


def test_run_folder_holds_tables_result_and_audio(printed, world):
    value, out = printed
    assert json.loads((out / "result.json").read_text()) == value
    rows = read_csv(out / "table.csv")
    assert len(rows) == 2 + 6
    assert (out / "table.csv").read_text() == (world / "s.csv").read_text()
    parted = read_csv(world / "s-instruments.csv")
    assert [row.model for row in parted] == 2 * [f"teacher, {stem}" for stem in BAND]
    assert [row.lookahead for row in parted] == len(BAND) * [0.0] + len(BAND) * [2.0]
    stored = value["by_instrument"]["teacher K=2"][BAND[0]]["level_apart"]
    assert parted[len(BAND)].cells["level_apart"].mean == pytest.approx(stored["mean"], rel=1e-4)
    assert "| random_pairing |" in (out / "table.md").read_text()
    assert {path.name for path in (out / "audio").iterdir()} == {
        *("context", "ground_truth", "codec", "random_pairing", "tempo_matched", "click"),
        *("silence", "teacher-K0", "teacher-K2"),
    }
    for folder in (out / "audio").iterdir():
        kept = sorted(folder.glob("*/*"))
        assert [str(path.relative_to(folder)) for path in kept] == [
            *("one/bass.flac", "one/drums.flac", "two/bass.flac", "two/drums.flac")
        ]
        assert {soundfile.info(path).frames for path in kept} == {10 * 44_100}
    assert "finished" in json.loads((out / "provenance.json").read_text())


def test_run_folder_is_what_report_reads(printed):
    gallery = Gallery.open(printed[1])

    assert [version.name for version in gallery.versions] == [
        *("ground_truth", "codec", "teacher K=0", "teacher K=2"),
        *("random_pairing", "tempo_matched", "click", "silence"),
    ]
    assert [(e.track, e.stem, e.start_s) for e in gallery.excerpts] == [
        *(("one", "drums", 6.0), ("one", "bass", 6.0), ("two", "drums", 6.0), ("two", "bass", 6.0))
    ]
    assert all(len(excerpt.takes) == len(gallery.versions) for excerpt in gallery.excerpts)
    assert gallery.excerpts[0].chords


def test_table_is_plain_text_and_ends_with_the_folder(world):
    out = world / "plain"
    result = invoke(world, "--gap", "3,250ms", "--songs", "1", "--out", out)

    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.stdout
    assert "onset F1" in result.stdout
    assert result.stdout.count("tempo_matched") == 4  # quality, details, balance, steadiness
    assert result.stdout.splitlines()[-1] == str(out)
    rows = [row for row in read_csv(out / "table.csv") if row.lookahead is not None]
    assert [row.gap_s for row in rows] == [0.25, 0.25]


def test_no_models_give_the_anchors_alone(world):
    result = invoke(world, "--models", "none", "--json", "--out", world / "none")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rows"] == []


def test_what_is_short_or_left_out_is_said(world, monkeypatch):
    monkeypatch.setattr("accomptk.streaming.parts.STREAM_S", 20.0)
    result = invoke(
        world, "--models", "none", "--instruments", "drums,strings", "--songs", "1", "--json",
        "--out", world / "said",
    )  # fmt: skip
    assert "short: one: ends at 14.0 s, scored from 6.0 s on" in result.stderr
    assert "left out: one: strings does not play" in result.stderr
    assert json.loads(result.stdout)["data"]["short"] == ["one"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--lookahead", "one"), 2, "whole numbers"),
        (("--lookahead", "-1"), 1, "lookahead -1"),
        (("--lookahead", "9"), 1, "leaves no context"),
        (("--gap", "soon"), 1, "'soon'"),
        (("--models", "nobody"), 1, "model 'nobody'"),
        (("--split", "valid"), 1, "split 'valid' has no songs"),
        (("--data", "nowhere"), 1, "nowhere"),
        (("--instruments", "kazoo"), 1, "kazoo"),
        (("--latency", "soon"), 1, "latency 'soon'"),
        (("--from", "nowhere"), 2, "leave --data out"),
    ],
)
def test_bad_options_are_one_line(world, tmp_path, arguments, code, words):
    result = invoke(world, *arguments, "--out", tmp_path)
    assert result.exit_code == code
    assert words in result.stderr
    if code == 1:
        assert len(result.stderr.strip().splitlines()) == 1


def test_the_same_command_goes_on_and_another_is_refused(world, printed, monkeypatch):
    value, out = printed
    monkeypatch.setattr("accomptk.streaming.stage.simulate", None)
    options = ("--lookahead", "0,2", "--json", "--out", out)
    again = json.loads(invoke(world, *options).stdout)
    assert again["rows"] == value["rows"]
    other = invoke(world, "--lookahead", "1", "--out", out)
    assert other.exit_code == 1
    assert "--force" in other.stderr


def test_a_folder_of_songs_is_prepared_on_the_way(world, stems_dir, tmp_path):
    result = invoke(
        world, "--data", stems_dir, "--models", "none", "--json", "--out", tmp_path / "run"
    )
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert value["data"]["songs"] == ["one", "two"]
    assert value["anchors"]["ground_truth"]["onset_f1"]["mean"] == 1.0
    assert StemSet.open(tmp_path / "run" / "set").songs


def test_what_eval_writes_it_scores_the_same(world, tmp_path):
    """The predictions of a run, read back as those of another system."""
    first = invoke(world, "--lookahead", "2", "--predictions", "--json", "--out", tmp_path / "a")
    assert first.exit_code == 0, first.output
    folder = tmp_path / "a" / "predictions" / "teacher-K2"
    arguments = ["eval", "--from", folder, "--workers", "1", "--json", "--out", tmp_path / "b"]
    second = CliRunner().invoke(main, list(map(str, arguments)))
    assert second.exit_code == 0, second.output
    (made,), (read,) = (json.loads(result.stdout)["rows"] for result in (first, second))
    assert read["model"] == "teacher-K2"
    assert read["recipe"] == "recorded teacher-K2"
    for key in ("onset_f1", "bar_distance", "harmony", "beat_f1", "fad_stem", "warmup_onset_f1"):
        assert read["metrics"][key] == made["metrics"][key], key
    assert read["metrics"]["rtf"] is None


def test_another_codec_is_refused(world, monkeypatch):
    codec = tiny_spectral()
    codec.space = "ffffffff"
    monkeypatch.setattr("accomptk.latents.codec.load_codec", lambda path: codec)
    result = invoke(world, "--out", world / "codec", "--lookahead", "0")
    assert result.exit_code == 1
    assert "codec" in result.stderr
