from dataclasses import replace

import numpy as np
import pytest
import torch

from accomptk.checkpoint import save_checkpoint
from accomptk.diffusion.accompanist import Sampling
from accomptk.diffusion.excerpts import Drops, ExcerptSampler
from accomptk.diffusion.teacher import (
    FORGETS_FRAMES,
    SOUND_INPUT,
    Teacher,
    TeacherRecipe,
    build_teacher,
    teacher_loss,
)
from accomptk.diffusion.transformer import Conditions
from accomptk.recipe import load_recipe
from accomptk.run import generator
from accomptk.window import Chunk, Window
from tiny_models import CHANNELS, CODEC, WORDS, shaken


@pytest.fixture(scope="module")
def recipe():
    return load_recipe("smoke/teacher", TeacherRecipe)


WINDOW = Window(frames=24, hop=6, gap=6)


def rollout(model, seeds, sampling=None, hops=4, first="chunk"):
    """Chunks of a stream whose streams are told apart by their seeds, [B, C, T].

    ``first`` names the noise of the chunks that begin before frame 24.
    """
    latents = torch.stack([torch.randn(CHANNELS, 60, generator=generator(s, "c")) for s in seeds])
    who = torch.tensor([seed % 2 for seed in seeds])
    prompt = torch.from_numpy(model.vocabulary.vectors(["slow"] * len(seeds)))
    free = Conditions.free(who, prompt.shape[1], WINDOW.hop)
    conditions = replace(free, prompt=prompt)
    memory, made, parts = model.open(), None, []
    for heard in range(6, 6 * hops + 1, 6):
        model.hear(memory, latents[:, :, heard - 6 : heard])
        chunk = WINDOW.chunk(heard, made)
        name = first if chunk.start < 24 else "chunk"
        draws = [generator(seed, name, chunk.start) for seed in seeds]
        parts.append(model.play(memory, chunk, conditions, draws, sampling or model.sampling))
        made = chunk.end
    return torch.cat(parts, 2)


def test_stream_of_a_seed_is_independent_of_the_batch(teacher):
    together, alone = rollout(teacher, [3, 4, 5]), rollout(teacher, [4])
    assert torch.allclose(together[1:2], alone, atol=1e-4)
    assert not torch.allclose(together[:1], alone, atol=1e-2)


def test_baseline_of_a_seed_is_independent_of_the_batch(a_style):
    together, alone = rollout(a_style, [3, 4, 5]), rollout(a_style, [4])
    assert torch.allclose(together[1:2], alone, atol=1e-4)
    assert not torch.allclose(together[:1], alone, atol=1e-2)


def test_what_was_played_is_forgotten_after_a_while(teacher, monkeypatch):
    """Chunks begin at 12, 18, 24 and 30."""
    kept, other = rollout(teacher, [1]), rollout(teacher, [1], first="other")
    assert not torch.allclose(kept[:, :, 12:18], other[:, :, 12:18], atol=1e-3)
    monkeypatch.setattr("accomptk.diffusion.teacher.FORGETS_FRAMES", 12)
    kept, other = rollout(teacher, [1]), rollout(teacher, [1], first="other")
    assert not torch.allclose(kept[:, :, 6:12], other[:, :, 6:12], atol=1e-3)
    assert torch.equal(kept[:, :, 12:], other[:, :, 12:])


@pytest.mark.parametrize(("heard", "beat", "forgets"), [(0, 0, False), (9, 0, True), (0, 1, True)])
def test_a_stream_without_any_tempo_keeps_its_own(teacher, heard, beat, forgets):
    memory, beats = teacher.open(), torch.full((1, 6, 6), float(beat))
    teacher.forget(memory, Chunk(heard, 12, 18), beats)
    memory.history.end = 12
    teacher.forget(memory, Chunk(heard, 6 + FORGETS_FRAMES, 12 + FORGETS_FRAMES), beats)
    assert memory.history.end == 12
    teacher.forget(memory, Chunk(heard, 12 + FORGETS_FRAMES, 18 + FORGETS_FRAMES), beats)
    assert memory.history.end == (0 if forgets else 12)


def test_a_context_that_repeats_itself_is_played_with_as_if_it_had_been_heard(teacher):
    """A bar of 6 frames, of which four were heard and the next three are expected."""
    song = torch.randn(1, CHANNELS, 24, generator=generator(0, "c")).repeat(1, 1, 2)
    beats = torch.zeros(1, 6, 6)
    beats[:, 4:] = 2.0  # two octaves above 120 bpm, four beats a bar
    free = Conditions.free(torch.tensor([0]), len(WORDS), 6)

    def play(heard, chunk, anticipates):
        memory = teacher.open()
        teacher.hear(memory, song[:, :, :heard])
        sampling = Sampling(2, anticipates=anticipates)
        made = teacher.play(
            memory, chunk, replace(free, beats=beats), [generator(0, "x")], sampling
        )
        assert memory.context.end == heard
        return made

    ahead = play(24, Chunk(24, 36, 42), anticipates=True)
    assert torch.allclose(ahead, play(42, Chunk(42, 36, 42), anticipates=False), rtol=1e-4)
    assert not torch.allclose(ahead, play(24, Chunk(24, 36, 42), anticipates=False), atol=1e-3)


def test_who_hears_nothing_expects_nothing(teacher):
    free = Conditions.free(torch.tensor([0]), len(WORDS), 6)
    memory, chunk = teacher.open(), Chunk(0, 6, 12)
    assert teacher.anticipate(memory, chunk, free.beats, Sampling(2)) == (memory, chunk)
    teacher.hear(memory, torch.randn(1, CHANNELS, 6))
    assert teacher.anticipate(memory, chunk, free.beats, Sampling(2)) == (memory, chunk)
    heard = Chunk(6, 0, 6)
    assert teacher.anticipate(memory, heard, free.beats, Sampling(2)) == (memory, heard)


def test_guidance_of_one_is_no_guidance_and_of_two_is(teacher):
    plain = rollout(teacher, [1], Sampling(2, 1.0))
    assert torch.equal(plain, rollout(teacher, [1], Sampling(2)))
    guided = rollout(teacher, [1], Sampling(2, 2.0))
    assert torch.isfinite(guided).all()
    assert not torch.allclose(plain, guided, atol=1e-3)


def test_baseline_keeps_its_past(a_style):
    """A longer stream begins as the shorter one: what was played is never changed."""
    assert torch.equal(rollout(a_style, [1], hops=5)[:, :, :24], rollout(a_style, [1], hops=4))


def test_a_teacher_older_than_sounds_plays_as_it_did(recipe, tmp_path):
    """Its checkpoint has no weights for them and no bank; what is told changes nothing."""
    weights = {
        name: part
        for name, part in shaken(build_teacher(recipe, CHANNELS, len(WORDS))).state_dict().items()
        if name != SOUND_INPUT
    }
    path = tmp_path / "old.safetensors"
    extra = {"space": CODEC, "channels": CHANNELS, "words": WORDS}
    save_checkpoint(path, weights, kind="teacher", recipe=recipe, extra=extra)
    old = Teacher(path)
    assert old.sounds.sounds == ()
    free = Conditions.free(torch.tensor([0]), len(WORDS), 6)
    told = replace(free, sound=torch.ones_like(free.sound))
    chunk = Chunk(0, 0, 6)
    untold, same = (
        old.play(old.open(), chunk, asked, [generator(0, "noise")], old.sampling)
        for asked in (free, told)
    )
    assert torch.equal(untold, same)


def test_loss_falls_on_a_batch_seen_often(recipe, teacher, noise_songs):
    sampler = ExcerptSampler(
        noise_songs,
        teacher.vocabulary,
        recipe.geometry,
        Drops(context=0, history=0, prompt=0, beats=0, harmony=0, controls=0),
        recipe.beat_noise,
    )
    batch = sampler.batch(2, np.random.default_rng(0))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        denoiser = build_teacher(recipe, CHANNELS, len(WORDS))
    optimizer = torch.optim.Adam(denoiser.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        loss = teacher_loss(denoiser, batch, recipe, generator(0, "noise"))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_frames_outside_the_chunks_do_not_count(recipe, teacher, noise_songs):
    sampler = ExcerptSampler(
        noise_songs,
        teacher.vocabulary,
        recipe.geometry,
        Drops(context=0, history=0, prompt=0, beats=0, harmony=0, controls=0),
        recipe.beat_noise,
    )
    batch = sampler.batch(8, np.random.default_rng(3))
    batch.target.requires_grad_()
    teacher_loss(teacher.denoiser, batch, recipe, generator(0, "noise")).backward()
    before = batch.target.grad.abs().sum(1)[batch.is_made == 0]
    assert before.numel() > 0
    layout = batch.layout
    cold = (layout.history > 0)[:, None] & (batch.is_made == 0)
    assert (batch.target.grad.abs().sum(1)[cold] == 0).all()
