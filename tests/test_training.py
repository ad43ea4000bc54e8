import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from accomptk.errors import RecipeError
from accomptk.processes import Team
from accomptk.recipe import dump_recipe
from accomptk.run import Run
from accomptk.training import Optim, Trainer, step_generators

OPTIM = Optim(
    lr=0.05, warmup=3, weight_decay=0.01, clip=1.0, ema=0.1, batch=4, steps=8, save_every_s=1e9
)


def start(folder, seed=0, optim=OPTIM):
    """A trainer of a line through noisy points, and the loss of a batch."""
    run = Run.create("train-line", folder, seed, optim)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1)
    saved = {}

    def save(path, weights, step):
        saved[path.name] = {name: value.clone() for name, value in weights.items()}
        path.write_bytes(b"weights")

    trainer = Trainer(run, model, optim, save)

    def loss(step):
        rng, noise = step_generators(run, step)
        x = torch.from_numpy(rng.standard_normal((optim.batch, 3))).float()
        y = x.sum(1, keepdim=True) + 0.1 * torch.randn((optim.batch, 1), generator=noise)
        return (model(x) - y).square().mean()

    return trainer, loss, saved


def test_interrupted_training_equals_a_straight_one(tmp_path):
    straight, loss, saved = start(tmp_path / "straight")
    straight.train(loss)

    first, loss, _ = start(tmp_path / "resumed")

    def interrupt(step, value):
        if step == 5:
            first.checkpoint()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.train(loss, on_step=interrupt)
    second, loss, resumed = start(tmp_path / "resumed")
    assert second.step == 5
    second.train(loss)
    for name in ("ema.safetensors", "raw.safetensors"):
        for key, value in saved[name].items():
            assert torch.equal(value, resumed[name][key]), (name, key)
    assert not torch.equal(saved["ema.safetensors"]["weight"], saved["raw.safetensors"]["weight"])


def test_another_seed_gives_other_weights(tmp_path):
    weights = []
    for seed in (0, 1):
        trainer, loss, saved = start(tmp_path / str(seed), seed)
        trainer.train(loss)
        weights.append(saved["raw.safetensors"]["weight"])
    assert not torch.equal(*weights)


def test_minutes_stop_soundly_and_the_run_goes_on(tmp_path):
    trainer, loss, _ = start(tmp_path)
    trainer.train(loss, minutes=0)
    assert trainer.step == 1
    assert not trainer.run.is_finished
    again, loss, _ = start(tmp_path)
    again.train(loss)
    assert again.step == OPTIM.steps
    assert again.run.is_finished


def test_average_covers_the_last_part_of_training(tmp_path):
    """Averaging a weight that counts the steps shows the profile: mean age about a tenth."""
    trainer, _, _ = start(tmp_path)
    for step in range(1, 2001):
        trainer.step = step
        with torch.no_grad():
            trainer.model.weight.fill_(step)
        trainer._average()
    assert trainer.ema["weight"][0, 0].item() == pytest.approx(2000 * 10 / 11, rel=0.01)


def test_a_step_of_several_batches_has_their_mean_gradient(tmp_path):
    optim = replace(OPTIM, batches=3, clip=1e9)
    trainer, loss, _ = start(tmp_path, optim=optim)
    trainer.step = 5
    values = [loss(number) for number in (15, 16, 17)]
    wanted = torch.autograd.grad(sum(values) / 3, list(trainer.model.parameters()))
    assert trainer._learn(loss) == pytest.approx((sum(values) / 3).item())
    for weight, gradient in zip(trainer.model.parameters(), wanted, strict=True):
        torch.testing.assert_close(weight.grad, gradient)


def test_batches_that_cannot_be_shared_are_refused(tmp_path):
    model = torch.nn.Linear(1, 1)
    run = Run(tmp_path, 0)
    with pytest.raises(RecipeError, match=r"batches = 3: cannot be shared by 2 processes"):
        Trainer(run, model, replace(OPTIM, batches=3), lambda *_: None, Team(0, 2))
    assert Trainer(run, model, OPTIM, lambda *_: None, Team(0, 2)).batches == 2


def test_what_is_not_asked_for_is_not_in_the_recipe():
    """Runs from before these keys go on."""
    assert "batches" not in dump_recipe(OPTIM)
    assert "compile" not in dump_recipe(OPTIM)


@pytest.mark.slow
def test_two_gloo_processes_learn_as_one(tmp_path):
    """The losses differ by no more than the order of a sum does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    curves = []
    for size in (1, 2):
        folder = tmp_path / str(size)
        members = [
            subprocess.Popen(
                [sys.executable, Path(__file__).parent / "team_learner.py", folder],
                env={**os.environ, **shared, "WORLD_SIZE": str(size), "RANK": n, "LOCAL_RANK": n},
            )
            for n in map(str, range(size))
        ]
        assert [member.wait(timeout=300) for member in members] == [0] * size
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        curves.append([json.loads(line)["loss"] for line in lines])
    assert len(curves[0]) == 6
    assert curves[1] == pytest.approx(curves[0], rel=1e-4)
    assert len(set(curves[0])) == 6


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # torch's compiler warns of its own code
def test_a_compiled_teacher_learns_the_same(tmp_path):
    from team_learner import learn

    plain = learn(tmp_path / "plain", Team())
    compiled = learn(tmp_path / "compiled", Team(), 'optim.compile="default"')
    assert compiled == pytest.approx(plain, rel=1e-3)
