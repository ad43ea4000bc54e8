"""Controls of a player: traits of the stem, measured for training and turned by hand.

*Conventions.* A network is given the traits of ``accomptk.latents.traits`` relative to what is
usual of the instrument: 0 is usual, -1 and 1 are two standard deviations away.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import StreamError
from accomptk.latents.traits import TRAITS

Floats = NDArray[np.float32]

CONTROLS = TRAITS
CONTROL_FEATURES = 2 * len(CONTROLS)
"""Rows: the value of each control, then 1 for each that is given."""

SPREADS = 2.0  # standard deviations that a control of 1 stands for


def control_rows(values: Mapping[str, float], frames: int) -> Floats:
    """Rows of frames that all have the same controls, [CONTROL_FEATURES, frames].

    Args:
        values: Controls that are given, -1 to 1; those left out are free.
        frames: Frames wanted.

    Raises:
        StreamError: If there is no such control, or its value is not from -1 to 1.
    """
    rows = np.zeros((CONTROL_FEATURES, frames), np.float32)
    for name, value in values.items():
        if name not in CONTROLS:
            raise StreamError(f"control '{name}': does not exist; use {', '.join(CONTROLS)}")
        if not -1.0 <= value <= 1.0:
            raise StreamError(f"control '{name}': got {value:g}; give a number from -1 to 1")
        index = CONTROLS.index(name)
        rows[index], rows[len(CONTROLS) + index] = value, 1.0
    return rows


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of one instrument: mean and standard deviation of each control, [4]."""

    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, measured: Floats) -> "Usual":
        """Of measured values [4, T]; frames of silence are NaN and do not count."""
        sounding = measured[:, np.isfinite(measured).all(0)].astype(np.float64)
        if sounding.shape[1] < 2:
            return cls(np.zeros(len(CONTROLS), np.float32), np.ones(len(CONTROLS), np.float32))
        deviation = np.maximum(sounding.std(1), 1e-3)
        return cls(sounding.mean(1).astype(np.float32), deviation.astype(np.float32))

    def relative(self, measured: Floats) -> Floats:
        """Measured values [4, T] relative to what is usual, -1 to 1."""
        away = (measured - self.mean[:, None]) / (SPREADS * self.deviation[:, None])
        return np.asarray(np.clip(away, -1.0, 1.0), np.float32)
