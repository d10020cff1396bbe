"""How much covariances of the joint solve are widened so that they mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Inflation:
    """`factor` times the sum of a covariance and the variances of what the solve takes for surer than it is.

    `place` (m) and `turn` (rad) are standard deviations of those errors along each axis.
    """

    factor: float = 1.0
    place: float = 0.0
    turn: float = 0.0

    def widened(self, covariance: Float64[Array, "*n d d"], places: int) -> Float64[Array, "*n d d"]:
        """A covariance whose first `places` coordinates are places and all others angles."""
        own = np.full(covariance.shape[-1], self.turn**2)
        own[:places] = self.place**2
        return np.asarray(self.factor * (covariance + np.diag(own)))


@dataclass(frozen=True)
class Calibration:
    """Inflation of each quantity: wrist, joints' places, instrument, its joint angles, tips' places."""

    wrist: Inflation = Inflation()
    joint: Inflation = Inflation()
    instrument: Inflation = Inflation()
    angle: Inflation = Inflation()
    tip: Inflation = Inflation()


NEAR = Calibration(
    wrist=Inflation(1.02),
    joint=Inflation(1.08),
    instrument=Inflation(1.06, turn=0.01),
    angle=Inflation(1.61),
    tip=Inflation(1.31),
)
"""For a solve that surely found the right pose: only the noise of what was seen counts."""
COLD = Calibration(
    wrist=Inflation(2.54),
    joint=Inflation(3.48),
    instrument=Inflation(9.02),
    angle=Inflation(7.39),
    tip=Inflation(4.33),
)
"""For a single frame without a past. Some starts end in another pose, so the regions are wide."""
FOLLOWED = COLD
"""For a frame that follows others."""
