"""Fits the linear code of the spectral codec to stems and random sub-mixes of a prepared set."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accomptk.errors import DatasetError
from accomptk.latents.spectral import LinearCode
from accomptk.latents.spectrum import FRAME_SAMPLES, OVERLAP, SAMPLE_RATE, Spectrum, SpectrumRecipe
from accomptk.run import numpy_generator
from accomptk.stems.index import Song, StemSet

SILENT_DB = -60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcerptRecipe:
    """What the code is fitted to.

    Attributes:
        per_song: Excerpts of a song; every second one is a single stem, the others are sub-mixes.
        seconds: Length of an excerpt.
        gain_min_db: Smallest gain.
        gain_max_db: Largest gain; never more than full scale.
    """

    per_song: int
    seconds: float
    gain_min_db: float
    gain_max_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecRecipe:
    """The recipe of ``train codec``.

    Attributes:
        seed: Root of the excerpts' random choices.
        components: Numbers a frame.
        scale_power: Coefficients are divided by a multiple of their standard deviation to this
            power: 1 would whiten them, 0 keep all proportions.
        spectrum: Samples to features.
        excerpts: What to fit to.
    """

    seed: int
    components: int
    scale_power: float
    spectrum: SpectrumRecipe
    excerpts: ExcerptRecipe


Progress = Callable[[int, int], None]
"""Called with songs done and songs in all."""


def fit_code(
    stems: StemSet, recipe: CodecRecipe, progress: Progress | None = None
) -> tuple[LinearCode, dict[str, float]]:
    """Principal components, around silence, of all excerpts of the training songs.

    Args:
        stems: A prepared set.
        recipe: What to fit.
        progress: Told after each song.

    Returns:
        The code, and figures: frames, the share of energy kept.

    Raises:
        DatasetError: If there is nothing to train on.
    """
    songs = stems.split("train")
    if not songs:
        raise DatasetError(f"{stems.root}: has no song in split 'train'; prepare more songs")
    spectrum = Spectrum(recipe.spectrum)
    moments = _Moments(spectrum.features)
    for done, song in enumerate(songs, 1):
        rng = numpy_generator(recipe.seed, f"codec/{song.track}")
        excerpts = draw_excerpts(stems, song, recipe.excerpts, rng)
        frames = [spectrum.analyse(torch.from_numpy(wav)[None])[0] for wav in excerpts]
        if frames:
            moments.add(torch.cat(frames))
        if progress is not None:
            progress(done, len(songs))
    if moments.frames < recipe.components:
        raise DatasetError(
            f"{stems.root}: {moments.frames} frames of audio are too few for "
            f"{recipe.components} components; prepare more songs"
        )
    return moments.solve(recipe.components, recipe.scale_power)


def draw_excerpts(
    stems: StemSet, song: Song, recipe: ExcerptRecipe, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    """Random excerpts [OVERLAP + n * FRAME_SAMPLES], stems and sub-mixes in turn."""
    frames = max(int(min(recipe.seconds, song.seconds) * SAMPLE_RATE) // FRAME_SAMPLES, 1)
    seconds = (OVERLAP + frames * FRAME_SAMPLES) / SAMPLE_RATE
    for number in range(recipe.per_song):
        names = [stem.stem for stem in song.stems]
        size = 1 if number % 2 == 0 else int(rng.integers(1, len(names) + 1))
        chosen = sorted(rng.choice(names, size=size, replace=False))
        start_s = float(rng.uniform(0, max(song.seconds - seconds, 0)))
        wav = stems.mix(song, chosen, start_s, seconds)
        peak = float(np.abs(wav).max(initial=0.0))
        gain_db = rng.uniform(recipe.gain_min_db, recipe.gain_max_db)
        if peak > 10 ** (SILENT_DB / 20):
            yield wav * np.float32(min(10 ** (gain_db / 20), 1 / peak))


class _Moments:
    """Second moments of features, summed up."""

    def __init__(self, features: int) -> None:
        self.product = torch.zeros(features, features, dtype=torch.float64)
        self.total = torch.zeros(features, dtype=torch.float64)
        self.frames = 0

    def add(self, features: Tensor) -> None:
        """Take in [n, features]."""
        self.product += features.T @ features
        self.total += features.sum(0)
        self.frames += features.shape[0]

    def solve(self, components: int, scale_power: float) -> tuple[LinearCode, dict[str, float]]:
        """The leading components and the scales that give latents a mean variance of 1."""
        # Not centred: silence is then 0 in every component and decodes to exactly nothing.
        energy, vectors = torch.linalg.eigh(self.product / self.frames)
        basis = vectors.flip(1)[:, :components].T
        basis = basis * basis.sum(1, keepdim=True).sign()
        mean = basis @ (self.total / self.frames)
        deviation = (energy.flip(0)[:components] - mean**2).clamp_min(1e-12).sqrt()
        scale = deviation**scale_power
        scale = scale * ((deviation / scale) ** 2).mean().sqrt()
        kept = float(energy[-components:].sum() / energy.sum())
        code = LinearCode(basis.float().contiguous(), mean.float(), scale.float())
        return code, {"frames": float(self.frames), "energy_kept": kept}
