import json

import pytest
from click.testing import CliRunner

from accomptk.cli import main
from eval_run import write_run

pytestmark = pytest.mark.debian("ffmpeg")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"))


def invoke(*arguments):
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def test_the_page_is_written_into_the_run(run):
    result = invoke(run)

    assert result.exit_code == 0, result.output
    assert result.stdout == f"{run / 'report.html'}\n"
    assert (run / "report.html").read_text().startswith("<!doctype html>")


def test_a_listening_test_has_its_key_apart(run, tmp_path):
    page = tmp_path / "test.html"
    result = invoke(run, "--blind", "--trials", "1", "--out", page, "--json")
    value = json.loads(result.stdout)

    assert value["page"] == str(page)
    assert list(value["files"]) == [str(page), str(tmp_path / "test-key.json")]
    assert value["files"][str(page)] == page.stat().st_size
    assert len(json.loads((tmp_path / "test-key.json").read_text())["trials"]) == 1


def test_what_is_no_run_is_one_line(tmp_path):
    result = invoke(tmp_path)

    assert result.exit_code == 1
    assert result.stderr == (
        f"error: {tmp_path}: is not a run of eval (no table.csv and result.json); "
        "give the folder that eval printed\n"
    )
