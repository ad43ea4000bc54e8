"""The published codec of music (Pasini et al. 2024) behind our protocol, where a user has it.

``pip install 'accomptk[music2latent]'`` brings the package, its first use the weights; this module
never downloads. What is here was run in tests against a stand-in of the package's interface, read
from its version 0.1.8; neither the package nor the published weights were at hand.

The network hears a whole stretch at once, its norms even all of it, so it streams only window by
window: a frame's latents are those of a window of 8 frames, the length that it was trained on,
which ends 2 frames and a bit later, and its samples those of such a window of latents. That costs
8 times what a whole file does, delays both ways, and makes latents that are close to those of the
whole file but not the same. Windows are decoded from the same noise and cross-faded, which
conceals their joins without removing them: expect them to be heard in sustained sounds.
"""

import logging
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from accomptk.checkpoint import file_sha256
from accomptk.errors import MissingTool
from accomptk.extras import import_extra
from accomptk.latents.codec import State

NAME = "music2latent"
LICENCE = "CC BY-NC 4.0, not for commercial use, by Sony CSL Paris"

PAST, FUTURE = 5, 2
"""Frames of a window before and after the one that it is for."""

FRAME_SAMPLES = 4096
SPILL_SAMPLES = 1536
"""Samples that n frames take beyond n times `FRAME_SAMPLES`, or that they give."""

WINDOW_SAMPLES = (PAST + 1 + FUTURE) * FRAME_SAMPLES + SPILL_SAMPLES
FADE_SAMPLES = 1024

logger = logging.getLogger(__name__)


class Music2Latent:
    """Causal use of a codec that is not.

    Args:
        network: The package's ``EncoderDecoder``.
        sha8: Names its weights.
    """

    name = NAME
    sample_rate = 44_100
    frame_samples = FRAME_SAMPLES
    channels = 64
    encode_delay = (FUTURE + 1) * FRAME_SAMPLES  # a whole frame, as its last columns spill over
    decode_delay = FUTURE * FRAME_SAMPLES

    def __init__(self, network: Any, sha8: str) -> None:
        self.network = network
        self.sha8 = self.space = sha8
        self.rise = torch.linspace(0, 1, FADE_SAMPLES + 2)[1:-1]

    def encode_state(self, batch: int) -> State:
        """State of streams that have heard nothing."""
        return State({"past": torch.zeros(batch, (PAST + FUTURE + 1) * FRAME_SAMPLES)})

    @torch.no_grad()
    def encode_next(self, wav: Tensor, state: State) -> Tensor:
        """Latents [B, C, n] of the next [B, 1, n * FRAME_SAMPLES] samples, late."""
        heard = torch.cat([state.tensors["past"], wav[:, 0].float()], -1)
        state.tensors["past"] = heard[:, -state.tensors["past"].shape[1] :].clone()
        windows = heard.unfold(-1, WINDOW_SAMPLES, FRAME_SAMPLES)  # [B, n, WINDOW_SAMPLES]
        latents = [self._encode(window) for window in windows.flatten(0, 1)]
        stacked = torch.stack(latents)
        return stacked.view(*windows.shape[:2], -1).transpose(1, 2)

    def decode_state(self, batch: int) -> State:
        """State of streams that have played nothing."""
        past = self._quiet[None, :, None].repeat(batch, 1, PAST + FUTURE)
        return State({"latents": past, "tail": torch.zeros(batch, FADE_SAMPLES)})

    @torch.no_grad()
    def decode_next(self, latents: Tensor, state: State) -> Tensor:
        """Samples [B, 1, n * FRAME_SAMPLES] of the next [B, C, n] latents, late."""
        heard = torch.cat([state.tensors["latents"], latents.float()], -1)
        state.tensors["latents"] = heard[..., latents.shape[-1] :].clone()
        windows = heard.unfold(-1, PAST + 1 + FUTURE, 1).permute(2, 0, 1, 3)  # [n, B, C, frames]
        return torch.cat([self._play(each, state) for each in windows], -1)[:, None]

    def _play(self, windows: Tensor, state: State) -> Tensor:
        """The frame that each window [B, C, frames] is for, [B, FRAME_SAMPLES]."""
        wav = torch.stack([self._decode(window) for window in windows])
        made = wav[:, PAST * FRAME_SAMPLES :][:, : FRAME_SAMPLES + FADE_SAMPLES]
        frame, tail = made[:, :FRAME_SAMPLES].clone(), state.tensors["tail"]
        frame[:, :FADE_SAMPLES] = torch.lerp(tail, frame[:, :FADE_SAMPLES], self.rise)
        state.tensors["tail"] = made[:, FRAME_SAMPLES:].clone()
        return frame

    @cached_property
    @torch.no_grad()
    def _quiet(self) -> Tensor:
        """Latents of silence, [C]."""
        return self._encode(torch.zeros(WINDOW_SAMPLES))

    def _encode(self, window: Tensor) -> Tensor:
        """Latents [C] of the frame that a window of samples [N] is for."""
        latents: Tensor = self.network.encode(window[None])[0, :, PAST]
        return latents.float().cpu()

    def _decode(self, window: Tensor) -> Tensor:
        """Samples [N] of a window of latents [C, frames], from the same noise every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            wav: Tensor = self.network.decode(window[None])[0]
        return wav.float().cpu()


@lru_cache(1)
def load_music2latent() -> Music2Latent:
    """The published codec, and its licence to the log, once a process.

    Raises:
        MissingTool: If the package or its weights are absent.
    """
    package = import_extra(NAME, NAME, f"codec '{NAME}': its package is not installed")
    weights = Path(package.__file__).parent / "models" / f"{NAME}.pt"
    if not weights.is_file():
        raise MissingTool(
            f"codec '{NAME}': {weights} is absent; its package fetches it with: "
            f"python -c 'import {NAME}; {NAME}.EncoderDecoder()'"
        )
    logger.warning("%s: weights under %s", NAME, LICENCE)
    network = package.EncoderDecoder(load_path_inference=str(weights), device=torch.device("cpu"))
    return Music2Latent(network, file_sha256(weights)[:8])
