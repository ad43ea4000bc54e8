"""Embeddings of audio: what a judge network hears in each patch of a signal.

Conventions: a signal is mono, [N]; its embedding is [patches, features] in float32. The default
judge, ``musicnn-msd``, hears patches of 3 s that begin every second: 22 of a 24 s excerpt. A
signal that is shorter than one patch is repeated until it fills it; an empty one has no patches.

Models: ``musicnn-msd`` and, as a second opinion, ``musicnn-mtt``, both from ``accomptk weights
fetch``; ``vggish``, ``pann``, ``clap`` and ``encodec`` of the frechet-audio-distance package,
from a folder of their checkpoints.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError, RecipeError
from accomptk.metrics.frechet_package import PACKAGE_MODELS, load_package_model

if TYPE_CHECKING:
    from accomptk.weights.musicnn import Musicnn

Floats = NDArray[np.floating[Any]]
Embedding = NDArray[np.float32]

MUSICNN = {"musicnn-msd": "msd", "musicnn-mtt": "mtt"}
DEFAULT = "musicnn-msd"
PATCH_S = 3
HOP_S = 1
BATCH_PATCHES = 32  # bounds the memory that a long signal takes


class EmbeddingModel(Protocol):
    """A judge: its name, the size of its embeddings, and the sample rate that it hears, in Hz."""

    name: str
    num_features: int
    sample_rate: int

    def embed(self, wav: Embedding) -> Embedding:
        """Hear [N] samples, at least one, at ``sample_rate``; return [patches, features]."""


class MusicnnModel:
    """The penultimate layer of musicnn."""

    def __init__(self, name: str, net: "Musicnn") -> None:
        from accomptk.weights.musicnn import EMBEDDING, SAMPLE_RATE

        self.name = name
        self.net = net
        self.num_features = EMBEDDING
        self.sample_rate = SAMPLE_RATE

    def embed(self, wav: Embedding) -> Embedding:
        """[N] at 16 kHz to [patches, 200]."""
        import torch

        from accomptk.weights.musicnn import PATCH_FRAMES, log_mel

        filled = np.resize(wav, max(len(wav), PATCH_S * self.sample_rate))  # repeats what is there
        with torch.inference_mode():
            spectrogram = log_mel(torch.from_numpy(filled))
            starts = _patch_starts(spectrogram.shape[-1], PATCH_FRAMES)
            made = []
            for first in range(0, len(starts), BATCH_PATCHES):
                batch = starts[first : first + BATCH_PATCHES]
                heard = spectrogram[:, batch[0] : batch[-1] + PATCH_FRAMES]
                embedding, _ = self.net(heard, [start - batch[0] for start in batch])
                made.append(embedding)
            return np.asarray(torch.cat(made).numpy(), dtype=np.float32)


def load_model(name: str = DEFAULT, ckpt_dir: Path | None = None) -> EmbeddingModel:
    """A judge by its name, kept in memory.

    Args:
        name: One of those in the module's description.
        ckpt_dir: Folder of the package's checkpoints; musicnn does not need it.

    Raises:
        RecipeError: If there is no such model.
        MissingTool: If its weights are absent.
    """
    if name in MUSICNN:
        return _musicnn(name)
    if name in PACKAGE_MODELS:
        return load_package_model(name, ckpt_dir)
    raise RecipeError(
        f"embedding '{name}': not known; there are {', '.join((*MUSICNN, *PACKAGE_MODELS))}"
    )


def embed(
    wavs: Sequence[Floats], sample_rate: int, model: str | EmbeddingModel = DEFAULT
) -> list[Embedding]:
    """Embeddings of signals.

    Args:
        wavs: Mono signals, each [N].
        sample_rate: Of the signals, in Hz.
        model: A judge, or the name of one.

    Returns:
        One [patches, features] array a signal.

    Raises:
        DatasetError: If a signal is not mono or has values that are no numbers.
    """
    judge = load_model(model) if isinstance(model, str) else model
    return [_embed_one(wav, sample_rate, judge) for wav in wavs]


def validate(wav: Floats) -> None:
    """Refuse what no judge can hear.

    Raises:
        DatasetError: If the signal is not [N] of finite numbers.
    """
    if wav.ndim != 1:
        raise DatasetError(f"embedding: a signal of shape {wav.shape}; it must be mono, [N]")
    if not np.isfinite(wav).all():
        raise DatasetError("embedding: a signal with values that are no numbers; make it again")


def _embed_one(wav: Floats, sample_rate: int, judge: EmbeddingModel) -> Embedding:
    validate(wav)
    if wav.size == 0:
        return np.zeros((0, judge.num_features), np.float32)
    heard = _resample(np.ascontiguousarray(wav, dtype=np.float32), sample_rate, judge.sample_rate)
    return judge.embed(heard)


def _resample(wav: Embedding, rate: int, to: int) -> Embedding:
    if rate == to:
        return wav
    import torch
    from torchaudio.functional import resample

    return np.asarray(resample(torch.from_numpy(wav), rate, to).numpy(), dtype=np.float32)


def _patch_starts(frames: int, patch_frames: int) -> list[int]:
    """First frames of the patches, one a second (62.5 frames) on average."""
    from accomptk.weights.musicnn import HOP_SAMPLES, SAMPLE_RATE

    count = (frames - patch_frames) * HOP_SAMPLES // (HOP_S * SAMPLE_RATE) + 1
    return [index * HOP_S * SAMPLE_RATE // HOP_SAMPLES for index in range(count)]


@lru_cache(maxsize=2)
def _musicnn(name: str) -> MusicnnModel:
    from accomptk.weights import registry
    from accomptk.weights.musicnn import load_musicnn

    return MusicnnModel(name, load_musicnn(registry.path("musicnn"), MUSICNN[name]))
