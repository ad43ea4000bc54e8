"""Compressed magnitude columns: samples to band features, and features to STFT magnitudes."""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

SAMPLE_RATE = 44_100
HOP_LENGTH = 525
COLUMNS = 7
FRAME_SAMPLES = HOP_LENGTH * COLUMNS
N_FFT = 4 * HOP_LENGTH
OVERLAP = N_FFT - HOP_LENGTH
"""Samples that neighbouring columns share with what came before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumRecipe:
    """How magnitudes become features.

    Attributes:
        power: Exponent of the magnitude; 0.3 is close to loudness and needs no logarithm's floor.
        floor_db: Level of one bin below which there is nothing, relative to a full-scale sine.
        split_hz: Below it features are STFT bins, above it mel bands.
        mel_bands: Bands above ``split_hz``.
        hearing: Features are weighted by their bandwidth over that of hearing (Glasberg & Moore
            1990) to this power; 0 weighs all alike, and most of them lie high.
    """

    power: float
    floor_db: float
    split_hz: float
    mel_bands: int
    hearing: float = 0.0


class Spectrum:
    """Features of a frame are the compressed magnitudes of its columns, band by band.

    Digital silence has features of exactly 0, so that any linear code of them keeps it.
    """

    def __init__(self, recipe: SpectrumRecipe) -> None:
        self.recipe = recipe
        self.power = recipe.power
        self.floor = 10 ** (recipe.floor_db / 20)
        self.window = torch.hann_window(N_FFT)
        self.scale = 2 / float(self.window.sum())  # a full-scale sine peaks at 1
        self.linear = int(recipe.split_hz * N_FFT / SAMPLE_RATE)
        self.pool = _mel_pool(recipe, self.linear)  # [bins, bands]
        self.spread = (self.pool / self.pool.sum(1, keepdim=True)).T  # [bands, bins]
        self.groups = _groups(self.bands)
        self.weight = _hearing_weight(self.pool, self.linear, recipe.hearing).repeat(COLUMNS)

    @property
    def bands(self) -> int:
        """Features a column."""
        return self.linear + self.pool.shape[1]

    @property
    def features(self) -> int:
        """Features a frame."""
        return COLUMNS * self.bands

    def analyse(self, wav: Tensor) -> Tensor:
        """Features of the frames in [B, OVERLAP + n * FRAME_SAMPLES] samples: [B, n, features]."""
        columns = wav.unfold(-1, N_FFT, HOP_LENGTH) * self.window
        spectrum = torch.fft.rfft(columns)
        energy = (spectrum.real.square() + spectrum.imag.square()) * self.scale**2
        low, high = energy[..., : self.linear], energy[..., self.linear :]
        mean = high.double() @ (self.pool / self.pool.sum(0)).double()
        banded = torch.cat([low, mean.to(low.dtype)], dim=-1)
        compressed: Tensor = (banded + self.floor**2) ** (self.power / 2) - self.floor**self.power
        return compressed.reshape(wav.shape[0], -1, self.features) * self.weight

    def levels_db(self, wav: Tensor) -> Tensor:
        """Level of each band in each column of [B, OVERLAP + n * FRAME_SAMPLES] samples, dBFS.

        Returns:
            [B, n, COLUMNS, bands]; never below the floor.
        """
        decibels: Tensor = self._compressed(self.analyse(wav)).log10() * (20 / self.power)
        return decibels

    def balance(self, features: Tensor) -> Tensor:
        """Loudness of groups of bands in each column of [..., features], in nepers above -60 dBFS.

        Differentiable; groups are as wide as a sixth of their distance from 0 Hz.

        Returns:
            [..., COLUMNS, groups].
        """
        groups: Tensor = self._energy(features) @ self.groups
        return torch.log1p(groups.clamp_min(0) * 1e6)

    def synthesise(self, features: Tensor) -> Tensor:
        """STFT magnitudes of [B, n, features]: [B, n, COLUMNS, bins]."""
        energy = self._energy(features)
        # Errors of the code just above the floor would hiss in 1,000 bins at once.
        magnitude = energy.masked_fill_(energy <= self.floor**2, 0.0).sqrt_() / self.scale
        low, high = magnitude[..., : self.linear], magnitude[..., self.linear :]
        spread = high.double() @ self.spread.double()
        return torch.cat([low, spread.to(low.dtype)], dim=-1)

    def _compressed(self, features: Tensor) -> Tensor:
        """Compressed magnitudes, floor included, of [..., features]: [..., COLUMNS, bands]."""
        banded = (features / self.weight).reshape(*features.shape[:-1], COLUMNS, self.bands)
        level: Tensor = banded.clamp_min(0) + self.floor**self.power
        return level

    def _energy(self, features: Tensor) -> Tensor:
        """Energy of each band above the floor, likewise."""
        # Not pow(): its result depends on the place in the tensor, and so on the batch.
        level = self._compressed(features)
        return torch.exp(torch.log(level) * (2 / self.power)) - self.floor**2


def _mel_pool(recipe: SpectrumRecipe, linear: int) -> Tensor:
    """Triangular mel weights of the bins from ``linear`` on, [bins, bands], none of them empty."""
    from torchaudio.functional import melscale_fbanks

    bins = N_FFT // 2 + 1
    weights: Tensor = melscale_fbanks(
        n_freqs=bins,
        f_min=recipe.split_hz * 0.98,
        f_max=SAMPLE_RATE * 0.505,
        n_mels=recipe.mel_bands,
        sample_rate=SAMPLE_RATE,
        norm=None,
    )
    weights = weights[linear:]
    # The outermost bins may lie outside every triangle: they follow their neighbours.
    weights[0, 0] = weights[0, 0].clamp_min(0.1)
    weights[-1, -1] = weights[-1, -1].clamp_min(0.1)
    return weights


def _hearing_weight(pool: Tensor, linear: int, power: float) -> Tensor:
    """Weight of each band, mean 1, [bands]."""
    bin_hz = SAMPLE_RATE / N_FFT
    bins = torch.arange(linear, linear + pool.shape[0])
    centre = torch.cat([torch.arange(linear) + 0.5, (pool * bins[:, None]).sum(0) / pool.sum(0)])
    width = torch.cat([torch.ones(linear), pool.sum(0)])
    equivalent = 24.7 * (4.37 * centre * bin_hz / 1000 + 1)
    weight = (width * bin_hz / equivalent) ** power
    return weight / weight.mean()


def _groups(bands: int) -> Tensor:
    """Which group each band belongs to, [bands, groups]; at least three bands make a group."""
    edges = [0]
    while edges[-1] < bands:
        edges.append(min(bands, edges[-1] + max(3, edges[-1] // 6)))
    groups = torch.zeros(bands, len(edges) - 1)
    for index, (first, last) in enumerate(itertools.pairwise(edges)):
        groups[first:last, index] = 1.0
    return groups
