"""Phases for magnitude columns, continuous with what was already played."""

import torch
from torch import Tensor
from torch.nn import functional

from accomptk.latents.spectrum import COLUMNS, FRAME_SAMPLES, HOP_LENGTH, N_FFT, OVERLAP

BINS = N_FFT // 2 + 1
MOMENTUM = 0.5
_RATIO = N_FFT // HOP_LENGTH
TRACKED = 384
"""Bins whose phases are looked for, up to 8 kHz. Those above are noise to the ear: they get the
phases of a noise, which agree with each other without any search, and have no place where they
pile up to a click."""

NOISE_FRAMES = 16
"""Length of that noise, 1.3 s: a shorter one is heard to come again."""

_CLIMBS = 3  # each doubles the way to a peak: 8 bins
_TINY = 1e-9
_PLAYED_NORM = 1.5  # sum of the squared Hann windows that overlap at a quarter of their length


class Grid:
    """Columns and the samples that they sum to, at any rate.

    Args:
        n_fft: Length of a column; a quarter of it is a hop.
    """

    def __init__(self, n_fft: int) -> None:
        self.n_fft, self.hop = n_fft, n_fft // _RATIO
        self.overlap, self.frame = n_fft - self.hop, COLUMNS * self.hop
        self.window = torch.hann_window(n_fft)
        norm = self._overlap_add((self.window**2).expand(1, COLUMNS, n_fft))[0]
        norm[: self.overlap] = _PLAYED_NORM
        self.weight = 1 / norm.clamp_min(1e-3)

    def sum(self, spectrum: Tensor, tail: Tensor) -> Tensor:
        """Columns [B, n, bins] added to what earlier ones left, [B, n * hop + overlap]."""
        wav = self._overlap_add(torch.fft.irfft(spectrum, n=self.n_fft) * self.window)
        wav[:, : self.overlap] += tail
        return wav

    def columns(self, wav: Tensor) -> Tensor:
        """Spectra of the columns in [..., N] samples, [..., columns, n_fft / 2 + 1]."""
        spectra: Tensor = torch.fft.rfft(wav.unfold(-1, self.n_fft, self.hop) * self.window)
        return spectra

    def _overlap_add(self, columns: Tensor) -> Tensor:
        """Sum of [B, n, n_fft] columns at their places."""
        batch, count, _ = columns.shape
        quarters = columns.reshape(batch, count, _RATIO, self.hop)
        total = functional.pad(quarters[:, :, 0], (0, 0, 0, _RATIO - 1))
        for quarter in range(1, _RATIO):
            total[:, quarter : quarter + count] += quarters[:, :, quarter]
        return total.flatten(1)


class PhaseRebuilder:
    """Turns the magnitudes of a frame into samples.

    Phases start from the last column's: each spectral peak advances by its own frequency and
    takes its neighbourhood along (Laroche & Dolson 1999; Beauregard et al. 2015). A few fast
    Griffin-Lim iterations over the frame's columns follow, in which the columns played before
    stay as they are (Beauregard et al. 2005). Both happen at the rate of the bins that are
    tracked, a third of the samples'.

    Args:
        iterations: Griffin-Lim iterations a frame.
        momentum: Of fast Griffin-Lim (Perraudin et al. 2013).
    """

    def __init__(self, iterations: int, momentum: float = MOMENTUM) -> None:
        self.iterations = iterations
        self.momentum = momentum
        self.low, self.whole = Grid(2 * TRACKED), Grid(N_FFT)
        # Phases refer to the middle of a column, where those of one sinusoid are equal.
        self.centre = 1.0 - 2.0 * (torch.arange(TRACKED) % 2)
        noise = self.whole.columns(_circular_noise())[:, TRACKED:]
        self.noise = (noise / noise.abs()).reshape(NOISE_FRAMES, COLUMNS, BINS - TRACKED)

    def state(self, batch: int) -> dict[str, Tensor]:
        """State of streams that have played nothing."""
        return {
            "tail": torch.zeros(batch, OVERLAP),
            "low_tail": torch.zeros(batch, self.low.overlap),
            "phasor": torch.ones(batch, TRACKED, dtype=torch.complex64),
            "frame": torch.zeros(batch, dtype=torch.long),
        }

    def play(self, magnitude: Tensor, state: dict[str, Tensor]) -> Tensor:
        """Samples of the next n frames, late by OVERLAP.

        Args:
            magnitude: [B, n, COLUMNS, BINS].
            state: Entries of `state`; replaced by those after the frames.

        Returns:
            [B, n * FRAME_SAMPLES].
        """
        frames = magnitude.shape[1]
        tracked = magnitude[..., :TRACKED].contiguous()
        steps, owners = _peak_steps(tracked)
        found = torch.empty_like(tracked, dtype=torch.complex64)
        for frame in range(frames):
            now = slice(None), frame
            found[now] = self._search(tracked[now], steps[now], owners[now], state)
        cycle = torch.arange(frames) + state["frame"].unsqueeze(1)
        noise = magnitude[..., TRACKED:] * self.noise[cycle % NOISE_FRAMES]
        wav = self.whole.sum(torch.cat([found, noise], -1).flatten(1, 2), state["tail"])
        played = frames * FRAME_SAMPLES
        state["tail"], state["frame"] = wav[:, played:].clone(), state["frame"] + frames
        return wav[:, :played] / _PLAYED_NORM

    def _search(
        self, magnitude: Tensor, step: Tensor, owner: Tensor, state: dict[str, Tensor]
    ) -> Tensor:
        """Complex columns of one frame below 8 kHz, [B, COLUMNS, TRACKED]."""
        first = magnitude * self._advance(step, owner, state["phasor"])
        found = self._refine(first, magnitude, state["low_tail"])
        state["low_tail"] = self.low.sum(found, state["low_tail"])[:, self.low.frame :].clone()
        last = found[:, -1] + _TINY  # phase 0 where nothing is
        state["phasor"] = _rescale(last, torch.ones_like(last.real)) * self.centre
        return found

    def _advance(self, step: Tensor, owner: Tensor, phasor: Tensor) -> Tensor:
        """First phases of the columns, from the last column's: [B, COLUMNS, TRACKED] phasors."""
        made = torch.empty_like(step)
        for column in range(COLUMNS):
            turned = phasor * step[:, column]
            torch.gather(turned, 1, owner[:, column], out=made[:, column])
            phasor = made[:, column]
        return made * self.centre

    def _refine(self, spectrum: Tensor, magnitude: Tensor, tail: Tensor) -> Tensor:
        """Fast Griffin-Lim over the frame's columns, those before it held: complex columns."""
        before = spectrum
        for _ in range(self.iterations):
            wav = self.low.sum(spectrum, tail) * self.low.weight
            found = self.low.columns(wav)[..., :TRACKED].contiguous()
            spectrum = _rescale(_extrapolate(before, found, self.momentum), magnitude)
            before = found
        return spectrum


def _circular_noise() -> Tensor:
    """White noise of ``NOISE_FRAMES`` that begins again without a seam, as its columns need it."""
    noise = torch.randn(NOISE_FRAMES * FRAME_SAMPLES, generator=torch.Generator().manual_seed(0))
    return torch.cat([noise, noise[:OVERLAP]])


def _peak_steps(magnitude: Tensor) -> tuple[Tensor, Tensor]:
    """How far each bin's phase turns in one hop, and the peak that each bin follows.

    Args:
        magnitude: [..., TRACKED].

    Returns:
        Phasors and indices of the owning peak, both [..., TRACKED].
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


def _rescale(spectrum: Tensor, magnitude: Tensor) -> Tensor:
    """Complex values of other magnitudes; 0 stays 0."""
    real, imag = spectrum.real, spectrum.imag
    energy = torch.addcmul(real.square(), imag, imag).add_(_TINY**2)
    return spectrum * energy.rsqrt_().mul_(magnitude)


def _extrapolate(before: Tensor, found: Tensor, momentum: float) -> Tensor:
    """``found + momentum * (found - before)``; complex arithmetic would be four times as slow."""
    moved = torch.lerp(torch.view_as_real(before), torch.view_as_real(found), 1 + momentum)
    return torch.view_as_complex(moved)
