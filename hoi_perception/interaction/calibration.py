"""How much covariances of the joint solve are widened so that they mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Inflation:
    """`factor` times a covariance, plus the variances of what the model of the solve gets wrong.

    `place` (m) and `turn` (rad) are standard deviations of those errors along each axis.
    """

    factor: float = 1.0
    place: float = 0.0
    turn: float = 0.0

    def widened(self, covariance: Float64[Array, "*n d d"], places: int) -> Float64[Array, "*n d d"]:
        """A covariance whose first `places` coordinates are places and all others angles."""
        own = np.full(covariance.shape[-1], self.turn**2)
        own[:places] = self.place**2
        return np.asarray(self.factor * covariance + np.diag(own))


@dataclass(frozen=True)
class Calibration:
    """Inflation of each quantity: wrist, joints' places, instrument, its joint angles, tips' places."""

    wrist: Inflation = Inflation()
    joint: Inflation = Inflation()
    instrument: Inflation = Inflation()
    angle: Inflation = Inflation()
    tip: Inflation = Inflation()


CALIBRATED = Calibration()
