from dataclasses import replace
from pathlib import Path

import pytest
import torch

from accomptk.checkpoint import read_header
from accomptk.diffusion.accompanist import Sampling
from accomptk.diffusion.bands import SynthRecipe
from accomptk.diffusion.consistency import (
    EndpointWeights,
    OnePass,
    adjacent,
    endpoint_loss,
    requery,
)
from accomptk.diffusion.distillation import DataFree, DistillRecipe, Paired, PairedRecipe, distil
from accomptk.diffusion.student import Student, load_student, merge_student
from accomptk.diffusion.trajectory_shards import TrajectorySet, synthesise
from accomptk.errors import CheckpointError, DatasetError, StreamError
from accomptk.recipe import load_recipe
from accomptk.run import Run, generator, numpy_generator
from tiny_codecs import tiny_spectral
from tiny_models import tiny_teacher


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distil")
    tiny_teacher(folder / "teacher.safetensors")
    return folder / "teacher.safetensors"


@pytest.fixture(scope="module")
def teacher(path):
    from accomptk.diffusion.teacher import Teacher

    return Teacher(path)


@pytest.fixture(scope="module")
def trajectories(tmp_path_factory, teacher):
    folder = tmp_path_factory.mktemp("trajectories")
    recipe = load_recipe("smoke/synth", SynthRecipe)
    synthesise(folder, lambda: (teacher, tiny_spectral()), recipe)
    return TrajectorySet(folder)


def train(folder, teacher, path, trajectories, overrides=(), **options):
    recipe = load_recipe("smoke/distill", DistillRecipe, overrides)
    run = Run.create("distill", folder, recipe.seed, recipe)
    way = DataFree(recipe, teacher, trajectories)
    return distil(run, way, teacher, path, recipe, **options)


def test_one_pass_is_the_stream(teacher, trajectories):
    """Re-queried under the teacher's own history, the stored trajectories come out again."""
    plan, states = trajectories.read(0)[1]
    again = requery(
        teacher.denoiser, plan, states[:, -1], states[:, 0], trajectories.sigmas, guidance=1.0
    )
    first = plan.chunks[0].start
    assert torch.allclose(again[..., first:], states[..., first:], atol=0.05)


def test_boundary_holds_for_any_weights(teacher, trajectories):
    """At the lowest level a student is the identity, its stream included."""
    plan, states = trajectories.read(0)[0]
    teacher.denoiser.sigma_floor, kept = teacher.noise.sigma_min, 0.0
    floor = torch.full((len(states),), teacher.noise.sigma_min)
    view = OnePass(teacher.denoiser, plan.context, states[:, -1], plan.layout(), plan.conditions)
    assert torch.allclose(view(states[:, -1], floor), states[:, -1], atol=1e-6)
    assert not torch.allclose(view(states[:, -1], 10 * floor), states[:, -1], atol=1e-3)
    teacher.denoiser.sigma_floor = kept


def one_step_error(player, trajectories):
    """Mean square distance of one step from the first level to the trajectories' ends."""
    plan, states = trajectories.read(1)[1]
    view = OnePass(player.denoiser, plan.context, states[:, -1], plan.layout(), plan.conditions)
    made = view(states[:, 0], trajectories.sigmas[:1].expand(len(states)))
    first = plan.chunks[0].start
    return (made - states[:, -1])[..., first:].square().mean().item()


def test_distillation_brings_one_step_to_the_end(tmp_path, teacher, path, trajectories):
    overrides = ["optim.steps=16", "optim.lr=0.02", "self_rollout=0.1", "adapter.rank=8"]
    student = load_student(train(tmp_path, teacher, path, trajectories, overrides))
    with torch.no_grad():
        before, after = (one_step_error(player, trajectories) for player in (teacher, student))
    assert after < 0.8 * before


@pytest.mark.parametrize("rank", [4, 0])
def test_interrupted_distillation_equals_a_straight_one(
    tmp_path, teacher, path, trajectories, rank
):
    overrides = [f"adapter.rank={rank}", "optim.steps=2"]
    straight = train(tmp_path / "straight", teacher, path, trajectories, overrides)

    class Stop(Exception):
        pass

    def interrupt(step, loss):
        if step == 1:
            raise Stop

    recipe = load_recipe("smoke/distill", DistillRecipe, [*overrides, "optim.save_every_s=0"])
    run = Run.create("distill", tmp_path / "resumed", recipe.seed, recipe)
    way = DataFree(recipe, teacher, trajectories)
    with pytest.raises(Stop):
        distil(run, way, teacher, path, recipe, on_step=interrupt)
    resumed = distil(run, way, teacher, path, recipe)
    one, two = (load_student(file).denoiser.state_dict() for file in (straight, resumed))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[n], w) for n, w in teacher.denoiser.state_dict().items())


def test_an_adapter_and_its_merged_weights_play_the_same(tmp_path, teacher, path, trajectories):
    overrides = ["optim.lr=0.05"]
    adapter = train(tmp_path, teacher, path, trajectories, overrides)
    merged = tmp_path / "merged.safetensors"
    merge_student(adapter, merged)
    assert adapter.stat().st_size < merged.stat().st_size
    plan = trajectories.read(0)[1].plan
    plays = [play_all(load_student(file), plan, Sampling(1)) for file in (adapter, merged)]
    assert torch.allclose(*plays, atol=0.05)
    assert not torch.allclose(plays[0], play_all(teacher, plan, Sampling(1)), atol=0.05)


def draws_of(chunk, seeds):
    return [generator(seed, "chunk", chunk.start) for seed in seeds]


def play_all(player, plan, sampling, seeds=(5, 6), streams=slice(None)):
    """Chunks of a plan played as a stream plays them, [B, C, T]."""
    some = plan.map(lambda part: part[streams])
    memory, heard, parts = player.open(), 0, []
    for chunk in some.chunks:
        player.hear(memory, some.context[:, :, heard : chunk.heard])
        heard = chunk.heard
        draws = draws_of(chunk, seeds)
        parts.append(player.play(memory, chunk, some.asked(chunk), draws, sampling))
    return torch.cat(parts, 2)


@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_stream_of_a_seed_is_independent_of_the_batch(teacher, trajectories, num_steps):
    student = Student(teacher, teacher.denoiser, trajectories.sigmas)
    plan = trajectories.read(0)[1].plan
    sampling = Sampling(num_steps)
    both = play_all(student, plan, sampling)
    alone = play_all(student, plan, sampling, seeds=(6,), streams=slice(1, 2))
    assert torch.allclose(both[1:], alone, atol=1e-4)
    assert student.evaluations(sampling) == num_steps


def test_more_steps_than_levels_are_refused(teacher, trajectories):
    student = Student(teacher, teacher.denoiser, trajectories.sigmas)
    assert student.levels(1).tolist() == pytest.approx([40.0, 0.0])
    with pytest.raises(StreamError, match="4 steps: this student knows 3"):
        student.levels(4)


def test_a_student_without_its_teacher_says_which(tmp_path, trajectories):
    lost = tmp_path / "teacher.safetensors"
    teacher = tiny_teacher(lost)
    made = train(tmp_path / "run", teacher, lost, trajectories, ["self_rollout=0.0"])
    assert str(tmp_path) not in str(read_header(made))
    merged = tmp_path / "merged.safetensors"
    merge_student(made, merged)
    lost.unlink()
    assert load_student(merged).channels == teacher.channels
    with pytest.raises(CheckpointError, match=f"adapts teacher {teacher.sha8}, which is neither"):
        load_student(made)


def test_a_student_is_tamer_by_its_recipe_where_it_hears(tmp_path, path, teacher, trajectories):
    changes = ["self_rollout=0.0", "temperature=0.5"]
    made = train(tmp_path / "run", teacher, path, trajectories, changes)
    merged = tmp_path / "merged.safetensors"
    merge_student(made, merged)
    assert [load_student(one).temperature for one in (made, merged)] == [0.5, 0.5]
    tame, trained = load_student(made), load_student(made)
    trained.temperature = 1.0
    plan = trajectories.read(0)[1].plan
    deaf = replace(plan.chunks[0], heard=0)

    def play(player, some, temperature=1.0):
        return play_all(player, some, Sampling(1, temperature=temperature))

    assert torch.equal(play(tame, plan, 2.0), play(trained, plan))
    assert not torch.allclose(play(tame, plan), play(trained, plan), atol=1e-2)
    alone = [
        player.play(player.open(), deaf, plan.asked(deaf), draws_of(deaf, (5, 6)), Sampling(1))
        for player in (tame, trained)
    ]
    assert torch.equal(*alone)


def test_targets_are_not_asked_of_another_teacher(teacher, path, trajectories, tmp_path):
    recipe = load_recipe("smoke/distill", DistillRecipe)
    teacher.sha8, kept = "0ther000", teacher.sha8
    with pytest.raises(DatasetError, match=f"was played by model {kept}, the teacher is 0ther000"):
        DataFree(recipe, teacher, trajectories)
    teacher.sha8 = kept


def test_history_decides_the_target(teacher, trajectories):
    """Under another history the teacher would end elsewhere: stored ends do not fit there."""
    plan, states = trajectories.read(0)[1]
    other = torch.randn(states[:, -1].shape, generator=generator(0, "history"))
    again = requery(teacher.denoiser, plan, other, states[:, 0], trajectories.sigmas, 1.0)
    assert not torch.allclose(again[:, -1], states[:, -1], atol=0.1)


def test_guidance_moves_the_target(teacher, trajectories):
    plan, states = trajectories.read(0)[1]
    ends = [
        requery(teacher.denoiser, plan, states[:, -1], states[:, 0], trajectories.sigmas, weight)
        for weight in (1.0, 3.0)
    ]
    assert not torch.allclose(*ends, atol=0.1)


def test_losses_of_equal_and_of_shifted_chunks(trajectories):
    chunks = trajectories.read(0)[1].plan.chunks
    length = chunks[-1].end
    x = torch.randn(2, 3, length, generator=generator(0, "x"))
    terms = ("latent", "spectral", "temporal")
    for name in terms:
        weights = EndpointWeights(**{term: float(term == name) for term in terms})
        assert endpoint_loss(x, x, chunks, weights).item() == pytest.approx(0, abs=1e-6)
        assert endpoint_loss(x, x.roll(1, 0), chunks, weights).item() > 0.1
    still = EndpointWeights(latent=0.0, spectral=0.0, temporal=1.0)
    assert endpoint_loss(x + 1, x, chunks, still).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("huber", [0.0, 0.03])
def test_paired_distillation_on_recordings(tmp_path, path, noise_songs, monkeypatch, huber):
    from accomptk.diffusion import distillation
    from accomptk.diffusion.teacher import Teacher

    monkeypatch.setattr(distillation, "read_songs", lambda *_: noise_songs)
    teacher = Teacher(path)
    recipe = load_recipe("smoke/distill-paired", PairedRecipe, [f"huber={huber}", "guidance=1.5"])
    run = Run.create("distill", tmp_path, recipe.seed, recipe)
    losses = []
    way = Paired(recipe, teacher, path, Path("unused"))
    made = distil(run, way, teacher, path, recipe, on_step=lambda _, loss: losses.append(loss))
    student = load_student(made)
    assert len(losses) == recipe.optim.steps
    assert student.levels(2)[0].item() == pytest.approx(recipe.sigma_max)
    assert all(torch.isfinite(weight).all() for weight in student.denoiser.state_dict().values())


def test_a_pair_lies_on_the_teachers_path(teacher, noise_songs, path):
    """With a denoiser that knows the answer, a Heun step keeps the target and lowers the noise."""
    from accomptk.checkpoint import read_header
    from accomptk.diffusion.excerpts import ExcerptSampler
    from accomptk.diffusion.teacher import TeacherRecipe
    from accomptk.recipe import parse_recipe

    own = parse_recipe(read_header(path).recipe, TeacherRecipe, "teacher")
    sampler = ExcerptSampler(
        noise_songs, teacher.vocabulary, own.geometry, own.drops, own.beat_noise
    )
    batch = sampler.batch(2, numpy_generator(0, "batch"))
    target = batch.target.repeat_interleave(2, 0)
    knows = OnePass(
        lambda x, sigma, *_: target, batch.context, batch.target, batch.layout, batch.conditions
    )
    pair = adjacent(knows, batch, own.noise.sigmas(6)[:-1], 2, generator(0, "noise"))
    scaled = (pair.x - target) / pair.sigma.unsqueeze(1)
    assert torch.allclose((pair.x_next - target) / pair.sigma_next.unsqueeze(1), scaled, atol=1e-3)
    assert (pair.sigma_next < pair.sigma).all()
    assert not torch.equal(pair.sigma[0], pair.sigma[1])


def test_processes_that_share_the_shards_make_the_same(tmp_path, teacher, trajectories):
    recipe = load_recipe("smoke/synth", SynthRecipe)
    for rank in (1, 0):
        with pytest.raises(DatasetError, match=r"holds no trajectories|missing"):
            TrajectorySet(tmp_path)
        synthesise(
            tmp_path,
            lambda: (teacher, tiny_spectral()),
            recipe,
            share=lambda shards, rank=rank: shards[rank::2],
        )
    assert TrajectorySet(tmp_path).details == trajectories.details
    for name in trajectories.details.shards:
        assert (tmp_path / name).read_bytes() == (trajectories.folder / name).read_bytes()


def test_a_damaged_shard_is_one_line(tmp_path, teacher):
    recipe = load_recipe("smoke/synth", SynthRecipe, ["streams=1", "geometry.excerpt=12"])
    synthesise(tmp_path, lambda: (teacher, tiny_spectral()), recipe)
    shard = tmp_path / "000000.tar"
    shard.write_bytes(shard.read_bytes()[:3000])
    with pytest.raises(DatasetError, match=r"000000.tar: damaged; delete it"):
        TrajectorySet(tmp_path).read(0)
