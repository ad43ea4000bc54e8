"""Predictions of other systems, made here by hand with soundfile."""

import json
import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from accomptk.errors import DatasetError
from accomptk.metrics.cache import AnchorCache
from accomptk.metrics.panel import RULERS
from accomptk.metrics.table import Row
from accomptk.streaming.entries import NOTHING_PLAYED
from accomptk.streaming.evaluate import evaluate
from accomptk.streaming.outcomes import OutcomeStore
from accomptk.streaming.recordings import open_predictions
from accomptk.streaming.scoreboard import score
from accomptk.streaming.session import open_session
from accomptk.streaming.stage import Stage
from fake_judges import PANEL
from tiny_codecs import Passthrough

RATE = 32_000
SECONDS = 18.0
BEATS = np.arange(0.4, SECONDS - 0.3, 0.6)
OFF_S = 0.2  # beyond every tolerance


def clicks(times, seed, level=0.3):
    """Short noises at the times."""
    rng = np.random.default_rng(seed)
    wav = np.zeros(round(SECONDS * RATE))
    burst = level * np.exp(-np.arange(800) / 100)
    for time in times:
        start = round(time * RATE)
        wav[start : start + 800] += burst * rng.standard_normal(800)
    return wav


def hum(hz):
    return 0.1 * np.sin(2 * np.pi * hz * np.arange(round(SECONDS * RATE)) / RATE)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Three parts; every other beat of what was made is off."""
    root = tmp_path_factory.mktemp("recorded")
    for number in range(3):
        here = root / f"{number:05d}"
        made = np.where(np.arange(BEATS.size) % 2, BEATS, BEATS + OFF_S)
        wavs = {
            "input_audio.wav": np.stack([hum(110 + 20 * number)] * 2, axis=1),
            "ground_truth/pred.wav": clicks(BEATS, number),
            "pred/pred.wav": clicks(made, 10 + number, level=0.1 + 0.1 * number),
        }
        for name, wav in wavs.items():
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(here / name, wav, RATE, subtype="FLOAT")
        known = {"instrument": "drums", "beats": BEATS.tolist(), "track": f"song {number}"}
        (here / "metadata.json").write_text(json.dumps(known))
    return root


@pytest.fixture
def folder(recorded, tmp_path):
    """A copy of what was recorded, to be changed."""
    return shutil.copytree(recorded, tmp_path / "other" / "model_predictions")


def recipe_of(*folders):
    made = tuple(map(str, folders))
    return replace(NOTHING_PLAYED, predictions=made, lookahead=(0,), hop=(18,), batch=4)


def by_hand(folder):
    """FAD and beat F1 of a folder, without this package: scipy and arithmetic."""
    from scipy.linalg import sqrtm
    from scipy.signal import resample_poly

    def levels(path):
        wav, rate = soundfile.read(path)
        seconds = resample_poly(wav, 44_100, rate)[6 * 44_100 :].reshape(-1, 44_100)
        power = np.abs(np.fft.rfft(seconds, axis=1)) ** 2
        edges = [0, 100, 250, 600, 1500, 4000, 22050]
        bands = [power[:, a:b].sum(axis=1) for a, b in pairwise(edges)]
        return np.log10(np.stack(bands, axis=1) + 1e-3)

    def gauss(name):
        found = np.concatenate([levels(p) for p in sorted(folder.glob(f"*/{name}/pred.wav"))])
        return found.mean(axis=0), np.cov(found.T)

    (mu, sigma), (mu_made, sigma_made) = gauss("ground_truth"), gauss("pred")
    root = np.real(sqrtm(sigma @ sigma_made))
    fad = np.square(mu - mu_made).sum() + np.trace(sigma + sigma_made - 2 * root)
    scored = BEATS[BEATS >= 6.0]
    on_time = sum(round((beat - BEATS[0]) / 0.6) % 2 for beat in scored)
    return fad, on_time / scored.size


def test_scores_are_those_of_an_independent_script(folder, tmp_path):
    recipe = recipe_of(folder)
    session = open_session(recipe, folder, None)
    stage = Stage(
        stems=session.stems,
        codec=Passthrough(),
        panel=PANEL,
        recipe=recipe,
        pool=session.pool,
        anchors=AnchorCache(tmp_path / "anchors"),
        outcomes=OutcomeStore(tmp_path / "outcomes"),
    )
    result = evaluate(stage, session.entries, session.parts)
    board = score(result, session.parts, stage.codec, RULERS, recipe, Row(model=""))
    [row] = board.rows
    fad, f1 = by_hand(folder)
    assert row.model == "other"
    assert not row.is_anchor
    assert row.lookahead is None
    assert fad > 0.01
    assert row.cells["fad_stem"].mean == pytest.approx(fad, rel=0.02)  # half precision, resampling
    assert row.cells["beat_f1"].mean == pytest.approx(f1, abs=1e-9)
    truth = next(row for row in board.anchors if row.model == "ground_truth")
    assert truth.cells["beat_f1"].mean == 1.0
    assert truth.cells["fad_stem"].mean == pytest.approx(0, abs=1e-3)


def test_what_is_known_of_a_part_comes_from_the_metadata(folder):
    stems, parts, player = open_predictions(folder.parent)
    assert [part.name for part in parts] == [f"song {n}/0000{n}" for n in range(3)]
    assert parts[0].stem.instrument == "drums"
    assert parts[0].song.beats_source == "known"
    assert stems.audio(parts[0].song, "input_audio", 1.0, 2.0).shape == (2 * 44_100,)
    assert player.files[parts[2].name] == folder / "00002" / "pred" / "pred.wav"


def test_without_metadata_a_part_is_its_number(folder):
    for path in folder.glob("*/metadata.json"):
        path.unlink()
    _, parts, _ = open_predictions(folder)
    assert [part.name for part in parts] == [f"0000{n}/0000{n}" for n in range(3)]
    assert parts[0].stem.instrument == "other"
    assert parts[0].song.beats_source == ""


def test_the_folder_of_the_prediction_may_have_the_model_s_name(folder):
    (folder / "00001" / "pred").rename(folder / "00001" / "stemgen_base")
    _, parts, player = open_predictions(folder)
    assert player.files[parts[1].name].parent.name == "stemgen_base"
    (folder / "00001" / "another").mkdir()
    soundfile.write(folder / "00001" / "another" / "pred.wav", np.zeros(9), RATE)
    with pytest.raises(DatasetError, match="another, stemgen_base as prediction"):
        open_predictions(folder)


def test_what_cannot_be_scored_is_said(folder, tmp_path):
    with pytest.raises(DatasetError, match="layout"):
        open_predictions(tmp_path)
    with pytest.raises(DatasetError, match="holds no strings"):
        open_session(replace(recipe_of(folder), instruments=("strings",)), folder, None)
    (folder / "00000" / "metadata.json").write_text("{")
    with pytest.raises(DatasetError, match="is not JSON"):
        open_predictions(folder)
    (folder / "00000" / "metadata.json").write_text('{"track": "song 1", "stem": "00001"}')
    with pytest.raises(DatasetError, match="two folders are both"):
        open_predictions(folder)


def test_folders_that_are_compared_hold_the_same_parts(folder, tmp_path):
    fewer = tmp_path / "fewer"
    fewer.mkdir()
    (fewer / "00000").symlink_to(folder / "00000")
    with pytest.raises(DatasetError, match="has no 'song 1/00001'"):
        open_session(recipe_of(folder, fewer), folder, None)
    both = open_session(recipe_of(fewer, folder), folder, None)
    assert [entry.name for entry in both.entries] == ["fewer", "other"]
