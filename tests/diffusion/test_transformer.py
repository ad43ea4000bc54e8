from dataclasses import replace

import numpy as np
import pytest
import torch

from accomptk.conditions.controls import CONTROL_FEATURES
from accomptk.conditions.grid import BEAT_FEATURES
from accomptk.conditions.harmony import HARMONY_FEATURES
from accomptk.conditions.sounds import SOUND_FEATURES
from accomptk.diffusion.transformer import (
    Cache,
    Conditions,
    Layout,
    StreamTransformer,
    noisy_mask,
    tower_masks,
)
from accomptk.window import Chunk, Window

CHANNELS, FRAMES, LENGTH, BATCH = 5, 12, 100, 2
# hop and gap of successive steps: retrospective, immediate, look-ahead, growing, shrinking
STEPS = [(3, 3), (3, 3), (4, 0), (4, -4), (3, -3), (2, 5), (2, 5), (1, 1)]


@pytest.fixture(scope="module")
def net():
    """Four blocks with every parameter away from its initial zero."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = StreamTransformer(
            channels=CHANNELS, width=32, depth=4, heads=4, frames=FRAMES, instruments=3, words=6
        )
        for parameter in net.parameters():
            spread = parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.3
            torch.nn.init.normal_(parameter, std=spread)
    return net.requires_grad_(False)


@pytest.fixture(scope="module")
def inputs():
    generator = torch.Generator().manual_seed(1)
    x, context, history = (
        torch.randn(BATCH, CHANNELS, LENGTH, generator=generator) for _ in range(3)
    )
    c_noise = torch.randn(BATCH, LENGTH, generator=generator)
    rows = [
        torch.randn(BATCH, size, LENGTH, generator=generator)
        for size in (BEAT_FEATURES, HARMONY_FEATURES, CONTROL_FEATURES)
    ]
    prompt = torch.zeros(BATCH, LENGTH, 6)
    sound = torch.zeros(BATCH, LENGTH, SOUND_FEATURES)
    instrument = torch.zeros(BATCH, LENGTH, dtype=torch.long)
    for number, chunk in enumerate(stream_chunks()):
        made = slice(chunk.start, chunk.end)
        instrument[:, made] = number % 3
        prompt[:, made] = torch.randn(BATCH, 1, 6, generator=generator)
        sound[:, made] = torch.randn(BATCH, 1, SOUND_FEATURES, generator=generator)
    return x, c_noise, context, history, Conditions(instrument, prompt, *rows, sound)


def stream_chunks():
    """Chunks of a stream whose hop, gap, prompt and instrument change all the time."""
    chunks, heard, made = [], 3, None
    while True:
        hop, gap = STEPS[len(chunks) % len(STEPS)]
        chunk = Window(frames=FRAMES, hop=hop, gap=gap).chunk(heard, made)
        if chunk.end > LENGTH or heard > LENGTH:
            return [chunk for chunk in chunks if chunk.hop]
        chunks.append(chunk)
        made, heard = chunk.end, heard + hop


def steering_of(conditions, made):
    """What steers the frames of one chunk of the whole stream."""
    rows = (conditions.beats, conditions.harmony, conditions.controls)
    return Conditions(
        conditions.instrument[:, made.start],
        conditions.prompt[:, made.start],
        *(row[:, :, made] for row in rows),
        conditions.sound[:, made.start],
    )


def layout_of(chunks):
    start, end, heard = (torch.full((BATCH, LENGTH), -1) for _ in range(3))
    for chunk in chunks:
        made = slice(chunk.start, chunk.end)
        start[:, made], end[:, made], heard[:, made] = chunk.start, chunk.end, chunk.heard
    return Layout(start, end, heard, torch.full((BATCH,), chunks[0].start))


def play_all(net, inputs, chunks):
    """The stream step by step with caches, [B, C, T] of all chunks in a row."""
    x, c_noise, context, history, conditions = inputs
    heard, played, parts = Cache(), Cache(end=chunks[0].start), []
    for chunk in chunks:
        if chunk.heard > heard.end:
            net.extend_context(heard, context[:, :, heard.end : chunk.heard])
        made = slice(chunk.start, chunk.end)
        steering = steering_of(conditions, made)
        past = net.recall(heard, played, chunk, steering.beats)
        parts.append(net.play(x[:, :, made], c_noise[:, made], past, steering))
        net.extend_history(played, history[:, :, made], steering.instrument)
    return torch.cat(parts, 2)


def test_cached_stream_equals_one_pass(net, inputs):
    chunks = stream_chunks()
    assert FRAMES * len(net.blocks) < LENGTH
    assert {chunk.gap > 0 for chunk in chunks} == {True, False}
    x, c_noise, context, history, conditions = inputs
    whole = net(x, c_noise, context, history, layout_of(chunks), conditions)
    streamed = play_all(net, inputs, chunks)
    made = slice(chunks[0].start, chunks[-1].end)
    assert streamed.std() > 0.1
    assert torch.allclose(streamed, whole[:, :, made], atol=1e-4)


def test_a_pass_in_16_bits_is_nearly_the_same(net, inputs):
    x, c_noise, context, history, conditions = inputs
    layout = layout_of(stream_chunks())
    given = (x, c_noise, context, history, layout, conditions)
    wanted = net(*given)
    with torch.autocast("cpu", torch.bfloat16):
        found = net(*given)
    made = layout.end > 0
    apart = (found.float() - wanted).transpose(1, 2)[made]
    assert apart.square().mean().sqrt() < 0.03 * wanted.transpose(1, 2)[made].square().mean().sqrt()


def test_draws_of_one_excerpt_share_its_towers(net, inputs):
    x, c_noise, context, history, conditions = inputs
    layout = layout_of(stream_chunks())
    twice = torch.cat([x[:1], x[:1] + 1, x[1:], x[1:] + 1])
    shared = net(twice, c_noise.repeat_interleave(2, 0), context, history, layout, conditions)
    alone = net(x, c_noise, context, history, layout, conditions)
    assert torch.allclose(shared[::2], alone, atol=1e-5)
    assert not torch.allclose(shared[1::2], alone, atol=1e-2)


def test_stream_far_from_its_start_is_the_same(net, inputs):
    """Positions are relative: an hour later the same stream gives the same output."""
    x, c_noise, context, history, conditions = inputs
    parts = []
    for shift in (0, 43200):
        heard, played = Cache(end=shift), Cache(end=shift + 20)
        net.extend_context(heard, context[:, :, :20])
        net.extend_history(played, history[:, :, :20], conditions.instrument[:, 0])
        chunk = Chunk(20 + shift, 40 + shift, 44 + shift)
        steering = steering_of(conditions, slice(0, 4))
        past = net.recall(heard, played, chunk, steering.beats)
        parts.append(net.play(x[:, :, :4], c_noise[:, :4], past, steering))
    assert torch.allclose(parts[0], parts[1], atol=1e-5)


def test_instruments_may_share_one_context(net, inputs):
    x, c_noise, context, _, conditions = inputs
    steering = replace(steering_of(conditions, slice(0, 3)), instrument=torch.tensor([0, 2]))
    chunk = Chunk(10, 12, 15)
    shared, copied = Cache(), Cache()
    net.extend_context(shared, context[:1, :, :10])
    net.extend_context(copied, context[:1, :, :10].expand(2, -1, -1))
    pasts = [net.recall(cache, Cache(end=12), chunk, steering.beats) for cache in (shared, copied)]
    outputs = [net.play(x[:, :, :3], c_noise[:, :3], past, steering) for past in pasts]
    assert torch.allclose(*outputs, atol=1e-6)


def test_chunk_has_no_gradient_from_what_it_may_not_see(net, inputs):
    x, c_noise, context, history, conditions = inputs
    context, history = context.clone().requires_grad_(), history.clone().requires_grad_()
    layout = layout_of([Chunk(40, 46, 52)])
    output = net(x, c_noise, context, history, layout, conditions)
    output[:, :, 46:52].square().sum().backward()
    heard, played = context.grad.abs().sum((0, 1)), history.grad.abs().sum((0, 1))
    assert (heard[40:] == 0).all()
    assert (played[46:] == 0).all()
    assert (heard[52 - FRAMES : 40] > 0).all()
    assert (played[:46] == 0).all()


def test_a_bar_before_is_heard_beyond_the_reach_of_attention(net, inputs):
    x, c_noise, context, history, conditions = inputs
    context, history = context.clone().requires_grad_(), history.clone().requires_grad_()
    beats = torch.zeros_like(conditions.beats)
    beats[:, 4], beats[:, 5] = -np.log2(3), 1  # 40 bpm, known: a bar of 4/4 has 72 frames
    chunk = Chunk(90, 88, 94)
    layout = replace(layout_of([chunk]), history=torch.zeros(BATCH, dtype=torch.long))
    output = net(x, c_noise, context, history, layout, replace(conditions, beats=beats))
    output[:, :, 88:94].square().sum().backward()
    attended = chunk.end - FRAMES * (len(net.blocks) + 1)
    for part, reached in ((context, 90), (history, 88)):
        seen = (part.grad.abs().sum((0, 1)) > 0).nonzero()[:, 0].tolist()
        assert [frame for frame in seen if frame < attended] == [16, 17, 18, 19, 20, 21]
        assert max(seen) == reached - 1


def test_masks_follow_the_window():
    layout = Layout(
        *(torch.tensor([[-1, -1, 2, 2, 4]]) + shift for shift in (0, 2, -1)), torch.tensor([1])
    )
    band, history = tower_masks(layout, 3)
    noisy = noisy_mask(layout, 3)
    assert band.int().tolist()[3] == [0, 1, 1, 1, 0]
    assert history[0, 0].int().tolist()[2] == [0, 1, 1, 0, 0]
    # the chunk of frames 2 and 3 ends at 4, heard 1, reaches back to frame 1
    context_part, history_part, own = noisy[0, 0, 2].int().split(5)
    assert context_part.tolist() == [0, 0, 0, 0, 0]
    assert history_part.tolist() == [0, 1, 0, 0, 0]
    assert own.tolist() == [0, 0, 1, 1, 0]


def test_deaf_chunk_has_no_gap():
    deaf = Layout.of_chunk(Chunk(0, 30, 36), 1).geometry(30)
    assert deaf[0, 0].tolist() == pytest.approx([6 / 36, 0, 0, 0])
    hearing = Layout.of_chunk(Chunk(20, 30, 36), 1).geometry(30)
    assert hearing[0, 1].tolist() == pytest.approx([6 / 36, 10 / 36, 11 / 36, 1 / 36])
