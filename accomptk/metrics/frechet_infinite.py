"""Frechet audio distance at infinitely many patches (Chong & Forsyth 2020; Gui et al. 2024).

Conventions: as `accomptk.metrics.frechet`. The distance of n patches lies above that of all
music that could be played by about c / n. So the distance of growing parts of the estimate is
fitted by a line over 1 / n, and its value at 1 / n = 0 is given; the reference stays whole, so
what its own size adds stays too. Not defined (None) below twice as many patches as dimensions,
where the line would be fitted to next to nothing. It may be slightly negative.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.frechet import frechet_symmetric, statistics, validate

Floats = NDArray[np.floating[Any]]

SIZES = 10
DRAWS = 2  # of each size
LEAST_OVER_DIMENSIONS = 1.25
LEAST_SHARE = 0.3


def fad_inf(reference: Floats, estimate: Floats, rng: np.random.Generator) -> float | None:
    """Distance that an endless estimate would have.

    Args:
        reference: Embeddings, [n, d].
        estimate: Embeddings, [m, d].
        rng: Draws the parts of the estimate.

    Returns:
        The distance, or None when n < d or m < 2 d.

    Raises:
        DatasetError: If the sets cannot be compared.
    """
    validate(reference, estimate)
    patches, dimensions = estimate.shape
    if patches < 2 * dimensions or len(reference) < max(2, dimensions):
        return None
    known = statistics(reference)
    least = max(LEAST_OVER_DIMENSIONS * dimensions, LEAST_SHARE * patches, 2)
    sizes = np.repeat(np.linspace(least, patches, SIZES).astype(int), DRAWS)
    values = [
        frechet_symmetric(*known, *statistics(estimate[rng.choice(patches, size, replace=False)]))
        for size in sizes
    ]
    return float(np.polyfit(1 / sizes, values, 1)[1])
