import pytest
import torch

from accomptk.run import Run
from accomptk.training import Optim, Trainer, step_generators

OPTIM = Optim(
    lr=0.05, warmup=3, weight_decay=0.01, clip=1.0, ema=0.1, batch=4, steps=8, save_every_s=1e9
)


def start(folder, seed=0):
    """A trainer of a line through noisy points, and the loss of a step."""
    run = Run.create("train-line", folder, seed, OPTIM)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1)
    saved = {}

    def save(path, weights, step):
        saved[path.name] = {name: value.clone() for name, value in weights.items()}
        path.write_bytes(b"weights")

    trainer = Trainer(run, model, OPTIM, save)

    def loss(step):
        rng, noise = step_generators(run, step)
        x = torch.from_numpy(rng.standard_normal((OPTIM.batch, 3))).float()
        y = x.sum(1, keepdim=True) + 0.1 * torch.randn((OPTIM.batch, 1), generator=noise)
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
