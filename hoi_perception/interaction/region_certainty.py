"""How sure the pose of one tracked instrument is, and which of depth, tilt and roll the image does not tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.covariance import UNKNOWN_PLACE, UNKNOWN_TURN

Array = NDArray[np.float64]
LEAST_DEPTH, LEAST_TURN = 0.02, float(np.radians(15.0))
"""Standard deviations (m, rad) beyond which depth, and tilt or roll, are called unobserved."""


@dataclass(frozen=True, eq=False)
class Certainty:
    """Covariance along the state's tangent, and standard deviations of what regions tell least.

    `depth` (m) is that of the instrument's middle along the ray to it, `tilt` (rad) that of its long axis out of the
    image plane, `roll` (rad) that about its long axis.
    """

    covariance: Float64[Array, "k k"]
    depth: float
    tilt: float
    roll: float

    @staticmethod
    def none(k: int) -> Certainty:
        """Nothing is known of k coordinates."""
        unit = np.full(k, UNKNOWN_TURN)
        unit[:3] = UNKNOWN_PLACE
        return Certainty(np.diag(unit**2), UNKNOWN_PLACE, UNKNOWN_TURN, UNKNOWN_TURN)

    @property
    def unobserved(self) -> tuple[str, ...]:
        """Which of depth, tilt, roll nothing tells."""
        limits = {"depth": LEAST_DEPTH, "tilt": LEAST_TURN, "roll": LEAST_TURN}
        return tuple(name for name, limit in limits.items() if getattr(self, name) > limit)


def certainty(model: ContourModel, state: InstrumentState, information: Float64[Array, "k k"]) -> Certainty:
    """From the Gauss-Newton matrix of the tangent at a state (batch of one)."""
    k = len(information)
    nothing = Certainty.none(k)
    if not np.isfinite(information).all():
        return nothing
    unit = np.sqrt(np.diag(nothing.covariance))
    values, vectors = np.linalg.eigh(0.5 * (information + information.T) * np.outer(unit, unit))
    steps = unit[:, None] * vectors / np.sqrt(np.maximum(values, 1.0))
    covariance = steps @ steps.T
    R, t = state.R[0], state.t[0]
    middle, axis = model.middle, R @ model.long_axis
    ray = R @ middle + t
    ray = ray / max(float(np.linalg.norm(ray)), 1e-9)
    along = np.concatenate([ray, np.cross(R @ middle, ray), np.zeros(k - 6)])
    out = np.cross(axis, ray)
    size = float(np.linalg.norm(out))
    tilt = np.concatenate([np.zeros(3), out / max(size, 1e-9), np.zeros(k - 6)])
    roll = np.concatenate([np.zeros(3), axis, np.zeros(k - 6)])
    depth, tilt_, roll_ = (float(np.sqrt(v @ covariance @ v)) for v in (along, tilt, roll))
    return Certainty(covariance, depth, tilt_, roll_)
