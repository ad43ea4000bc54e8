"""Phases for magnitude columns, continuous with what was already played."""

import torch
from torch import Tensor
from torch.nn import functional

from accomptk.latents.spectrum import COLUMNS, FRAME_SAMPLES, HOP_LENGTH, N_FFT, OVERLAP

BINS = N_FFT // 2 + 1
MOMENTUM = 0.5
_RATIO = N_FFT // HOP_LENGTH
TRACKED = 384
"""Bins in which peaks are followed, up to 8 kHz. Those above begin with phases drawn once and for
all: in step they would pile up to a click in the middle of a column, most often at a join."""

_CLIMBS = 3  # each doubles the way to a peak: 8 bins
_TINY = 1e-9
_PLAYED_NORM = 1.5  # sum of the squared Hann windows that overlap at a quarter of their length


class PhaseRebuilder:
    """Turns the magnitudes of a frame into samples.

    Phases start from the last column's: each spectral peak advances by its own frequency and
    takes its neighbourhood along (Laroche & Dolson 1999; Beauregard et al. 2015). A few fast
    Griffin-Lim iterations over the frame's columns follow, in which the columns played before
    stay as they are (Beauregard et al. 2005).

    Args:
        iterations: Griffin-Lim iterations a frame.
        momentum: Of fast Griffin-Lim (Perraudin et al. 2013).
    """

    def __init__(self, iterations: int, momentum: float = MOMENTUM) -> None:
        self.iterations = iterations
        self.momentum = momentum
        self.window = torch.hann_window(N_FFT)
        norm = _overlap_add((self.window**2).expand(1, COLUMNS, N_FFT))[0]
        norm[:OVERLAP] = _PLAYED_NORM
        self.weight = 1 / norm.clamp_min(1e-3)
        # Phases refer to the middle of a column, where those of one sinusoid are equal.
        self.centre = 1.0 - 2.0 * (torch.arange(BINS) % 2)
        drawn = torch.rand(COLUMNS, BINS - TRACKED, generator=torch.Generator().manual_seed(0))
        self.drawn = torch.polar(torch.ones_like(drawn), drawn * (2 * torch.pi))

    def state(self, batch: int) -> dict[str, Tensor]:
        """State of streams that have played nothing."""
        return {
            "tail": torch.zeros(batch, OVERLAP),
            "phasor": torch.ones(batch, BINS, dtype=torch.complex64),
        }

    def play(self, magnitude: Tensor, state: dict[str, Tensor]) -> Tensor:
        """Samples of one frame, late by OVERLAP.

        Args:
            magnitude: [B, COLUMNS, BINS].
            state: Entries of `state`; replaced by those after the frame.

        Returns:
            [B, FRAME_SAMPLES].
        """
        first = magnitude * self._advance(magnitude, state["phasor"])
        spectrum = self._refine(first, magnitude, state["tail"])
        wav = self._sum(spectrum, state["tail"])
        last = spectrum[:, -1] + _TINY  # phase 0 where nothing is
        state["tail"] = wav[:, FRAME_SAMPLES:].clone()
        state["phasor"] = _rescale(last, torch.ones_like(last.real)) * self.centre
        return wav[:, :FRAME_SAMPLES] / _PLAYED_NORM

    def _advance(self, magnitude: Tensor, phasor: Tensor) -> Tensor:
        """First phases of the columns, from the last column's: [B, COLUMNS, BINS] phasors."""
        step, owner = _peak_steps(magnitude[..., :TRACKED])
        made = phasor.new_empty(magnitude.shape)
        made[..., TRACKED:] = self.drawn
        for column in range(COLUMNS):
            turned = phasor[:, :TRACKED] * step[:, column]
            torch.gather(turned, 1, owner[:, column], out=made[:, column, :TRACKED])
            phasor = made[:, column]
        return made * self.centre

    def _refine(self, spectrum: Tensor, magnitude: Tensor, tail: Tensor) -> Tensor:
        """Fast Griffin-Lim over the frame's columns, those before it held: complex columns."""
        before = spectrum
        for _ in range(self.iterations):
            wav = self._sum(spectrum, tail) * self.weight
            found = torch.fft.rfft(wav.unfold(-1, N_FFT, HOP_LENGTH) * self.window)
            spectrum = _rescale(_extrapolate(before, found, self.momentum), magnitude)
            before = found
        return spectrum

    def _sum(self, spectrum: Tensor, tail: Tensor) -> Tensor:
        """Overlapping columns, added to what earlier ones left: [B, FRAME_SAMPLES + OVERLAP]."""
        wav = _overlap_add(torch.fft.irfft(spectrum, n=N_FFT) * self.window)
        wav[:, :OVERLAP] += tail
        return wav


def _peak_steps(magnitude: Tensor) -> tuple[Tensor, Tensor]:
    """How far each bin's phase turns in one hop, and the peak that each bin follows.

    Args:
        magnitude: [B, COLUMNS, TRACKED].

    Returns:
        Phasors and indices of the owning peak, both [B, COLUMNS, TRACKED].
    """
    level = torch.log(magnitude + _TINY)
    left, middle, right = level[..., :-2], level[..., 1:-1], level[..., 2:]
    rises, falls = right > middle, left > middle
    curve = (left - 2 * middle + right).clamp_max(-1e-6)
    offset = (0.5 * (left - right) / curve).clamp(-0.5, 0.5)
    offset = functional.pad(offset.masked_fill(rises | falls, 0.0), (1, 1))
    bins = torch.arange(TRACKED)
    turn = (bins + offset) * (2 * torch.pi * HOP_LENGTH / N_FFT)
    uphill = torch.where(falls & (left >= right), -1, rises.long())
    owner = bins + functional.pad(uphill, (1, 1))
    for _ in range(_CLIMBS):
        owner = owner.gather(-1, owner)
    return torch.complex(torch.cos(turn), torch.sin(turn)), owner


def _overlap_add(columns: Tensor) -> Tensor:
    """Sum [B, COLUMNS, N_FFT] columns at their places: [B, FRAME_SAMPLES + OVERLAP]."""
    quarters = columns.reshape(columns.shape[0], COLUMNS, _RATIO, HOP_LENGTH)
    total = columns.new_zeros(columns.shape[0], COLUMNS + _RATIO - 1, HOP_LENGTH)
    for quarter in range(_RATIO):
        total[:, quarter : quarter + COLUMNS] += quarters[:, :, quarter]
    return total.flatten(1)


def _rescale(spectrum: Tensor, magnitude: Tensor) -> Tensor:
    """Complex values of other magnitudes; 0 stays 0."""
    real, imag = spectrum.real, spectrum.imag
    energy = torch.addcmul(real.square(), imag, imag).add_(_TINY**2)
    return spectrum * energy.rsqrt_().mul_(magnitude)


def _extrapolate(before: Tensor, found: Tensor, momentum: float) -> Tensor:
    """``found + momentum * (found - before)``; complex arithmetic would be four times as slow."""
    moved = torch.lerp(torch.view_as_real(before), torch.view_as_real(found), 1 + momentum)
    return torch.view_as_complex(moved)
