"""What the ablations forget, and that each of them is what it says."""

import sys
from pathlib import Path

import pytest
import torch

from accomptk.checkpoint import load_tensors
from accomptk.conditions.harmony import HARMONY_FEATURES
from accomptk.diffusion.teacher import Teacher, TeacherRecipe
from accomptk.diffusion.transformer import Cache, Conditions
from accomptk.recipe import load_recipe
from accomptk.window import Chunk
from tiny_models import tiny_teacher

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from conditions import ALL, HARMONY, VARIANTS, forget


@pytest.mark.parametrize("name", list(VARIANTS))
def test_each_variant_changes_what_it_names(name):
    plain, changed = (
        load_recipe("pocket/finetune", TeacherRecipe, (*ALL, *overrides))
        for overrides in ((), VARIANTS[name].overrides)
    )
    assert plain.adapter is not None
    assert plain.adapter.rank == 0
    assert (plain == changed) == (name == "as it is")


def test_what_is_forgotten_is_not_heard(tmp_path):
    tiny_teacher(tmp_path / "teacher.safetensors")
    forget(tmp_path / "teacher.safetensors", HARMONY, tmp_path / "deaf.safetensors")
    free = Conditions.free(torch.tensor([0]), 3, 6)
    told = free.map(torch.clone)
    told.harmony[:] = 1
    answers = {}
    for name in ("teacher", "deaf"):
        net = Teacher(tmp_path / f"{name}.safetensors").net
        past = net.recall(Cache(), Cache(), Chunk(0, 0, 6), free.beats)
        x, c_noise = torch.ones(1, net.channels, 6), torch.zeros(1, 6)
        answers[name] = [net.play(x, c_noise, past, some) for some in (free, told)]
    assert told.harmony.shape[1] == HARMONY_FEATURES
    assert not torch.allclose(*answers["teacher"], atol=1e-3)
    assert torch.equal(*answers["deaf"])
    before, after = (
        load_tensors(tmp_path / f"{name}.safetensors", "teacher")[0] for name in answers
    )
    changed = [n for n, value in before.items() if not torch.equal(value.half(), after[n].half())]
    assert changed == ["net.frame.0.weight"]
