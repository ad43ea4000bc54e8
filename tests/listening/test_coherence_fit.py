import numpy as np
import pytest
import torch

from accomptk.checkpoint import read_header
from accomptk.errors import DatasetError
from accomptk.listening import fit
from accomptk.listening.fit import CoherenceRecipe, fit_coherence
from accomptk.metrics.coherence import load_coherence
from accomptk.recipe import load_recipe
from accomptk.run import Run
from accomptk.stems.prepare import prepare
from accomptk.stems.song import SongAudio
from signals import RATE, clicks, sine
from tiny_sets import write_set

SECONDS = 12.0
OVERRIDES = ["optim.steps=3"]


def make_song(track, period_s):
    beats = np.arange(0.1, SECONDS - 0.2, period_s)
    return SongAudio(
        track=track,
        stems={
            "drums": ("drums", clicks(beats, SECONDS)),
            "bass": ("bass", sine(110 * period_s, SECONDS) * (1 + clicks(beats, SECONDS))),
        },
        split="train",
        beats=beats,
        downbeats=beats[::4],
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two songs that are long enough to draw from."""
    root = tmp_path_factory.mktemp("coherence")
    tasks = [(f"song {n}", lambda n=n: make_song(f"song {n}", 0.4 + n / 20)) for n in range(2)]
    prepare(root, tasks, name="tiny", source="test")
    return root


def train(folder, data, *overrides, **options):
    recipe = load_recipe("smoke/coherence", CoherenceRecipe, [*OVERRIDES, *overrides])
    run = Run.create("train-coherence", folder, recipe.seed, recipe)
    return fit_coherence(run, recipe, data, **options)


def test_training_writes_a_judge_that_loads(data, tmp_path):
    path = train(tmp_path / "run", data)
    judge = load_coherence(path)

    assert read_header(path).kind == "coherence"
    assert read_header(path).step == 3
    wav = clicks(np.arange(0.1, 8, 0.5), 8.0)
    assert set(judge(wav, sine(220.0, 8.0), RATE)) == {"both", "harmonic", "percussive"}


def test_interrupted_and_resumed_is_the_same(data, tmp_path):
    straight = train(tmp_path / "straight", data)
    train(tmp_path / "stopped", data, minutes=1e-9)
    resumed = train(tmp_path / "stopped", data)
    one, two = (load_coherence(path).net.state_dict() for path in (straight, resumed))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_loss_falls(data, tmp_path):
    losses = []
    train(tmp_path / "run", data, "optim.steps=25", on_step=lambda _, loss: losses.append(loss))
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_validation_names_each_instrument(data, tmp_path):
    recipe = load_recipe("smoke/coherence", CoherenceRecipe)
    run = Run.create("train-coherence", tmp_path / "run", 0, recipe)
    stems = fit.StemSet.open(data)
    songs = fit.hear_songs(stems, stems.songs, tmp_path / "levels", recipe.seconds)
    sampler = fit.PairSampler(songs, recipe.pairs, 4, fit.WINDOW_FRAMES)
    scalars = fit.validate(fit.fresh(run, recipe.size), sampler, run)

    names = {f"{i}_{k}" for i in ("drums", "bass") for k in ("other", "moved", "altered")}
    assert set(scalars) == {"valid_loss", *names}
    assert all(0 <= scalars[name] <= 1 for name in names)


def test_songs_too_short_to_draw_from_are_one_line(tmp_path):
    with pytest.raises(DatasetError, match="no instrument has two"):
        train(tmp_path / "run", write_set(tmp_path / "set"))
