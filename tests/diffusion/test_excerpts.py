import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from accomptk.conditions.grid import BeatNoise
from accomptk.conditions.prompts import Vocabulary
from accomptk.conditions.sounds import SoundBank
from accomptk.diffusion.excerpts import (
    Astray,
    Drops,
    ExcerptSampler,
    Geometry,
    chunks_of,
    portraits,
    sounding_starts,
)
from accomptk.errors import DatasetError
from accomptk.window import Window

GEOMETRY = Geometry(frames=24, excerpt=72, hop_min=3, hop_max=9, gap_max=9, ahead_max=14, cold=0.5)
KEEP = Drops(context=0, history=0, prompt=0, beats=0, harmony=0, controls=0)


def sampler(songs, drops=KEEP):
    return ExcerptSampler(songs, Vocabulary(("jazz", "slow")), GEOMETRY, drops, BeatNoise())


def test_target_is_never_in_its_context(marked_songs):
    contents = {0: {1, 2}, 1: {2}, 2: {0}}  # stems of each context of the fixture
    batch = sampler(marked_songs).batch(64, np.random.default_rng(0))
    for target, context in zip(batch.target[:, 0, 0], batch.context[:, 0, 0], strict=True):
        assert int(target) not in contents[int(context)]
        assert int(target) in (0, 1)  # the melody is never made


def test_target_and_context_are_of_the_same_time(marked_songs):
    batch = sampler(marked_songs).batch(16, np.random.default_rng(0))
    assert torch.equal(batch.target[:, 1], batch.context[:, 1])
    assert (batch.target[:, 1].diff(dim=1) == 1).all()


def test_astray_each_hears_what_another_should(marked_songs):
    batch = sampler(marked_songs).batch(4, np.random.default_rng(0))
    stray = batch.astray()
    assert torch.equal(stray.context[1:], batch.context[:-1])
    assert torch.equal(stray.conditions.harmony[1:], batch.conditions.harmony[:-1])
    assert not torch.equal(stray.context, batch.context)
    assert stray.target is batch.target
    assert stray.conditions.beats is batch.conditions.beats


def test_a_stray_sampler_draws_what_the_other_draws(marked_songs):
    own = sampler(marked_songs)
    batch, stray = (one.batch(4, np.random.default_rng(0)) for one in (own, Astray(own)))
    assert torch.equal(stray.target, batch.target)
    assert torch.equal(stray.context, batch.context.roll(1, 0))
    assert not torch.equal(stray.context, batch.context)
    windows, strays = (one.windows(4, 24, np.random.default_rng(0)) for one in (own, Astray(own)))
    assert torch.equal(strays[0], windows[0])
    assert torch.equal(strays[1], windows[1].roll(1, 0))
    assert torch.equal(strays[2], windows[2])


def test_chunks_cover_the_excerpt_without_hole_or_overlap(marked_songs):
    batch = sampler(marked_songs).batch(64, np.random.default_rng(1))
    layout = batch.layout
    time = torch.arange(GEOMETRY.excerpt)
    made = batch.is_made > 0
    assert (layout.start[made] <= time.expand_as(made)[made]).all()
    assert (time.expand_as(made)[made] < layout.end[made]).all()
    assert made[:, -1].all()
    assert (made.int().diff(dim=1) >= 0).all()  # once begun, a stream never stops
    reach = (layout.end - layout.heard)[made]
    assert reach.min() >= 0
    assert reach.max() <= GEOMETRY.ahead_max


def test_every_geometry_is_drawn():
    rng = np.random.default_rng(0)
    windows = [GEOMETRY.window(rng) for _ in range(500)]
    assert {window.hop for window in windows} == set(range(3, 10))
    assert min(window.gap + window.hop for window in windows) == 0
    assert max(window.gap + window.hop for window in windows) == 14
    assert max(window.gap for window in windows) <= 9


@pytest.mark.parametrize(("hop", "gap"), [(4, 4), (4, 0), (4, -4), (5, 2)])
def test_chunks_of_a_stream(hop, gap):
    chunks = chunks_of(Window(frames=24, hop=hop, gap=gap), 2, 40)
    assert chunks[0].start == max(2 + gap, 0)
    assert chunks[-1].start < 40 <= chunks[-1].end
    edges = [(a.end, b.start) for a, b in itertools.pairwise(chunks)]
    assert all(end == start for end, start in edges)


def test_conditions_are_withheld(marked_songs):
    withheld = Drops(context=1, history=1, prompt=1, beats=1, harmony=1, controls=1)
    batch = sampler(marked_songs, withheld).batch(4, np.random.default_rng(0))
    assert batch.layout.heard.max() == 0
    assert (batch.layout.history == GEOMETRY.excerpt).all()
    assert batch.conditions.prompt.abs().max() == 0
    assert batch.conditions.beats.abs().max() == 0
    assert batch.conditions.sound.abs().max() == 0
    given = sampler(marked_songs).batch(4, np.random.default_rng(0))
    assert given.layout.heard.max() > 0
    assert (given.layout.history < GEOMETRY.excerpt).all()
    assert given.conditions.prompt.abs().max() > 0
    assert given.conditions.beats.abs().max() > 0


def test_a_sound_is_that_of_the_stem_but_not_of_the_excerpt(marked_songs):
    song = marked_songs[0]
    space = SoundBank.of(portraits(marked_songs)).space

    def drawn(song, told=0):
        drops = replace(KEEP, sound=told)
        own = ExcerptSampler([song], Vocabulary(()), GEOMETRY, drops, BeatNoise(), space)
        return own.batch(1, np.random.default_rng(0))

    before = drawn(song)
    assert before.conditions.sound[0, -1] == 1
    assert before.conditions.sound[0, :-1].abs().max() > 0
    stem, first = (int(mark) for mark in before.target[0, :2, 0])
    inside, outside = song.latents.copy(), song.latents.copy()
    inside[stem, 2:, first : first + GEOMETRY.excerpt] += 3
    outside[stem, 2:] += 3
    outside[stem, 2:, first : first + GEOMETRY.excerpt] -= 3
    after = drawn(replace(song, latents=inside))
    assert not torch.equal(after.target, before.target)
    assert torch.equal(after.conditions.sound, before.conditions.sound)
    other = drawn(replace(song, latents=outside))
    assert torch.allclose(other.target, before.target, atol=0.01)
    assert not torch.allclose(other.conditions.sound, before.conditions.sound, atol=0.1)
    assert drawn(song, told=1).conditions.sound.abs().max() == 0


def test_beat_condition_is_in_phase_with_the_excerpt(marked_songs):
    """Beats lie every 6 frames from frame 3: once heard, the features know it."""
    batch = sampler(marked_songs).batch(32, np.random.default_rng(2))
    frame = batch.target[:, 1] + 0.5  # the frame's number in its song, at its centre
    phase = 2 * np.pi * (frame - 3) / 6
    known = batch.conditions.beats[:, 5] > 0.5
    assert known.float().mean() > 0.5
    assert torch.allclose(batch.conditions.beats[:, 0][known], phase.sin()[known], atol=0.01)
    assert torch.allclose(batch.conditions.beats[:, 1][known], phase.cos()[known], atol=0.01)


@pytest.mark.parametrize(("share", "first"), [(0.0, 0), (0.25, 32), (1.0, 50)])
def test_excerpts_may_begin_where_enough_sounds(share, first):
    sounds = (np.arange(100) >= 50) & (np.arange(100) < 90)
    starts = sounding_starts(sounds, 24, share)
    assert starts[0] == first
    assert all(sounds[start : start + 24].mean() >= share for start in starts)
    assert len(starts) == sum(sounds[n : n + 24].mean() >= share for n in range(77))


def test_no_target_is_drawn_where_it_is_silent(marked_songs):
    """Bass sounds for a second of its song only, where rejection would miss it."""
    brief = [
        replace(song, active=((), ((5.0, 7.0),), ((0.0, song.seconds),))) for song in marked_songs
    ]
    drawn = sampler(brief).batch(16, np.random.default_rng(0)).target
    assert (drawn[:, 0, 0] == 1).all()  # drums never sound
    middle = 6 * 12 - drawn[:, 1, 0]
    assert ((middle >= 0) & (middle <= 72)).all()
    with pytest.raises(DatasetError, match="prepare songs with more"):
        sampler([replace(song, active=((), (), ())) for song in brief]).batch(
            1, np.random.default_rng(0)
        )


def test_same_generator_same_batch(marked_songs):
    one, two = (sampler(marked_songs).batch(4, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(one.target, two.target)
    assert torch.equal(one.conditions.beats, two.conditions.beats)
