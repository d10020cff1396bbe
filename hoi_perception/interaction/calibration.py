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


# Made by `hoi-perception evaluate coverage --grasps 160 --sequences 60 --frames 8 --seed 101`, column "fitted here";
# NEAR.instrument (1.47 there) is between two seeds, FOLLOWED.instrument (12.6 there) between two runs; NEAR.tip has no
# error of place, which covers as well.
# They belong to the solver's terms and weights: make them anew when those change.
NEAR = Calibration(
    wrist=Inflation(1.11),
    joint=Inflation(1.10),
    instrument=Inflation(1.6, turn=0.005),
    angle=Inflation(1.43),
    tip=Inflation(1.43),
)
"""For a solve that surely found the right pose: only the noise of what was seen counts."""
COLD = Calibration(
    wrist=Inflation(1.63),
    joint=Inflation(2.13),
    instrument=Inflation(8.8, turn=0.005),
    angle=Inflation(7.0),
    tip=Inflation(7.6),
)
"""For a single frame without a past. Some starts end in another pose, so the regions are wide."""
FOLLOWED = Calibration(
    wrist=Inflation(3.6),
    joint=Inflation(4.1),
    instrument=Inflation(14.0),
    angle=Inflation(3.1),
    tip=Inflation(7.1),
)
"""For a frame that follows others: errors last from frame to frame, and each frame counts the last one as sure."""
