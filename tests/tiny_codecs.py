"""Codecs for tests: the spectral one with a random code, and one that passes samples through."""

import torch

from accomptk.latents.code import LinearCode
from accomptk.latents.codec import State
from accomptk.latents.spectral import SpectralCodec
from accomptk.latents.spectrum import Spectrum, SpectrumRecipe
from tiny_models import CHANNELS, CODEC


def tiny_spectral(channels: int = CHANNELS) -> SpectralCodec:
    """A spectral codec whose orthonormal code is drawn at random."""
    recipe = SpectrumRecipe(power=0.3, floor_db=-80.0, split_hz=2000.0, mel_bands=8)
    spectrum = Spectrum(recipe)
    noise = torch.randn(spectrum.features, channels, generator=torch.Generator().manual_seed(0))
    basis = torch.linalg.qr(noise).Q.T.contiguous()
    code = LinearCode(basis, torch.zeros(channels), torch.full((channels,), 0.3))
    return SpectralCodec(code, spectrum, CODEC, CODEC, iterations=1)


class Passthrough:
    """Latents that are the samples themselves: what the engine does to time is seen exactly."""

    name = "passthrough"
    sha8 = space = CODEC
    sample_rate = 44100
    encode_delay = 0

    def __init__(self, frame_samples: int = 3675, decode_delay: int = 0) -> None:
        self.frame_samples = self.channels = frame_samples
        self.decode_delay = decode_delay

    def encode_state(self, batch: int) -> State:
        return State({})

    def encode_next(self, wav: torch.Tensor, state: State) -> torch.Tensor:
        return wav[:, 0].unflatten(-1, (-1, self.frame_samples)).transpose(1, 2)

    def decode_state(self, batch: int) -> State:
        return State({"late": torch.zeros(batch, self.decode_delay)})

    def decode_next(self, latents: torch.Tensor, state: State) -> torch.Tensor:
        wav = torch.cat([state.tensors["late"], latents.transpose(1, 2).flatten(1)], 1)
        size = latents.shape[2] * self.frame_samples
        state.tensors["late"] = wav[:, size:].clone()
        return wav[:, None, :size]


class Echo:
    """Plays what it heard at the same place: the part of a chunk that was heard already."""

    name, sha8, space, frames, hears_beats = "echo", "ec0ec0ec", CODEC, 72, False

    def __init__(self, channels: int = 3675) -> None:
        from accomptk.conditions.prompts import Vocabulary
        from accomptk.conditions.sounds import SoundBank
        from accomptk.diffusion.accompanist import Sampling

        self.channels, self.vocabulary, self.sampling = channels, Vocabulary(()), Sampling(1)
        self.sounds = SoundBank()

    def open(self):
        return {"heard": 0, "latents": None}

    def hear(self, memory, latents):
        old = memory["latents"]
        memory["latents"] = latents if old is None else torch.cat([old, latents], 2)[:, :, -72:]
        memory["heard"] += latents.shape[2]

    def play(self, memory, chunk, conditions, generators, sampling):
        chunk_latents = torch.zeros(len(generators), self.channels, chunk.hop)
        known = min(memory["heard"], chunk.end) - chunk.start
        if known > 0:
            first = memory["latents"].shape[2] - (memory["heard"] - chunk.start)
            part = memory["latents"][:, :, first : first + known]
            each = len(generators) // part.shape[0]
            chunk_latents[:, :, :known] = part.repeat_interleave(each, 0)
        return chunk_latents

    def evaluations(self, sampling):
        return 1
