"""The recipes at the papers' scale: how large they are, and a step of a small copy of each."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from accomptk.diffusion import distillation, fit
from accomptk.diffusion.a_style import AStyleRecipe, build_a_style
from accomptk.diffusion.bands import SynthRecipe
from accomptk.diffusion.distillation import DataFree, DistillRecipe, Paired, PairedRecipe, distil
from accomptk.diffusion.fit import AStyleFitting, TeacherFitting
from accomptk.diffusion.teacher import Teacher, TeacherRecipe, build_teacher
from accomptk.diffusion.trajectory_shards import TrajectorySet, synthesise
from accomptk.latents.autoencoder import NeuralCode
from accomptk.latents.code import LinearCode
from accomptk.latents.fit import CodecRecipe, codec_loss
from accomptk.latents.spectrum import Spectrum
from accomptk.recipe import load_recipe, shipped_recipes
from accomptk.run import Run, generator, numpy_generator
from accomptk.streaming.models import load_model
from tiny_codecs import tiny_spectral
from tiny_models import CODEC, noise_song, tiny_teacher

LARGE = ("slakh", "musdb")
CHANNELS = 112  # of the codec
SMALL = ("size.width=16", "size.depth=2", "size.heads=2", "optim.batch=1")


def load_once(name, schema, *overrides):
    """A recipe for a single step, not compiled, which would take longer than all other tests."""
    recipe = load_recipe(name, schema, ("optim.steps=1", "optim.batches=1", *overrides))
    return replace(recipe, optim=replace(recipe.optim, compile=None))


@pytest.fixture(autouse=True)
def songs(monkeypatch):
    """Songs of noise, wherever a set is asked for."""
    made = [noise_song(f"song-{index}", 240, index) for index in range(2)]
    for module in (fit, distillation):
        monkeypatch.setattr(module, "read_songs", lambda *_, **__: made)
    monkeypatch.setattr(fit.StemSet, "open", lambda _: fit.StemSet(Path(), ()))


@pytest.fixture
def teacher(tmp_path):
    return tiny_teacher(tmp_path / "teacher.safetensors")


def finite(path):
    """Whether a model that was trained can be loaded, and its weights are numbers."""
    weights = load_model(str(path)).denoiser.state_dict().values()
    return all(torch.isfinite(weight).all() for weight in weights)


def test_each_folder_has_its_stages():
    assert {name for name in shipped_recipes() if name.startswith(LARGE)} == {
        *(f"{data}/{stage}" for data in LARGE for stage in ("codec", "teacher", "a-style")),
        *("slakh/distill", "slakh/distill-paired", "slakh/synth", "musdb/distill-paired"),
    }


@pytest.mark.parametrize("data", LARGE)
def test_models_are_of_the_papers_size(data):
    teacher = load_recipe(f"{data}/teacher", TeacherRecipe)
    a_style = load_recipe(f"{data}/a-style", AStyleRecipe)
    with torch.device("meta"):
        models = (
            build_teacher(teacher, CHANNELS, teacher.size.words),
            build_a_style(a_style, CHANNELS),
        )
    for model in models:
        assert sum(weight.numel() for weight in model.parameters()) == pytest.approx(257e6, rel=0.1)
    for recipe in (teacher, a_style):
        assert (recipe.optim.precision, recipe.optim.compile) == ("bfloat16", "default")
    made = teacher.optim.batch * teacher.geometry.excerpt
    assert made == a_style.optim.batch * a_style.frames


@pytest.mark.parametrize("data", LARGE)
@pytest.mark.parametrize(
    ("stage", "schema", "fitting"),
    [("teacher", TeacherRecipe, TeacherFitting), ("a-style", AStyleRecipe, AStyleFitting)],
)
def test_a_small_copy_is_trained(data, stage, schema, fitting, tmp_path):
    recipe = load_once(f"{data}/{stage}", schema, *SMALL)
    run = Run.create("train", tmp_path / "run", 0, recipe)
    path = fit.fit(run, fitting(recipe, tmp_path, CODEC))
    assert run.is_finished
    assert finite(path)


@pytest.mark.parametrize("data", LARGE)
def test_a_small_student_learns_from_recordings(data, teacher, tmp_path):
    path = tmp_path / "teacher.safetensors"
    recipe = load_once(f"{data}/distill-paired", PairedRecipe, "optim.batch=1")
    run = Run.create("distill", tmp_path / "run", 0, recipe)
    assert finite(distil(run, Paired(recipe, teacher, path, tmp_path), teacher, path, recipe))


def test_a_small_student_learns_without(teacher: Teacher, tmp_path):
    small = ("streams=2", "group=2", "players=2", "num_steps=2", "geometry.excerpt=24")
    small += ("geometry.frames=24", "geometry.hop_max=9", "geometry.gap_max=9")
    shards, path = tmp_path / "shards", tmp_path / "teacher.safetensors"
    synth = load_recipe("slakh/synth", SynthRecipe, (*small, "geometry.ahead_max=18"))
    synthesise(shards, lambda: (teacher, tiny_spectral()), synth)
    recipe = load_once("slakh/distill", DistillRecipe, "adapter.rank=2", "optim.batch=2")
    run = Run.create("distill", tmp_path / "run", 0, recipe)
    way = DataFree(recipe, teacher, TrajectorySet(shards))
    assert finite(distil(run, way, teacher, path, recipe))


@pytest.mark.parametrize("data", LARGE)
def test_a_small_codec_learns(data):
    sizes = ("size.channels=8", "size.components=24", "size.width=16", "size.hidden=16")
    recipe = load_recipe(f"{data}/codec", CodecRecipe, sizes)
    spectrum = Spectrum(recipe.spectrum)
    noise = torch.randn(spectrum.features, 24, generator=generator(0, "basis"))
    base = LinearCode(torch.linalg.qr(noise).Q.T.contiguous(), torch.zeros(24), torch.ones(24))
    code = NeuralCode(base, torch.ones(24), recipe.size)
    heard = torch.randn(2, recipe.excerpts.frames, 24, generator=generator(0, "heard"))
    draws = numpy_generator(0, "frames"), generator(0, "noise")
    codec_loss(code, spectrum, heard, recipe, *draws).backward()
    assert code.decoder.out.weight.grad.abs().sum() > 0
