"""Auditions: how a checkpoint plays, while it is being trained."""

import json
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from accomptk.cli import main
from accomptk.diffusion.fit import Heard
from accomptk.errors import DatasetError
from accomptk.latents.codec import load_codec
from accomptk.metrics.judge import Judged, Panel
from accomptk.stems.prepare import prepare
from accomptk.streaming.audition import SOUND_S, Audition
from accomptk.streaming.stage import Stage
from signals import RATE
from tiny_models import tiny_teacher
from tiny_sets import SECONDS, make_song


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two songs to train on and three to be played."""
    root = tmp_path_factory.mktemp("set") / "mine"
    splits = ("train", "train", "valid", "valid", "valid")
    songs = [(f"song {n}", 55.0 + 7 * n, split) for n, split in enumerate(splits)]
    tasks = [(track, partial(make_song, track, hz, split)) for track, hz, split in songs]
    prepare(root, tasks, name="tiny", source="test")
    return root


@pytest.fixture
def checkpoint(tmp_path):
    codec = load_codec()
    tiny_teacher(tmp_path / "tiny.safetensors", codec.channels, codec.space)
    return tmp_path / "tiny.safetensors"


@pytest.fixture(autouse=True)
def no_judges(monkeypatch):
    """Only what needs no weights."""
    monkeypatch.setattr("accomptk.streaming.audition.find_panel", Panel)


def test_what_is_made_is_scored_beside_the_anchors_and_kept(data, checkpoint, tmp_path):
    heard = Audition(data, load_codec(), tmp_path / "anchors")(checkpoint)
    assert 0 <= heard.scores["audition/onset_f1"] < 0.9
    assert set(heard.sounds) == set(heard.pictures)
    assert {name.split("/")[0] for name in heard.sounds} == {"drums", "bass", "piano"}
    scored = heard.sounds["bass/made"]
    assert 0 < len(scored) <= min(SOUND_S, SECONDS) * RATE
    assert np.abs(scored).max() > 0
    for picture in heard.pictures.values():
        assert picture.shape[0] == 96
        assert 0 <= picture.min() < picture.max() <= 1


def test_closeness_lies_between_the_anchors(data, tmp_path, monkeypatch):
    def judged(onset_f1):
        return Judged(scores={"onset_f1": onset_f1}, stem=np.zeros((0, 1)), mix=np.zeros((0, 1)))

    anchors = {"codec": judged(0.9), "random_pairing": judged(0.1)}
    monkeypatch.setattr(Stage, "judge_anchors", lambda stage, part: anchors)
    audition = Audition(data, load_codec(), tmp_path)
    scores = audition._score({part.name: judged(0.7) for part in audition.parts})
    assert scores == pytest.approx({"audition/onset_f1": 0.7, "closeness/onset_f1": 0.75})


def test_a_training_logs_how_its_model_plays(data, checkpoint, tmp_path, monkeypatch):
    heard = Heard({"audition/onset_f1": 0.5}, {"bass/made": np.zeros(9)}, {"p": np.eye(9)}, RATE)
    monkeypatch.setattr(Audition, "__call__", lambda self, checkpoint: heard)
    monkeypatch.setattr("accomptk.diffusion.fit.AUDITION_EVERY", 2)
    out = tmp_path / "run"
    options = ["--recipe", "smoke/finetune", "--set", "geometry.excerpt=24"]
    options += ["--set", "optim.steps=3", "--init", str(checkpoint), "--quiet"]
    result = CliRunner().invoke(
        main, ["train", "teacher", "--data", str(data), "--out", str(out), *options]
    )
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "audition/onset_f1" in line] == [2]
    events = EventAccumulator(str(out)).Reload().Tags()
    assert "bass/made" in events["audio"]
    assert "p" in events["images"]
    assert "audition/onset_f1" in events["scalars"]


def test_where_nothing_can_be_played_a_training_says_so(data, tmp_path, monkeypatch):
    monkeypatch.setattr("accomptk.streaming.audition.PARTS", ("strings",))
    with pytest.raises(DatasetError, match="no song has strings"):
        Audition(data, load_codec(), tmp_path)
