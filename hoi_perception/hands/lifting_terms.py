"""What a hand is fitted to: its landmarks, the posture that hands have, the motion expected of it.

Every residual is whitened: it is divided by its standard deviation, so a cost of one is one standard deviation. Left
hands are fitted as right hands of the mirrored image (x of rays negated). `b` runs over hands and hypotheses.

The residuals of landmarks stand here as pure functions of NumPy with derivatives along any coordinates, which the shape
needs; the fit itself has the same ones, along the pose alone, in the kernel of `interaction.engine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.config import FittingConfig
from hoi_perception.hands.anatomy import JOINT_LIMITS, angle_prior
from hoi_perception.hands.kinematics import HandState, PosedSkeleton

Array = NDArray[np.float64]
Residual = tuple[Float64[Array, "b m"], Float64[Array, "b m n"]]

ROBUST_SCALE = 8.0
"""Standard deviations at which a landmark counts half (Geman-McClure) in the solution."""
START_ROBUST_SCALE = 40.0
"""The same while a start is still far away: with the final scale, half a hand is taken for outliers."""


@dataclass(frozen=True)
class Observation:
    """Landmarks of a batch of hands seen by a calibrated camera, without distortion.

    `points` lie on the plane z = 1; `depth` is the distance behind the wrist along the ray to the hand's centre, over
    the wrist's depth (dimensionless, as the image scale); weights are 1 / standard deviation in the same units, 0
    leaves a point out.
    """

    points: Float64[Array, "b 21 2"]
    depth: Float64[Array, "b 21"]
    point_weight: Float64[Array, "b 21"]
    depth_weight: Float64[Array, "b 21"]

    @staticmethod
    def stack(parts: Sequence[Observation]) -> Observation:
        """One batch of several."""
        return Observation(
            np.concatenate([p.points for p in parts]),
            np.concatenate([p.depth for p in parts]),
            np.concatenate([p.point_weight for p in parts]),
            np.concatenate([p.depth_weight for p in parts]),
        )

    def take(self, index: NDArray[np.intp]) -> Observation:
        """The entries `index` of the batch."""
        return Observation(self.points[index], self.depth[index], self.point_weight[index], self.depth_weight[index])


@dataclass(frozen=True)
class AnglePrior:
    """Gaussian over the 45 anatomical angles and their limits (rad), for all hands alike."""

    mean: Float64[Array, "45"]
    sqrt_information: Float64[Array, "45 45"]
    lower: Float64[Array, "45"]
    upper: Float64[Array, "45"]
    limit_weight: float

    @staticmethod
    def of(config: FittingConfig) -> AnglePrior:
        """Gaussian over the anatomical angles of real grasps, widened as configured, with the limits."""
        mean, covariance = angle_prior()
        root = np.linalg.cholesky(np.linalg.inv(covariance * config.prior_scale**2)).T
        limits = JOINT_LIMITS.reshape(45, 2)
        return AnglePrior(mean, root, limits[:, 0], limits[:, 1], 1.0 / np.radians(config.limit_sigma_deg))

    @cached_property
    def information(self) -> Float64[Array, "45 45"]:
        """Inverse covariance."""
        return np.asarray(self.sqrt_information.T @ self.sqrt_information)

    def excess(self, angles: Float64[Array, "b 45"]) -> Float64[Array, "b 45"]:
        """How far each angle is above (+) or below (-) its limits, rad."""
        return np.asarray(np.maximum(angles - self.upper, 0.0) + np.minimum(angles - self.lower, 0.0))


@dataclass(frozen=True)
class MotionPrior:
    """Where each hand is expected, with 1 / standard deviation per tangent coordinate (0: nothing is expected)."""

    state: HandState
    weight: Float64[Array, "b 51"]

    @staticmethod
    def stack(priors: Sequence[MotionPrior]) -> MotionPrior:
        """One batch of several."""
        return MotionPrior(HandState.stack([p.state for p in priors]), np.concatenate([p.weight for p in priors]))

    def take(self, index: NDArray[np.intp]) -> MotionPrior:
        """The entries `index` of the batch."""
        return MotionPrior(self.state.take(index), self.weight[index])


def reprojection(posed: PosedSkeleton, J: Float64[Array, "b 21 3 n"], seen: Observation) -> Residual:
    """Landmarks on the plane z = 1 minus the observed ones, x and y of each in turn."""
    x = posed.landmarks
    z = x[..., 2:]
    uv = x[..., :2] / z
    r = (uv - seen.points) * seen.point_weight[..., None]
    scale = (seen.point_weight[..., None] / z)[..., None]
    Jr = (J[..., :2, :] - uv[..., None] * J[..., 2:, :]) * scale
    b = x.shape[0]
    return r.reshape(b, 42), Jr.reshape(b, 42, -1)


def relative_depth(posed: PosedSkeleton, J: Float64[Array, "b 21 3 n"], seen: Observation) -> Residual:
    """Depth of the landmarks behind the wrist landmark, along the hand's central ray, over the wrist's depth."""
    x = posed.landmarks
    n = np.concatenate([seen.points.mean(axis=1), np.ones((x.shape[0], 1))], axis=1)
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    z0 = x[:, :1, 2]
    depth = ((x - x[:, :1]) @ n[..., None])[..., 0] / z0
    r = (depth - seen.depth) * seen.depth_weight
    along = np.einsum("bc,bicn->bin", n, J)
    Jr = (along - along[:, :1] - depth[..., None] * J[:, :1, 2]) / z0[..., None]
    return r, Jr * seen.depth_weight[..., None]


def landmark_rows(
    posed: PosedSkeleton, J: Float64[Array, "b 21 3 n"], seen: Observation, robust_scale: float = ROBUST_SCALE
) -> tuple[Float64[Array, " b"], Residual]:
    """Robust cost of the landmarks, their residuals and Jacobians weighted for the normal equations."""
    total: Float64[Array, " b"] = np.zeros(len(posed.landmarks))
    rows, jacobians = [], []
    for term, group in ((reprojection, 2), (relative_depth, 1)):
        r, Jr = term(posed, J, seen)
        cost, root = geman_mcclure(r, group, robust_scale)
        total = total + cost
        rows.append(r * root)
        jacobians.append(Jr * root[..., None])
    return total, (np.concatenate(rows, axis=1), np.concatenate(jacobians, axis=1))


def geman_mcclure(r: Float64[Array, "b m"], group: int, scale: float) -> tuple[Array, Array]:
    """Robust cost and weight of residuals in groups of `group` rows: rho(s) = c^2 s / (c^2 + s), s the squared norm.

    Returns the cost per hand (b,) and the square root of rho' per row (b, m), which multiplies residual and Jacobian.
    """
    b, m = r.shape
    s = (r * r).reshape(b, m // group, group).sum(axis=-1)
    c2 = scale * scale
    root = c2 / (c2 + s)
    return np.asarray((s * root).sum(axis=-1)), np.repeat(root, group, axis=-1)
