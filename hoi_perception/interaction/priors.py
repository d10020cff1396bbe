"""What is expected of bodies before the image is looked at: posture, anatomical limits, motion, a rough pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.interaction.state import SceneState

Array = NDArray[np.float64]
INSTRUMENT_LIMIT_SIGMA = float(np.radians(0.5))
"""Angle beyond the limit of an instrument's joint that counts as one standard deviation, rad."""


@dataclass(frozen=True)
class Priors:
    """Posture of hands, and where all bodies are expected: `weight` is 1 / standard deviation per tangent coordinate.

    Weight 0: nothing is expected. Places are compared in the camera frame, those of instruments at their `middle`,
    rotations by the logarithm of the turn from the expected one (about fixed axes of the camera), angles as they are.
    """

    posture: AnglePrior
    expected: SceneState
    weight: Float64[Array, "b n"]


@dataclass(frozen=True)
class NormalEquations:
    """Cost, gradient and Gauss-Newton matrix of each problem."""

    cost: Float64[Array, " b"]
    gradient: Float64[Array, "b n"]
    matrix: Float64[Array, "b n n"]
