"""The spectral codec: a code of compressed STFT magnitudes, phases rebuilt on decode."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from accomptk.checkpoint import file_sha256, load_tensors, save_checkpoint
from accomptk.latents.autoencoder import NeuralCode, Size
from accomptk.latents.code import Code, LinearCode
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

ITERATIONS = 6
_KNEE = 0.9
_MAKE_UP_DB = 0.8
"""A linear code smooths noise: bass comes back 0.1 dB too soft, drums 1.5 dB; the middle of
both. An autoencoder learns the balance."""


class SpectralCodec:
    """Causal codec of 12 frames a second at 44.1 kHz.

    Args:
        code: Features to latents and back.
        spectrum: Samples to features, features to magnitudes.
        sha8: Names the weights.
        space: Names the latent space.
        iterations: Griffin-Lim iterations a frame.
    """

    name = "spectral"
    sample_rate = SAMPLE_RATE
    frame_samples = FRAME_SAMPLES
    encode_delay = 0
    decode_delay = OVERLAP

    def __init__(
        self,
        code: Code,
        spectrum: Spectrum,
        sha8: str,
        space: str,
        iterations: int = ITERATIONS,
    ) -> None:
        self.code = code
        self.spectrum = spectrum
        self.sha8, self.space = sha8, space
        self.phases = PhaseRebuilder(iterations)
        self.make_up = 10 ** (_MAKE_UP_DB / 20) if isinstance(code, LinearCode) else 1.0

    @property
    def channels(self) -> int:
        """Numbers a latent frame."""
        return self.code.channels

    @property
    def component_weights(self) -> Tensor:
        """What an error of 1 in each latent weighs in feature energy, mean 1, [C]."""
        energy = self.code.base.scale[: self.channels] ** 2
        return energy / energy.mean()

    def encode_state(self, batch: int) -> State:
        """State of streams that have heard nothing."""
        return State({"past": torch.zeros(batch, OVERLAP), **self.code.encode_memory(batch)})

    def encode_next(self, wav: Tensor, state: State) -> Tensor:
        """Latents [B, C, n] of the next [B, 1, n * FRAME_SAMPLES] samples; differentiable."""
        heard = torch.cat([state.tensors["past"], wav[:, 0].float()], dim=-1)
        state.tensors["past"] = heard[:, -OVERLAP:].clone()
        return self.code.encode(self.spectrum.analyse(heard), state.tensors)

    def decode_state(self, batch: int) -> State:
        """State of streams that have played nothing."""
        return State({**self.phases.state(batch), **self.code.decode_memory(batch)})

    @torch.no_grad()
    def decode_next(self, latents: Tensor, state: State) -> Tensor:
        """Samples [B, 1, n * FRAME_SAMPLES] of the next [B, C, n] latents, late by OVERLAP."""
        magnitude = self.spectrum.synthesise(self.code.decode(latents, state.tensors))
        return _soften(self.phases.play(magnitude, state.tensors) * self.make_up).unsqueeze(1)


def load_spectral(path: Path, iterations: int = ITERATIONS) -> SpectralCodec:
    """Load a spectral codec.

    Args:
        path: Its checkpoint.
        iterations: Griffin-Lim iterations a frame.

    Raises:
        CheckpointError: If the file is missing, damaged or no codec.
    """
    tensors, header = load_tensors(path, "codec")
    spectrum = Spectrum(parse_recipe(header.extra["spectrum"], SpectrumRecipe, str(path)))
    # The basis in the precision that it is used in: to convert it took longer than to apply it.
    base = LinearCode(tensors["basis"].double(), tensors["mean"], tensors["scale"])
    code: Code = base
    if "size" in header.extra:
        size = parse_recipe(header.extra["size"], Size, str(path))
        code = NeuralCode(base, tensors["deviation"], size)
        code.load_state_dict(tensors)
        code.eval().requires_grad_(False)
    space = latent_space(spectrum.recipe, tensors)
    return SpectralCodec(code, spectrum, file_sha256(path)[:8], space, iterations)


def latent_space(recipe: SpectrumRecipe, code: Mapping[str, Tensor]) -> str:
    """8 hex digits that name what encodes: the features and the tensors of a code's encoder."""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    for name in sorted(code):
        if not name.startswith("decoder."):
            numbers = code[name].to(torch.float32) + 0.0  # of two zeros only one is left
            digest.update(name.encode() + numbers.numpy().tobytes())
    return digest.hexdigest()[:8]


def save_spectral(
    path: Path, code: Mapping[str, Tensor], recipe: Any, extra: Mapping[str, Any], step: int = 0
) -> None:
    """Write a codec as float16.

    Args:
        path: Checkpoint to write.
        code: Tensors of the code.
        recipe: Dataclass with the table ``spectrum``; also ``size`` where the code is neural.
        extra: What else the header shall say.
        step: Steps it was trained for.
    """
    tables = {name: asdict(getattr(recipe, name)) for name in ("spectrum", "size")}
    if "deviation" not in code:
        del tables["size"]
    save_checkpoint(
        path,
        code,
        kind="codec",
        recipe=recipe,
        step=step,
        extra={"codec": SpectralCodec.name, **tables, **extra},
        half=True,
    )


def _soften(wav: Tensor) -> Tensor:
    """Bend what would clip; samples below the knee are untouched."""
    over = (wav.abs() - _KNEE).clamp_min(0) / (1 - _KNEE)
    return torch.where(over > 0, wav.sign() * (_KNEE + (1 - _KNEE) * torch.tanh(over)), wav)
