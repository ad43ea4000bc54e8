"""A tiny teacher and baseline with weights that do something, and songs of noise."""

from pathlib import Path

import numpy as np
import torch

from accomptk.checkpoint import save_checkpoint
from accomptk.conditions.sounds import Portrait, SoundBank
from accomptk.diffusion.a_style import AStyle, AStyleRecipe, build_a_style
from accomptk.diffusion.denoiser import Denoiser
from accomptk.diffusion.teacher import Teacher, TeacherRecipe, build_teacher
from accomptk.diffusion.transformer import SOUND_GAIN, StreamTransformer
from accomptk.latents.shards import SongLatents
from accomptk.recipe import load_recipe
from accomptk.run import numpy_generator
from accomptk.stems.instruments import INSTRUMENTS

CHANNELS = 6
WORDS = ["jazz", "slow", "loud"]
CODEC = "c0dec000"


def shaken(denoiser: Denoiser) -> Denoiser:
    """The denoiser with every parameter away from its initial zero."""
    generator = torch.Generator().manual_seed(0)
    for parameter in denoiser.parameters():
        spread = parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.1
        parameter.data = spread * torch.randn(parameter.shape, generator=generator)
    if isinstance(denoiser.net, StreamTransformer):
        denoiser.net.sound.weight.data /= SOUND_GAIN  # as loud as other inputs
    return denoiser


def tiny_teacher(path: Path, channels: int = CHANNELS, space: str = CODEC) -> Teacher:
    """A teacher of the smoke recipe, saved and loaded."""
    recipe = load_recipe("smoke/teacher", TeacherRecipe)
    save_checkpoint(
        path,
        shaken(build_teacher(recipe, channels, len(WORDS))).state_dict(),
        kind="teacher",
        recipe=recipe,
        extra={
            "space": space,
            "channels": channels,
            "words": WORDS,
            "sounds": SoundBank.of(tiny_portraits(channels)).to_json(),
        },
    )
    return Teacher(path)


def tiny_portraits(channels: int) -> list[Portrait]:
    """What a few stems of each instrument sound like: anything."""
    rng = numpy_generator(0, "portraits")
    return [
        Portrait(
            instrument,
            WORDS[index % len(WORDS)],
            rng.normal(size=2 * channels).astype(np.float32),
            np.zeros(12, np.float32),
        )
        for instrument in INSTRUMENTS
        for index in range(6)
    ]


def tiny_a_style(path: Path, channels: int = CHANNELS, space: str = CODEC) -> AStyle:
    """A baseline of the smoke recipe, saved and loaded."""
    recipe = load_recipe("smoke/a-style", AStyleRecipe)
    save_checkpoint(
        path,
        shaken(build_a_style(recipe, channels)).state_dict(),
        kind="a_style",
        recipe=recipe,
        extra={"space": space, "channels": channels},
    )
    return AStyle(path)


def noise_song(track: str, frames: int, index: int, *, marked: bool = False) -> SongLatents:
    """Three stems and three contexts of noise.

    ``marked`` writes the stem number into the first channel and the frame number into the second.
    """
    rng = numpy_generator(0, track, index)
    stems = ("drums", "bass", "melody")
    latents = rng.standard_normal((3, CHANNELS, frames)).astype(np.float16)
    mixes = rng.standard_normal((3, CHANNELS, frames)).astype(np.float16)
    for array in (latents, mixes) if marked else ():
        array[:, 0] = np.arange(3)[:, None]
        array[:, 1] = np.arange(frames)
    beats = np.arange(0.25, frames / 12, 0.5)
    values = {
        "track": track,
        "stems": stems,
        "instruments": stems,
        "latents": latents,
        "contexts": (("bass", "melody"), ("melody",), ("drums",)),
        "context_latents": mixes,
        "context_chroma": np.abs(rng.standard_normal((3, 12, frames))).astype(np.float16),
        "traits": rng.standard_normal((3, 4, frames)).astype(np.float16),
        "rms_db": (-20.0,) * 3,
        "active": (((0.0, frames / 12),),) * 3,
        "seconds": frames / 12,
        "beats": beats,
        "downbeats": beats[::4],
        "meter": 4,
        "chords": (),
        "prompt": "slow jazz",
    }
    return SongLatents(**values)
