"""Mean, covariance and 45 components of real grasps in MANO's axis-angle space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import angle_covariance, grasp_angles, pose_from_angles

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PoseSpace:
    """Distribution of articulations; rows of `components` are orthonormal, widest spread first."""

    mean: Float[Array, "45"]
    covariance: Float[Array, "45 45"]
    components: Float[Array, "45 45"]


def pose_space(frames: Float[Array, "15 3 3"]) -> PoseSpace:
    """Moments of the grasps, each spread by the covariance within a grasp, carried over by sigma points.

    For every grasp 90 points a ± √45 σ_k with equal weight have the grasp's mean and covariance (Julier and Uhlmann,
    Proc. IEEE 92, 2004); no random numbers are drawn.
    """
    values, vectors = np.linalg.eigh(angle_covariance())
    spread = (np.sqrt(45.0 * np.maximum(values, 0.0)) * vectors).T
    points = [
        angles.reshape(45) + sign * offset
        for angles in grasp_angles().values()
        for offset in spread
        for sign in (1, -1)
    ]
    poses = pose_from_angles(np.array(points).reshape(-1, 15, 3), frames)
    mean = poses.mean(axis=0)
    covariance = np.cov(poses.T, bias=True)
    return PoseSpace(mean, covariance, _components(covariance))


def _components(covariance: Float[Array, "45 45"]) -> Float[Array, "45 45"]:
    """Eigenvectors as rows, widest first, each with its largest entry positive."""
    graded = covariance + np.diag(1e-7 * np.arange(45))  # equal variances would leave the eigenvectors to chance
    _, vectors = np.linalg.eigh(graded)
    rows = vectors.T[::-1]
    largest = np.abs(rows).argmax(axis=1)
    signs = np.sign(rows[np.arange(45), largest])
    return np.asarray(rows * signs[:, None])
