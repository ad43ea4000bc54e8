import base64
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from accomptk.errors import DatasetError
from accomptk.report.blind import build_test, draw_trials, to_key
from accomptk.report.gallery import Gallery
from accomptk.stems.render import find_program
from eval_run import CONTEXT_HZ, HZ

pytestmark = pytest.mark.debian("ffmpeg")


@pytest.fixture(scope="module")
def made(run):
    """The page of a test and its key."""
    page, key = build_test(Gallery.open(run), 3, 0, 12e6, lambda done, total: None)
    return page, json.loads(key)


def pitch(page, sound):
    """The loudest frequency of a sound of the page."""
    data = base64.b64decode(re.search(rf'id="{sound}">([^<]*)<', page)[1])
    command = [find_program("ffmpeg"), "-v", "error", "-i", "pipe:0", "-f", "f32le", "pipe:1"]
    wav = np.frombuffer(subprocess.run(command, input=data, capture_output=True).stdout, np.float32)
    return np.abs(np.fft.rfft(wav)).argmax() * 48_000 / wav.size


def test_the_key_says_what_is_what(made):
    page, key = made

    for index, trial in enumerate(key["trials"]):
        assert sorted(trial["versions"].values()) == sorted(HZ)
        assert pitch(page, f"audio-{index}-0") == pytest.approx(CONTEXT_HZ, abs=1)
        for number, version in list(trial["versions"].items())[:3]:
            assert pitch(page, f"audio-{index}-{number}") == pytest.approx(HZ[version], abs=1)


def test_no_name_is_in_the_page(made, run):
    page, key = made
    text = re.sub(r'(<script type="audio/webm;base64" id="audio-\d+-\d+">)[^<]*', r"\1", page)

    assert key["test"] in text
    labels = [version.label for version in Gallery.open(run).versions]
    names = {*HZ, *labels, "teacher", "a_style", "slow one", str(run)}
    assert [name for name in names if name in text] == []
    assert not re.search(r'"(one|two)"', text)
    assert page.count('type="audio/webm') == 3 * 7


def test_the_seed_decides(run, made):
    gallery = Gallery.open(run)
    first, other = draw_trials(gallery, 3, seed=0), draw_trials(gallery, 3, seed=1)

    assert json.loads(json.dumps(to_key(first, 0))) == made[1]
    assert to_key(other, 1)["test"] != made[1]["test"]
    assert len({tuple(excerpt.takes) for excerpt in first}) > 1


def test_as_many_trials_as_asked_for(run):
    key = to_key(draw_trials(Gallery.open(run), 2, seed=0), 0)

    assert [trial["trial"] for trial in key["trials"]] == [1, 2]


def test_a_run_without_audio_is_refused(run, tmp_path):
    for name in ("table.csv", "result.json"):
        shutil.copy(run / name, tmp_path)

    with pytest.raises(DatasetError, match="run eval again with --audio"):
        draw_trials(Gallery.open(tmp_path), 3, seed=0)
