from functools import partial
from itertools import islice

import pytest
import torch

from accomptk.diffusion.bands import SynthRecipe, play_bands
from accomptk.diffusion.briefs import write_briefs
from accomptk.diffusion.samplers import heun_states
from accomptk.diffusion.trajectories import play_through
from accomptk.errors import RecipeError
from accomptk.recipe import load_recipe
from tiny_codecs import tiny_spectral


@pytest.fixture(scope="module")
def recipe():
    return load_recipe("smoke/synth", SynthRecipe)


@pytest.fixture(scope="module")
def codec():
    return tiny_spectral()


@pytest.fixture(scope="module")
def briefs():
    return list(islice(write_briefs(0, 3.0, 3), 4))


@pytest.fixture(params=["teacher", "a_style"])
def model(request, teacher, a_style):
    """A causal model with caches, and a full window that streams by outpainting."""
    return teacher if request.param == "teacher" else a_style


def test_trajectory_of_an_index_is_independent_of_the_batch(model, codec, recipe, briefs):
    both = play_bands(model, codec, recipe, briefs[2:4], 2)
    alone = play_bands(model, codec, recipe, briefs[3:4], 3)
    assert len(both) == len(alone) == recipe.players
    for two, one in zip(both, alone, strict=True):
        assert torch.allclose(two.states[1:], one.states, atol=0.05)
        assert not torch.allclose(two.states[:1], one.states, atol=0.5)
        assert two.plan.chunks == one.plan.chunks


def test_who_joins_hears_the_soloist_and_only_what_was_heard(teacher, codec, recipe, briefs):
    band = play_bands(teacher, codec, recipe, briefs[:2], 0)
    plan, states = band[1]
    length = plan.chunks[-1].end
    assert torch.equal(plan.context, band[0].endpoint[:, :, :length])
    mixed = band[2].plan.context
    assert mixed.shape == plan.context.shape
    assert not torch.allclose(mixed, plan.context, atol=0.1)
    heard = plan.chunks[-1].heard
    assert 0 < heard < length
    sigmas = recipe.levels(teacher.noise)

    def again(context):
        changed = type(plan)(plan.chunks, context, plan.conditions)
        seeds = [recipe.stream_seed(1, index) for index in range(2)]
        path = partial(heun_states, sigmas=sigmas)
        return play_through(teacher, changed, seeds, path, sigma_max=recipe.sigma_max)

    unheard, other = plan.context.clone(), plan.context.clone()
    unheard[:, :, heard:] = 9
    other[:, :, :heard] = 9
    assert torch.allclose(again(unheard), states, atol=1e-4)
    assert not torch.allclose(again(other), states, atol=0.1)


def test_states_go_down_the_levels_of_the_solver(model, codec, recipe, briefs):
    plan, states = play_bands(model, codec, recipe, briefs[:1], 0)[0]
    sigmas = recipe.levels(model.noise)
    assert states.shape[1] == len(sigmas) == recipe.num_steps + 1
    assert [chunk.heard for chunk in plan.chunks] == [0] * len(plan.chunks)
    assert states[:, 0].std().item() == pytest.approx(sigmas[0].item(), rel=0.1)
    assert torch.isfinite(states).all()
    assert states[:, -1].std() < 0.2 * states[:, 0].std()


def test_briefs_are_distinct_and_do_not_depend_on_how_many():
    some, more = (list(islice(write_briefs(3, 5.0, 3), count)) for count in (5, 12))
    assert [brief.key for brief in some] == [brief.key for brief in more[:5]]
    assert len({brief.key for brief in more}) == 12
    assert all(len(set(brief.players)) == 3 for brief in more)
    assert all(brief.beats[0] < -2 and brief.beats[-1] > 5 for brief in more)


def test_a_bank_of_prompts_is_taken_in_turn():
    briefs = list(islice(write_briefs(0, 5.0, 2, ("slow jazz, 90 bpm", "waltz")), 6))
    assert [brief.prompt for brief in briefs] == ["slow jazz, 90 bpm", "waltz"] * 3
    assert len({brief.key for brief in briefs}) == 6
    assert abs(briefs[0].tempo - 90) < 10


def test_a_teacher_of_another_reach_is_refused(teacher, codec, recipe, briefs, monkeypatch):
    monkeypatch.setattr(teacher, "frames", 72)
    with pytest.raises(RecipeError, match=r"frames = 24: model 'teacher' reaches 72"):
        play_bands(teacher, codec, recipe, briefs[:1], 0)
