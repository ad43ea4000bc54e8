"""What a training says of its model: its loss, and whether it listens."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from accomptk.diffusion.denoiser import Denoiser
from accomptk.diffusion.fit import VALIDATION_BATCHES, validate


class Fitting:
    """Counts what is drawn; each stray batch costs a quarter more."""

    def __init__(self):
        self.asked = []

    def loss(self, denoiser, run, step, songs="train"):
        self.asked.append((songs, step))
        return denoiser.net.weight.sum() * {"valid": 1.0, "astray": 1.25}[songs]


def test_listening_is_what_anothers_context_costs_the_averaged_weights():
    model = Denoiser(nn.Linear(1, 1, bias=False), 1.0)
    average = {"net.weight": torch.tensor([[0.5]])}
    fitting = Fitting()
    scalars = validate(fitting, SimpleNamespace(model=model, ema=average), None)
    assert scalars == {"valid_loss": pytest.approx(0.5), "listening": pytest.approx(0.25)}
    steps = [
        {step for name, step in fitting.asked if name == songs} for songs in ("valid", "astray")
    ]
    assert steps[0] == steps[1]
    assert len(steps[0]) == VALIDATION_BATCHES
