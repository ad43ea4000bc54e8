"""The codec protocol: streaming steps, and whole-file work as loops over those steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from accomptk.errors import CodecError

SHIPPED = Path(__file__).parent.parent / "weights" / "codec.safetensors"
"""The codec that comes with the package."""

BLOCK_FRAMES = 48
"""Frames that `encode` and `decode` hand over at a time; bounds memory, changes no result."""


@dataclass(slots=True)
class State:
    """What a stream must remember between two steps: tensors by name, batch first.

    Steps replace the entries; they never write into a tensor, so a clone shares nothing that
    a later step could change.
    """

    tensors: dict[str, Tensor]

    def clone(self) -> "State":
        """An independent copy."""
        return State({name: tensor.clone() for name, tensor in self.tensors.items()})

    def save(self) -> dict[str, Tensor]:
        """Copies of the tensors, to be stored."""
        return self.clone().tensors

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor]) -> "State":
        """The state that `save` gave."""
        return cls(dict(tensors)).clone()


class Codec(Protocol):
    """Audio to latents and back, frame by frame, never looking ahead.

    Latents of frame t depend on the samples before ``(t + 1) * frame_samples`` only, less
    ``encode_delay``. The output of `decode_next` lags by ``decode_delay`` samples: its n-th sample
    since the start of the stream is the audio at ``n - decode_delay``.
    """

    @property
    def name(self) -> str:
        """What kind of codec it is."""

    @property
    def sha8(self) -> str:
        """First 8 hex digits of its weights' sha256."""

    @property
    def space(self) -> str:
        """Names its latent space: 8 hex digits of a sha256 over all that encodes.

        Latents and the models trained on them name the codec by it, so that a better decoder of the
        same latents needs nothing else to change.
        """

    @property
    def sample_rate(self) -> int:
        """Of the audio, in Hz."""

    @property
    def frame_samples(self) -> int:
        """Samples a latent frame."""

    @property
    def channels(self) -> int:
        """Numbers a latent frame."""

    @property
    def encode_delay(self) -> int:
        """Samples by which latents lag behind the audio."""

    @property
    def decode_delay(self) -> int:
        """Samples by which decoded audio lags behind its latents."""

    def encode_state(self, batch: int) -> State:
        """State of ``batch`` streams that have heard nothing."""

    def encode_next(self, wav: Tensor, state: State) -> Tensor:
        """Encode the next samples.

        Args:
            wav: [B, 1, n * frame_samples].
            state: Replaced by the state after them.

        Returns:
            Latents [B, C, n].
        """

    def decode_state(self, batch: int) -> State:
        """State of ``batch`` streams that have played nothing."""

    def decode_next(self, latents: Tensor, state: State) -> Tensor:
        """Decode the next frames.

        Args:
            latents: [B, C, n].
            state: Replaced by the state after them.

        Returns:
            Samples [B, 1, n * frame_samples], late by ``decode_delay``.
        """


def encode(codec: Codec, wav: Tensor) -> Tensor:
    """Encode whole signals; the last frame is filled up with silence.

    Args:
        codec: Any codec.
        wav: [B, 1, N].

    Returns:
        Latents [B, C, ceil(N / frame_samples)].
    """
    frames = -(-wav.shape[-1] // codec.frame_samples)
    lag = -(-codec.encode_delay // codec.frame_samples)
    total = (frames + lag) * codec.frame_samples
    padded = functional.pad(wav, (0, total - wav.shape[-1]))
    state = codec.encode_state(wav.shape[0])
    blocks = torch.split(padded, BLOCK_FRAMES * codec.frame_samples, dim=-1)
    latents = [codec.encode_next(block, state) for block in blocks if block.shape[-1]]
    if not latents:
        return wav.new_zeros(wav.shape[0], codec.channels, 0)
    return torch.cat(latents, dim=-1)[..., lag:]


def decode(codec: Codec, latents: Tensor) -> Tensor:
    """Decode whole signals, aligned with what was encoded.

    Args:
        codec: The codec that made the latents.
        latents: [B, C, T].

    Returns:
        Samples [B, 1, T * frame_samples].
    """
    batch, _, frames = latents.shape
    if frames == 0:
        return latents.new_zeros(batch, 1, 0)
    lag = -(-codec.decode_delay // codec.frame_samples)
    tail = silence(codec, batch, lag)
    state = codec.decode_state(batch)
    blocks = [*torch.split(latents.float(), BLOCK_FRAMES, dim=-1), tail]
    parts = [codec.decode_next(block, state) for block in blocks if block.shape[-1]]
    wav = torch.cat(parts, dim=-1)
    start = codec.decode_delay
    return wav[..., start : start + frames * codec.frame_samples]


def silence(codec: Codec, batch: int, frames: int) -> Tensor:
    """Latents of digital silence, [B, C, T]."""
    wav = torch.zeros(batch, 1, frames * codec.frame_samples)
    return codec.encode_next(wav, codec.encode_state(batch))


def check_space(who: str, works_in: str, given: str) -> None:
    """Refuse a model and a codec that do not belong together.

    Args:
        who: The model, as its user knows it.
        works_in: Its latent space.
        given: The codec's.

    Raises:
        CodecError: If they are not the same.
    """
    if works_in != given:
        raise CodecError(
            f"{who}: works in latent space {works_in}, this codec's is {given}; "
            "pass the codec that it was trained with"
        )


def load_codec(path: Path | None = None) -> Codec:
    """Load a codec from its checkpoint.

    Args:
        path: Checkpoint; None for the shipped one; ``music2latent`` for the published one.

    Raises:
        CheckpointError: If the file is missing, damaged or no codec.
        MissingTool: If the published codec is not installed.
    """
    from accomptk.latents.music2latent import NAME, load_music2latent
    from accomptk.latents.spectral import load_spectral

    if path == Path(NAME):
        return load_music2latent()
    return load_spectral(SHIPPED if path is None else path)
