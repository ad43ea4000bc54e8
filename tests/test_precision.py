"""16 bits are used where they are faster."""

from dataclasses import replace

import pytest
import torch

from accomptk import precision
from accomptk.training import Optim

CPU = torch.device("cpu")
OPTIM = Optim(
    lr=0.05, warmup=3, weight_decay=0.01, clip=1.0, ema=0.1, batch=4, steps=8, save_every_s=1e9
)


@pytest.fixture
def machine(monkeypatch):
    """Says how long products take here; nothing of it is remembered."""
    taken = {torch.float32: 1.0}
    monkeypatch.setattr(precision, "seconds", taken.__getitem__)
    precision.is_fast.cache_clear()
    yield taken
    precision.is_fast.cache_clear()


@pytest.mark.parametrize(("taken", "dtype"), [(0.3, torch.bfloat16), (100.0, torch.float32)])
def test_bits_are_saved_where_that_saves_time(machine, taken, dtype):
    machine[torch.bfloat16] = taken
    x = torch.ones(4, 4)
    with replace(OPTIM, precision="bfloat16").arithmetic(CPU):
        assert (x @ x).dtype == dtype


def test_products_of_every_type_can_be_timed():
    assert 0 < precision.seconds(torch.float32) < 1
    assert 0 < precision.seconds(torch.bfloat16) < 10
