"""The spectral codec: a linear code of compressed STFT magnitudes, phases rebuilt on decode."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from accomptk.checkpoint import file_sha256, load_tensors, save_checkpoint
from accomptk.latents.codec import State
from accomptk.latents.phase import PhaseRebuilder
from accomptk.latents.spectrum import (
    FRAME_SAMPLES,
    OVERLAP,
    SAMPLE_RATE,
    Spectrum,
    SpectrumRecipe,
)
from accomptk.recipe import parse_recipe

ITERATIONS = 4
_KNEE = 0.9
_MAKE_UP_DB = 0.8
"""The code smooths noise: bass comes back 0.1 dB too soft, drums 1.5 dB; the middle of both."""


@dataclass(frozen=True, slots=True)
class LinearCode:
    """Latents are ``(features @ basis.T - mean) / scale``.

    Attributes:
        basis: Orthonormal rows, [C, features].
        mean: Of the training frames' coefficients, [C].
        scale: What coefficients are divided by, [C].
    """

    basis: Tensor
    mean: Tensor
    scale: Tensor

    def encode(self, features: Tensor) -> Tensor:
        """[B, n, features] to [B, C, n]."""
        # Double precision: the result must not depend on how many frames come at once.
        coefficients = features.double() @ self.basis.double().T
        return ((coefficients - self.mean) / self.scale).float().transpose(1, 2)

    def decode(self, latents: Tensor) -> Tensor:
        """[B, C, n] to [B, n, features]."""
        coefficients = latents.transpose(1, 2).double() * self.scale + self.mean
        return (coefficients @ self.basis.double()).float()


class SpectralCodec:
    """Causal codec of 12 frames a second at 44.1 kHz.

    Args:
        code: Features to latents and back.
        spectrum: Samples to features, features to magnitudes.
        sha8: Names the weights.
        iterations: Griffin-Lim iterations a frame.
    """

    name = "spectral"
    sample_rate = SAMPLE_RATE
    frame_samples = FRAME_SAMPLES
    encode_delay = 0
    decode_delay = OVERLAP

    def __init__(
        self, code: LinearCode, spectrum: Spectrum, sha8: str, iterations: int = ITERATIONS
    ) -> None:
        self.code = code
        self.spectrum = spectrum
        self.sha8 = sha8
        self.phases = PhaseRebuilder(iterations)

    @property
    def channels(self) -> int:
        """Numbers a latent frame."""
        return self.code.basis.shape[0]

    @property
    def component_weights(self) -> Tensor:
        """What an error of 1 in each latent weighs in feature energy, mean 1, [C]."""
        energy = self.code.scale**2
        return energy / energy.mean()

    def encode_state(self, batch: int) -> State:
        """State of streams that have heard nothing."""
        return State({"past": torch.zeros(batch, OVERLAP)})

    def encode_next(self, wav: Tensor, state: State) -> Tensor:
        """Latents [B, C, n] of the next [B, 1, n * FRAME_SAMPLES] samples; differentiable."""
        heard = torch.cat([state.tensors["past"], wav[:, 0].float()], dim=-1)
        state.tensors["past"] = heard[:, -OVERLAP:].clone()
        return self.code.encode(self.spectrum.analyse(heard))

    def decode_state(self, batch: int) -> State:
        """State of streams that have played nothing."""
        return State(self.phases.state(batch))

    @torch.no_grad()
    def decode_next(self, latents: Tensor, state: State) -> Tensor:
        """Samples [B, 1, n * FRAME_SAMPLES] of the next [B, C, n] latents, late by OVERLAP."""
        frames = list(self._frames(latents, state))
        wav = torch.cat(frames, dim=-1) * 10 ** (_MAKE_UP_DB / 20)
        return _soften(wav).unsqueeze(1)

    def _frames(self, latents: Tensor, state: State) -> Iterator[Tensor]:
        for latent in torch.split(latents, 1, dim=-1):
            magnitude = self.spectrum.synthesise(self.code.decode(latent))
            yield self.phases.play(magnitude[:, 0], state.tensors)


def load_spectral(path: Path, iterations: int = ITERATIONS) -> SpectralCodec:
    """Load a spectral codec.

    Args:
        path: Its checkpoint.
        iterations: Griffin-Lim iterations a frame.

    Raises:
        CheckpointError: If the file is missing, damaged or no codec.
    """
    tensors, header = load_tensors(path, "codec")
    recipe = parse_recipe(header.extra["spectrum"], SpectrumRecipe, str(path))
    return SpectralCodec(LinearCode(**tensors), Spectrum(recipe), file_sha256(path)[:8], iterations)


def save_spectral(path: Path, code: LinearCode, recipe: Any, extra: Mapping[str, Any]) -> None:
    """Write a codec as float16.

    Args:
        path: Checkpoint to write.
        code: The fitted code.
        recipe: Dataclass with the table ``spectrum`` that it was fitted with.
        extra: What else the header shall say.
    """
    save_checkpoint(
        path,
        {"basis": code.basis, "mean": code.mean, "scale": code.scale},
        kind="codec",
        recipe=recipe,
        extra={"codec": SpectralCodec.name, "spectrum": asdict(recipe.spectrum), **extra},
        half=True,
    )


def _soften(wav: Tensor) -> Tensor:
    """Bend what would clip; samples below the knee are untouched."""
    over = (wav.abs() - _KNEE).clamp_min(0) / (1 - _KNEE)
    return torch.where(over > 0, wav.sign() * (_KNEE + (1 - _KNEE) * torch.tanh(over)), wav)
