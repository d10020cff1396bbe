"""Shape of a hand from its first good frames, then frozen.

Each good frame's landmarks give information about the ten shape coefficients after the pose has been marginalised
(Schur complement of the normal matrix). The sums of an information filter with the prior N(0, 1) per coefficient give
the shape. What one camera cannot see, the overall size against the distance, stays at its prior by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import N_STATE, HandState, landmark_jacobian, pose_skeleton, shape_jacobian
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import AnglePrior, Observation, landmark_rows

Array = NDArray[np.float64]

FRAME_INFORMATION = 0.1
"""Share of a frame's information that counts: the network's errors repeat from frame to frame."""
FRAMES_TO_FREEZE = 40
"""Good frames after which the shape stays as it is."""
MAX_COEFFICIENT = 2.0
"""Standard deviations beyond which no coefficient goes."""


@dataclass(frozen=True)
class ShapeEstimate:
    """Shape coefficients with the sums that they come from."""

    shape: Float64[Array, "10"] = field(default_factory=lambda: np.zeros(10))
    information: Float64[Array, "10 10"] = field(default_factory=lambda: np.eye(10))
    vector: Float64[Array, "10"] = field(default_factory=lambda: np.zeros(10))
    frames: int = 0
    wanted: int = FRAMES_TO_FREEZE

    @property
    def frozen(self) -> bool:
        """Whether calibration is over: as many good frames were seen as wanted."""
        return self.frames >= self.wanted


def refine_shape(
    estimate: ShapeEstimate, model: LandmarkModel, seen: Observation, prior: AnglePrior, state: HandState
) -> ShapeEstimate:
    """The estimate after one more frame: the fit of one hand (batch of 1) at the estimate's own shape."""
    information, gradient = _marginal(model, estimate.shape, seen, prior, state)
    A = FRAME_INFORMATION * information
    total = estimate.information + A
    vector = estimate.vector + A @ estimate.shape - FRAME_INFORMATION * gradient
    shape = np.clip(np.linalg.solve(total, vector), -MAX_COEFFICIENT, MAX_COEFFICIENT)
    return replace(estimate, shape=shape, information=total, vector=vector, frames=estimate.frames + 1)


def _marginal(
    model: LandmarkModel, at: Float64[Array, "10"], seen: Observation, prior: AnglePrior, state: HandState
) -> tuple[Float64[Array, "10 10"], Float64[Array, "10"]]:
    """Information and gradient of the landmarks' cost along the shape, with the pose free to follow."""
    posed = pose_skeleton(model.skeleton(at[None]), state)
    J = np.concatenate(
        [landmark_jacobian(posed), shape_jacobian(posed, model.joint_directions, model.point_directions)], axis=-1
    )
    _, (rows, jacobian) = landmark_rows(posed, J, seen)
    r, pose, shape = rows[0], jacobian[0, :, :N_STATE], jacobian[0, :, N_STATE:]
    H = pose.T @ pose + 1e-9 * np.eye(N_STATE)
    H[6:, 6:] += prior.information
    gain = np.linalg.solve(H, pose.T @ shape)
    residual = r - pose @ np.linalg.solve(H, pose.T @ r)
    return shape.T @ shape - (shape.T @ pose) @ gain, shape.T @ residual
