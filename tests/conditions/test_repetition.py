import pytest
import torch

from accomptk.conditions.repetition import expected, period
from accomptk.run import generator


def noise(frames, seed=0, channels=5):
    return torch.randn(channels, frames, generator=generator(seed, "context"))


@pytest.mark.parametrize(
    ("heard", "bar", "frames"), [(100, 24, 96), (95, 24, 48), (48, 24, 48), (30, 23.6, 24)]
)
def test_music_repeats_itself_after_as_many_bars_as_were_heard(heard, bar, frames):
    assert period(noise(heard), bar, 36) == frames


@pytest.mark.parametrize("bar", [0, 99])
@pytest.mark.parametrize("frames", [20, 33])
def test_without_a_bar_that_was_heard_the_period_is_found(bar, frames):
    heard = noise(frames).repeat(1, 5)[:, :90] + 0.3 * noise(90, 1)
    assert period(heard, bar, 36) % frames == 0


def test_little_is_repeated_whole():
    assert period(noise(15), 0, 36) == 15
    latents = noise(4)[None]
    assert torch.equal(expected(latents, torch.zeros(1), 6), latents[:, :, [0, 1, 2, 3, 0, 1]])


def test_what_is_expected_is_what_was_some_bars_ago_in_each_context():
    latents = torch.stack([noise(40, 1), noise(40, 2)])
    found = expected(latents, torch.tensor([9.0, 4.2]), 20)
    assert torch.equal(found[0], latents[0, :, 4:24])
    seventeen = torch.arange(20) % 17
    assert torch.equal(found[1], latents[1][:, 23 + seventeen])


def test_music_that_repeats_itself_is_foretold():
    song = noise(32).repeat(1, 4)[None]
    assert torch.equal(expected(song[:, :, :70], torch.tensor([8.0]), 30), song[:, :, 70:100])


def test_after_a_stop_nothing_is_expected_and_after_a_restart_not_the_stop():
    """A bar of 16 frames: four bars, two of silence with a little noise, and on."""
    silence = 0.05 * noise(32, 1)
    song = torch.cat([noise(64), silence, noise(80, 2)], 1)
    bars = torch.tensor([16.0])

    def ahead(heard):
        return expected(song[None, :, :heard], bars, 12)[0]

    assert torch.equal(ahead(70), song[:, 6:18])  # it has just stopped
    assert ahead(80).abs().max() < 0.3
    assert torch.equal(ahead(112), song[:, 48:60])  # music, four bars ago
    assert torch.equal(ahead(128), song[:, 96:108])  # four bars ago it was silent
