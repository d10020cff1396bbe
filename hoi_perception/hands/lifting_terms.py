"""Residual terms of the fit of a hand to its landmarks: pure functions with analytic Jacobians.

Every residual is whitened: it is divided by its standard deviation, so a cost of one is one standard deviation. Left
hands are fitted as right hands of the mirrored image (x of rays negated). `b` runs over hands and hypotheses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import N_STATE, HandState, PosedSkeleton
from hoi_perception.transforms import axis_angle_from_rotation, skew

Array = NDArray[np.float64]
Residual = tuple[Float64[Array, "b m"], Float64[Array, "b m n"]]


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

    @cached_property
    def information(self) -> Float64[Array, "45 45"]:
        """Inverse covariance."""
        return np.asarray(self.sqrt_information.T @ self.sqrt_information)


@dataclass(frozen=True)
class MotionPrior:
    """Where each hand is expected, with 1 / standard deviation per tangent coordinate (0: nothing is expected)."""

    state: HandState
    weight: Float64[Array, "b 51"]

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


def angle_prior(state: HandState, prior: AnglePrior) -> tuple[Float64[Array, "b 45"], Float64[Array, "45 45"]]:
    """Whitened distance of the angles from the mean pose. The Jacobian is that of the angles alone."""
    return (state.angles - prior.mean) @ prior.sqrt_information.T, prior.sqrt_information


def limits(state: HandState, prior: AnglePrior) -> tuple[Float64[Array, "b 45"], Float64[Array, "b 45"]]:
    """Hinge on angles outside their anatomical limits. The Jacobian is diagonal and given as such."""
    excess = limit_excess(state, prior)
    return excess * prior.limit_weight, (excess != 0.0) * prior.limit_weight


def limit_excess(state: HandState, prior: AnglePrior) -> Float64[Array, "b 45"]:
    """How far each angle is above (+) or below (-) its limits, rad."""
    over = np.maximum(state.angles - prior.upper, 0.0)
    return np.asarray(over + np.minimum(state.angles - prior.lower, 0.0))


def motion(state: HandState, prior: MotionPrior) -> Residual:
    """Difference to the expected state in the tangent space, whitened."""
    b = state.wrist.shape[0]
    turn = state.rotation @ np.swapaxes(prior.state.rotation, -1, -2)
    phi = np.asarray(axis_angle_from_rotation(turn), dtype=np.float64)
    r = np.concatenate([state.wrist - prior.state.wrist, phi, state.angles - prior.state.angles], axis=1)
    J = np.zeros((b, N_STATE, N_STATE))
    diagonal = np.arange(N_STATE)
    J[:, diagonal, diagonal] = 1.0
    J[:, 3:6, 3:6] = inverse_left_jacobian(phi)
    return r * prior.weight, J * prior.weight[..., None]


def inverse_left_jacobian(phi: Float64[Array, "b 3"]) -> Float64[Array, "b 3 3"]:
    """Inverse of SO(3)'s left Jacobian: d log(exp(delta) exp(phi)) / d delta (Sola 2018, eq. 146)."""
    angle = np.linalg.norm(phi, axis=-1)[:, None, None]
    small = angle < 1e-4
    a = np.where(small, 1.0, np.minimum(angle, np.pi - 1e-6))
    factor = np.where(small, 1.0 / 12.0, 1.0 / (a * a) - (1.0 + np.cos(a)) / (2.0 * a * np.sin(a)))
    K = skew(phi)
    return np.asarray(np.eye(3) - 0.5 * K + factor * (K @ K))


def geman_mcclure(r: Float64[Array, "b m"], group: int, scale: float) -> tuple[Array, Array]:
    """Robust cost and weight of residuals in groups of `group` rows: rho(s) = c^2 s / (c^2 + s), s the squared norm.

    Returns the cost per hand (b,) and the square root of rho' per row (b, m), which multiplies residual and Jacobian.
    """
    b, m = r.shape
    s = (r * r).reshape(b, m // group, group).sum(axis=-1)
    c2 = scale * scale
    root = c2 / (c2 + s)
    return np.asarray((s * root).sum(axis=-1)), np.repeat(root, group, axis=-1)
