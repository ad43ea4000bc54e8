"""Phases for magnitude columns, continuous with what was already played."""

import torch
from torch import Tensor
from torch.nn import functional

from accomptk.latents.spectrum import COLUMNS, FRAME_SAMPLES, HOP_LENGTH, N_FFT, OVERLAP

BINS = N_FFT // 2 + 1
_RATIO = N_FFT // HOP_LENGTH
_MOMENTUM = 0.99  # of fast Griffin-Lim (Perraudin et al. 2013)
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
    """

    def __init__(self, iterations: int) -> None:
        self.iterations = iterations
        self.window = torch.hann_window(N_FFT)
        self.norm = _overlap_add((self.window**2).expand(1, COLUMNS, N_FFT))[0]
        self.norm[:OVERLAP] = _PLAYED_NORM
        self.norm.clamp_(min=1e-3)
        # Phases refer to the middle of a column, where those of one sinusoid are equal.
        self.centre = 1.0 - 2.0 * (torch.arange(BINS) % 2)

    def state(self, batch: int) -> dict[str, Tensor]:
        """State of streams that have played nothing."""
        return {
            "tail": torch.zeros(batch, OVERLAP),
            "phasor": torch.ones(batch, BINS, dtype=torch.complex64),
            "magnitude": torch.zeros(batch, BINS),
        }

    def play(self, magnitude: Tensor, state: dict[str, Tensor]) -> Tensor:
        """Samples of one frame, late by OVERLAP.

        Args:
            magnitude: [B, COLUMNS, BINS].
            state: Entries of `state`; replaced by those after the frame.

        Returns:
            [B, FRAME_SAMPLES].
        """
        phasor = self._advance(magnitude, state["phasor"], state["magnitude"]) * self.centre
        spectrum = self._refine(magnitude, phasor, state["tail"])
        columns = torch.fft.irfft(spectrum, n=N_FFT) * self.window
        wav = _overlap_add(columns)
        wav[:, :OVERLAP] += state["tail"]
        last = spectrum[:, -1]
        state["tail"] = wav[:, FRAME_SAMPLES:].clone()
        state["phasor"] = _unit(last) * self.centre
        state["magnitude"] = magnitude[:, -1].clone()
        return wav[:, :FRAME_SAMPLES] / _PLAYED_NORM

    def _advance(self, magnitude: Tensor, phasor: Tensor, before: Tensor) -> Tensor:
        """First phases of the columns, from the last column's: [B, COLUMNS, BINS] phasors."""
        step, owner = _peak_steps(magnitude)
        made = []
        for column in range(COLUMNS):
            moved = (phasor * step[:, column]).gather(1, owner[:, column])
            fresh = magnitude[:, column] > 8 * before
            phasor = torch.where(fresh & (before < _TINY), torch.ones_like(moved), moved)
            before = magnitude[:, column]
            made.append(phasor)
        return torch.stack(made, dim=1)

    def _refine(self, magnitude: Tensor, phasor: Tensor, tail: Tensor) -> Tensor:
        """Fast Griffin-Lim over the frame's columns, those before it held: complex columns."""
        spectrum = magnitude * phasor
        last = spectrum
        for _ in range(self.iterations):
            columns = torch.fft.irfft(spectrum, n=N_FFT) * self.window
            wav = _overlap_add(columns)
            wav[:, :OVERLAP] += tail
            wav = wav / self.norm
            found = torch.fft.rfft(wav.unfold(-1, N_FFT, HOP_LENGTH) * self.window)
            spectrum = magnitude * _unit(found + _MOMENTUM * (found - last))
            last = found
        return spectrum


def _peak_steps(magnitude: Tensor) -> tuple[Tensor, Tensor]:
    """How far each bin's phase turns in one hop, and the peak that each bin follows.

    Args:
        magnitude: [B, COLUMNS, BINS].

    Returns:
        Phasors and indices of the owning peak, both [B, COLUMNS, BINS].
    """
    level = torch.log(magnitude + _TINY)
    left, middle, right = level[..., :-2], level[..., 1:-1], level[..., 2:]
    is_peak = functional.pad((middle > left) & (middle >= right), (1, 1))
    curve = (left - 2 * middle + right).clamp_max(-1e-6)
    offset = functional.pad((0.5 * (left - right) / curve).clamp(-0.5, 0.5), (1, 1))
    bins = torch.arange(BINS)
    turn = (bins + offset.where(is_peak, 0.0)) * (2 * torch.pi * HOP_LENGTH / N_FFT)
    return torch.polar(torch.ones_like(turn), turn), _nearest_peak(is_peak, bins)


def _nearest_peak(is_peak: Tensor, bins: Tensor) -> Tensor:
    """Index of the peak closest to each bin; bins of a column without peaks own themselves."""
    far = 4 * BINS
    below = torch.where(is_peak, bins, -far).cummax(dim=-1).values
    above = torch.where(is_peak, bins, far).flip(-1).cummin(dim=-1).values.flip(-1)
    nearest = torch.where(bins - below <= above - bins, below, above)
    return torch.where((nearest < 0) | (nearest >= BINS), bins.expand_as(nearest), nearest)


def _overlap_add(columns: Tensor) -> Tensor:
    """Sum [B, COLUMNS, N_FFT] columns at their places: [B, FRAME_SAMPLES + OVERLAP]."""
    quarters = columns.reshape(columns.shape[0], COLUMNS, _RATIO, HOP_LENGTH)
    total = columns.new_zeros(columns.shape[0], COLUMNS + _RATIO - 1, HOP_LENGTH)
    for quarter in range(_RATIO):
        total[:, quarter : quarter + COLUMNS] += quarters[:, :, quarter]
    return total.flatten(1)


def _unit(spectrum: Tensor) -> Tensor:
    """Phasors; 1 where there is nothing."""
    size = spectrum.abs()
    return torch.where(size > _TINY, spectrum / size.clamp_min(_TINY), torch.ones_like(spectrum))
