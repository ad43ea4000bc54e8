"""What any codec must hold to, shown with the spectral one."""

import pytest
import torch

from accomptk.errors import CheckpointError
from accomptk.latents.codec import SHIPPED, Codec, State, decode, encode, load_codec, silence
from signals import sine

FRAME = 3675


def stream(codec: Codec, wav: torch.Tensor, sizes: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and late audio of a stream that arrives in blocks of ``sizes`` frames."""
    heard, played = codec.encode_state(wav.shape[0]), codec.decode_state(wav.shape[0])
    latents, audio, start = [], [], 0
    for size in sizes:
        block = wav[..., start * FRAME : (start + size) * FRAME]
        latents.append(codec.encode_next(block, heard))
        audio.append(codec.decode_next(latents[-1], played))
        start += size
    return torch.cat(latents, -1), torch.cat(audio, -1)


def noise(*shape: int, level: float = 0.1) -> torch.Tensor:
    return level * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_whole_file_is_the_stream(any_codec):
    wav = noise(2, 1, 10 * FRAME)
    latents, late = stream(any_codec, wav, [1, 2, 3, 4])
    torch.testing.assert_close(encode(any_codec, wav), latents, atol=1e-5, rtol=0)
    whole = decode(any_codec, latents)
    delay = any_codec.decode_delay
    torch.testing.assert_close(whole[..., :-delay], late[..., delay:], atol=1e-5, rtol=0)


def test_block_size_of_encode_does_not_show(any_codec, monkeypatch):
    wav = noise(1, 1, 9 * FRAME)
    whole = encode(any_codec, wav)
    monkeypatch.setattr("accomptk.latents.codec.ENCODE_BLOCK_FRAMES", 2)
    torch.testing.assert_close(encode(any_codec, wav), whole, atol=1e-5, rtol=0)


def test_latents_hear_nothing_of_the_future(any_codec):
    wav = noise(1, 1, 6 * FRAME)
    later = wav.clone()
    later[..., 4 * FRAME :] = noise(1, 1, 2 * FRAME, level=0.9)
    before, after = encode(any_codec, wav), encode(any_codec, later)
    assert torch.equal(before[..., :4], after[..., :4])
    assert not torch.allclose(before[..., 4:], after[..., 4:])


def test_gradient_stops_at_the_frame(any_codec):
    wav = noise(1, 1, 5 * FRAME).requires_grad_()
    state = any_codec.encode_state(1)
    latents = [
        any_codec.encode_next(wav[..., n * FRAME : (n + 1) * FRAME], state) for n in range(5)
    ]
    latents[2].sum().backward()
    assert wav.grad[..., : 3 * FRAME].abs().max() > 0
    assert (wav.grad[..., 3 * FRAME :] == 0).all()


def test_gradient_of_silence_is_finite(any_codec):
    wav = torch.zeros(1, 1, FRAME, requires_grad=True)
    any_codec.encode_next(wav, any_codec.encode_state(1)).sum().backward()
    assert torch.isfinite(wav.grad).all()


@pytest.mark.parametrize("iterations", [0, 2])
def test_batch_of_8_equals_8_of_1(any_codec, iterations):
    from accomptk.latents.spectral import SpectralCodec

    codec = SpectralCodec(any_codec.code, any_codec.spectrum, "0", "0", iterations)
    wav = noise(8, 1, 4 * FRAME) + torch.from_numpy(sine(440, 4 / 12))
    latents = encode(codec, wav)
    alone = torch.cat([encode(codec, wav[n : n + 1]) for n in range(8)])
    torch.testing.assert_close(alone, latents, atol=1e-5, rtol=0)
    one_by_one = torch.cat([decode(codec, latents[n : n + 1]) for n in range(8)])
    torch.testing.assert_close(one_by_one, decode(codec, latents), atol=1e-5, rtol=0)


def test_saved_state_goes_on_bit_for_bit(any_codec):
    wav = noise(2, 1, 6 * FRAME)
    latents = encode(any_codec, wav)
    heard, played = any_codec.encode_state(2), any_codec.decode_state(2)
    any_codec.encode_next(wav[..., : 3 * FRAME], heard)
    any_codec.decode_next(latents[..., :3], played)
    saved, copy = heard.save(), played.clone()
    first = any_codec.encode_next(wav[..., 3 * FRAME :], heard)
    audio = any_codec.decode_next(latents[..., 3:], played)
    assert torch.equal(any_codec.encode_next(wav[..., 3 * FRAME :], State.restore(saved)), first)
    assert torch.equal(any_codec.decode_next(latents[..., 3:], copy), audio)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (FRAME, 1), (FRAME + 1, 2)])
def test_lengths(any_codec, samples, frames):
    latents = encode(any_codec, noise(1, 1, samples))
    assert latents.shape == (1, any_codec.channels, frames)
    assert decode(any_codec, latents).shape == (1, 1, frames * FRAME)


def test_silence_is_one_vector_and_comes_back_as_silence(any_codec):
    latents = encode(any_codec, torch.zeros(1, 1, 5 * FRAME))
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
    assert SHIPPED.stat().st_size <= 16_000_000
    assert codec.encode_delay == 0
    assert codec.decode_delay <= 1600
