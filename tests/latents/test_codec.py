"""What any codec must hold to."""

from pathlib import Path

import pytest
import torch

from accomptk.errors import CheckpointError
from accomptk.latents.codec import SHIPPED, Codec, State, decode, encode, load_codec, silence
from signals import sine


def streamed(step, sequence: torch.Tensor, state: State, unit: int) -> torch.Tensor:
    """What ``step`` gives of a sequence that arrives in blocks of 1, 2, 3 and 4 frames."""
    blocks = sequence.split([unit, 2 * unit, 3 * unit, 4 * unit], -1)
    return torch.cat([step(block, state) for block in blocks], -1)


def noise(*shape: int, level: float = 0.1) -> torch.Tensor:
    return level * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def music(codec: Codec, batch: int, frames: int) -> torch.Tensor:
    return noise(batch, 1, frames * codec.frame_samples)


def lag(delay: int, codec: Codec) -> int:
    return -(-delay // codec.frame_samples)


def test_whole_file_is_the_stream(any_codec):
    streams = 8  # of a few alone, one whose peaks change owners decides the result
    wav, frame = music(any_codec, streams, 10), any_codec.frame_samples
    whole, late = encode(any_codec, wav), lag(any_codec.encode_delay, any_codec)
    latents = streamed(any_codec.encode_next, wav, any_codec.encode_state(streams), frame)
    torch.testing.assert_close(latents[..., late:], whole[..., : 10 - late], atol=1e-5, rtol=0)
    played = streamed(any_codec.decode_next, whole, any_codec.decode_state(streams), 1)
    delay, made = any_codec.decode_delay, decode(any_codec, whole)
    # Rebuilding phases makes the last bits of a network's output larger.
    apart = made[..., :-delay] - played[..., delay:]
    assert apart.square().mean().sqrt() < 0.03 * made.square().mean().sqrt()


def test_block_size_of_encode_does_not_show(any_codec, monkeypatch):
    wav = music(any_codec, 1, 9)
    whole = encode(any_codec, wav)
    monkeypatch.setattr("accomptk.latents.codec.BLOCK_FRAMES", 2)
    torch.testing.assert_close(encode(any_codec, wav), whole, atol=1e-5, rtol=0)


def test_latents_hear_no_more_of_the_future_than_they_say(any_codec):
    wav, ahead = music(any_codec, 1, 10), lag(any_codec.encode_delay, any_codec)
    known = 6 * any_codec.frame_samples
    later = wav.clone()
    later[..., known:] = noise(1, 1, wav.shape[-1] - known, level=0.9)
    before, after = encode(any_codec, wav), encode(any_codec, later)
    assert torch.equal(before[..., : 6 - ahead], after[..., : 6 - ahead])
    assert not torch.allclose(before[..., 6:], after[..., 6:])


def test_sound_knows_no_latents_before_they_come(any_codec):
    latents = encode(any_codec, music(any_codec, 1, 8))
    later = latents.clone()
    later[..., 5:] = encode(any_codec, noise(1, 1, 3 * any_codec.frame_samples, level=0.9))
    known = 5 * any_codec.frame_samples - any_codec.decode_delay
    before, after = decode(any_codec, latents), decode(any_codec, later)
    assert torch.equal(before[..., :known], after[..., :known])
    assert not torch.allclose(before[..., known:], after[..., known:])


def test_gradient_stops_at_the_frame(spectral_codec):
    wav, frame = music(spectral_codec, 1, 5).requires_grad_(), spectral_codec.frame_samples
    state = spectral_codec.encode_state(1)
    latents = [spectral_codec.encode_next(block, state) for block in wav.split(frame, -1)]
    latents[2].sum().backward()
    assert wav.grad[..., : 3 * frame].abs().max() > 0
    assert (wav.grad[..., 3 * frame :] == 0).all()


def test_gradient_of_silence_is_finite(spectral_codec):
    wav = torch.zeros(1, 1, spectral_codec.frame_samples, requires_grad=True)
    spectral_codec.encode_next(wav, spectral_codec.encode_state(1)).sum().backward()
    assert torch.isfinite(wav.grad).all()


@pytest.mark.parametrize("iterations", [0, 2])
def test_batch_of_8_equals_8_of_1(spectral_codec, iterations):
    from accomptk.latents.spectral import SpectralCodec

    codec = SpectralCodec(spectral_codec.code, spectral_codec.spectrum, "0", "0", iterations)
    batch_equals_ones(codec)


def test_batch_of_8_equals_8_of_1_of_the_published_codec(published):
    batch_equals_ones(load_codec(Path("music2latent")))


def batch_equals_ones(codec: Codec) -> None:
    wav = music(codec, 8, 4)
    wav += torch.from_numpy(sine(440, 1.0))[: wav.shape[-1]]
    latents = encode(codec, wav)
    alone = torch.cat([encode(codec, wav[n : n + 1]) for n in range(8)])
    torch.testing.assert_close(alone, latents, atol=1e-5, rtol=0)
    one_by_one = torch.cat([decode(codec, latents[n : n + 1]) for n in range(8)])
    torch.testing.assert_close(one_by_one, decode(codec, latents), atol=1e-5, rtol=0)


def test_saved_state_goes_on_bit_for_bit(any_codec):
    wav = music(any_codec, 2, 6)
    half = 3 * any_codec.frame_samples
    latents = encode(any_codec, wav)
    heard, played = any_codec.encode_state(2), any_codec.decode_state(2)
    any_codec.encode_next(wav[..., :half], heard)
    any_codec.decode_next(latents[..., :3], played)
    saved, copy = heard.save(), played.clone()
    first = any_codec.encode_next(wav[..., half:], heard)
    audio = any_codec.decode_next(latents[..., 3:], played)
    assert torch.equal(any_codec.encode_next(wav[..., half:], State.restore(saved)), first)
    assert torch.equal(any_codec.decode_next(latents[..., 3:], copy), audio)


@pytest.mark.parametrize("frames", [0, 1, 2])
@pytest.mark.parametrize("more", [0, 1])
def test_lengths(any_codec, frames, more):
    latents = encode(any_codec, noise(1, 1, frames * any_codec.frame_samples + more))
    assert latents.shape == (1, any_codec.channels, frames + more)
    samples = (frames + more) * any_codec.frame_samples
    assert decode(any_codec, latents).shape == (1, 1, samples)


def test_silence_is_one_vector_and_comes_back_as_silence(any_codec):
    latents = encode(any_codec, torch.zeros(1, 1, 5 * any_codec.frame_samples))
    assert torch.equal(latents, silence(any_codec, 1, 5))
    torch.testing.assert_close(latents, latents[..., :1].expand_as(latents))
    assert decode(any_codec, latents.half().float()).abs().max() < 1e-3


def test_missing_and_foreign_checkpoints_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        load_codec(tmp_path / "absent.safetensors")
    from accomptk.checkpoint import save_checkpoint

    path = tmp_path / "teacher.safetensors"
    save_checkpoint(path, {"w": torch.zeros(1)}, kind="teacher", recipe={})
    with pytest.raises(CheckpointError, match="is a teacher checkpoint"):
        load_codec(path)


def test_shipped_codec_fits_its_limits():
    codec = load_codec()
    assert codec.channels * codec.sample_rate / codec.frame_samples <= 1400
    assert SHIPPED.stat().st_size <= 16 * 2**20
    assert codec.encode_delay == 0
    assert codec.decode_delay <= 1600
