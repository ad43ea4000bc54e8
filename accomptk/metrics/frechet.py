"""Frechet audio distance (FAD) between two sets of embeddings.

Conventions: a set is [n, d], one embedding a patch. Each is taken as a Gaussian (its mean, and
its covariance with n - 1 in the denominator). The distance is that of Dowson & Landau (1982),

    |mu_1 - mu_2|^2 + tr(sigma_1 + sigma_2 - 2 (sigma_1 sigma_2)^(1/2)),

in float64 and never below 0; 0 is best. It is not defined (None) where a set has fewer patches
than dimensions: its covariance then says more of the sample than of the music. It falls as n
grows, so only distances of equal n compare: print n, the embedding and the reference with it.

Metrics: `fad` is the value of the frechet-audio-distance package. `Reference.fad` adds a 95 %
interval over songs.
"""

import contextlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError
from accomptk.metrics.frechet_package import import_package
from accomptk.run import numpy_generator

Floats = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]

DRAWS = 50
NORMAL_95 = 1.96
TOLERANCE = 1e-3  # between the package's matrix root and symmetric eigenvalues


@dataclass(frozen=True, slots=True)
class Fad:
    """A distance, its 95 % interval, and the patches behind it; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None
    n: int  # patches of the estimate
    n_reference: int


class Reference:
    """The reference songs of a table, with their resamples made once for all of its rows.

    Songs are drawn with replacement. Sets of as many songs get the same draws, so that a song
    which is missing from the reference is missing from the estimate too.
    """

    def __init__(self, songs: Sequence[Floats], seed: int = 0, draws: int = DRAWS) -> None:
        """Draw the songs.

        Args:
            songs: Embeddings of each song, [patches, d].
            seed: Root of the draws.
            draws: Resamples of the interval.
        """
        self.patches = _stack(songs)
        self.seed = seed
        self.draws = draws
        self._roots: list[tuple[Doubles, Doubles, Doubles]] | None = None
        self._lengths = [len(song) for song in songs]

    def fad(self, songs: Sequence[Floats]) -> Fad:
        """Distance of the estimate's songs, with its interval.

        The interval is the value plus and minus 1.96 standard deviations of the resamples:
        their mean would lie above the value, as they hold fewer different songs.

        Args:
            songs: Embeddings of each song, [patches, d].

        Raises:
            DatasetError: If the sets cannot be compared.
        """
        patches = _stack(songs)
        value = fad(self.patches, patches)
        spread = None
        if value is not None and min(len(songs), len(self._lengths)) > 1:
            lengths = [len(song) for song in songs]
            spread = NORMAL_95 * float(np.std(self._resample(patches, lengths), ddof=1))
        return Fad(
            value=value,
            low=None if value is None or spread is None else max(0.0, value - spread),
            high=None if value is None or spread is None else value + spread,
            n=len(patches),
            n_reference=len(self.patches),
        )

    def _resample(self, patches: Doubles, lengths: Sequence[int]) -> list[float]:
        """Distances of the draws."""
        if self._roots is None:
            drawn = _drawn_statistics(self.patches, self._lengths, self.seed, self.draws)
            self._roots = [(mu, sigma, _root(sigma)) for mu, sigma in drawn]
        estimates = _drawn_statistics(patches, lengths, self.seed, self.draws)
        return [
            _distance(mu1, sigma1, root1, mu2, sigma2)
            for (mu1, sigma1, root1), (mu2, sigma2) in zip(self._roots, estimates, strict=True)
        ]


def validate(reference: Floats, estimate: Floats) -> None:
    """Refuse what has no distance.

    Raises:
        DatasetError: If the sets are not [n, d] of one d, or hold values that are no numbers.
    """
    for name, values in (("reference", reference), ("estimate", estimate)):
        if values.ndim != 2:
            raise DatasetError(f"FAD {name}: shape {values.shape}; it must be [patches, features]")
        if not np.isfinite(values).all():
            raise DatasetError(f"FAD {name}: values that are no numbers; embed the audio again")
    if reference.shape[1] != estimate.shape[1]:
        raise DatasetError(
            f"FAD: {reference.shape[1]} and {estimate.shape[1]} features; "
            "both sets must come from one embedding"
        )


def fad(reference: Floats, estimate: Floats) -> float | None:
    """Distance of two sets of embeddings, [n, d] and [m, d]; None when n or m is below d.

    Raises:
        DatasetError: If the sets cannot be compared.
    """
    validate(reference, estimate)
    if min(len(reference), len(estimate)) < max(2, reference.shape[1]):
        return None
    return frechet_distance(*statistics(reference), *statistics(estimate))


def statistics(embeddings: Floats) -> tuple[Doubles, Doubles]:
    """Mean [d] and covariance [d, d] of [n, d]."""
    values = embeddings.astype(np.float64)
    return values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False))


def frechet_distance(mu1: Doubles, sigma1: Doubles, mu2: Doubles, sigma2: Doubles) -> float:
    """Distance of two Gaussians as the frechet-audio-distance package computes it.

    Where its matrix root goes wrong, as it does on singular covariances, it is
    `frechet_symmetric` that counts.
    """
    exact = frechet_symmetric(mu1, sigma1, mu2, sigma2)
    package = import_package().FrechetAudioDistance
    judge = package.__new__(package)  # its constructor loads an embedding model
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            value = float(judge.calculate_frechet_distance(mu1, sigma1, mu2, sigma2))
        except ValueError:  # the root has an imaginary part
            return exact
    slack = 1e-6 * float(np.trace(sigma1) + np.trace(sigma2))
    return max(value, 0.0) if abs(value - exact) <= TOLERANCE * exact + slack else exact


def frechet_symmetric(mu1: Doubles, sigma1: Doubles, mu2: Doubles, sigma2: Doubles) -> float:
    """The same distance by symmetric eigenvalues: ten times as fast, and it always succeeds."""
    return _distance(mu1, sigma1, _root(sigma1), mu2, sigma2)


def _distance(
    mu1: Doubles, sigma1: Doubles, root1: Doubles, mu2: Doubles, sigma2: Doubles
) -> float:
    """Distance, given the root of the first covariance."""
    # sigma_1 sigma_2 has the eigenvalues of this symmetric product.
    product = np.linalg.eigvalsh(root1 @ sigma2 @ root1)
    overlap = np.sqrt(np.maximum(product, 0)).sum()
    apart = np.square(mu1 - mu2).sum()
    return max(0.0, float(apart + np.trace(sigma1) + np.trace(sigma2) - 2 * overlap))


def _root(sigma: Doubles) -> Doubles:
    """The symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(sigma)
    root: Doubles = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


def _stack(songs: Sequence[Floats]) -> Doubles:
    if not songs:
        raise DatasetError("FAD: no songs; at least one is needed")
    if len({song.shape[-1] for song in songs}) > 1:
        raise DatasetError("FAD: songs with different features; all must come from one embedding")
    return np.concatenate(songs).astype(np.float64)


def _drawn_statistics(
    patches: Doubles, lengths: Sequence[int], seed: int, draws: int
) -> list[tuple[Doubles, Doubles]]:
    """Mean and covariance of each draw of songs."""
    songs = len(lengths)
    rng = numpy_generator(seed, "fad", songs)
    times = rng.multinomial(songs, np.full(songs, 1 / songs), size=draws)
    return [_weighted(patches, np.repeat(row, lengths)) for row in times]


def _weighted(patches: Doubles, weights: NDArray[np.integer[Any]]) -> tuple[Doubles, Doubles]:
    """Mean and covariance of patches that count several times, or not at all."""
    total = max(int(weights.sum()), 2)
    mu: Doubles = weights @ patches / total
    centred = patches - mu
    sigma: Doubles = (centred.T * weights) @ centred / (total - 1)
    return mu, sigma
