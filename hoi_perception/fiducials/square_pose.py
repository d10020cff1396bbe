"""The pose of a square from the places of its corners, and how sure it is.

Four corners allow two poses: tilted towards the camera or away from it, which look nearly the same where the square is
small (Schweighofer and Pinz 2006; Collins and Bartoli 2014, whose IPPE gives both). Each is refined, and both count by
their likelihoods: what comes out is the mean and the covariance of the two together, so that a doubt between them is a
large variance along the turn from one to the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import project, undistort
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle, skew
from hoi_perception.types import Camera

Array = NDArray[np.float64]
_STEPS = 10
_TILT_SIGMA = 1.0
"""Standard deviation of a turn, rad, before anything is seen: at the front of a small square nothing tells its tilt."""
_BAD_FIT = 9.2
"""Squared error of a right pose that one of a hundred exceeds: eight coordinates less six."""
_LEAST = 1e-3
"""Distance between points on the plane z = 1 and what they project to, px, beyond which a lens model does not hold."""


@dataclass(frozen=True, eq=False)
class SquarePose:
    """Where the middle of a square is (m) and how it is turned, with the covariance of both (m, rad), about the fixed
    axes of the camera. `doubt` is the share of the less likely one of the two poses."""

    R: Float64[Array, "3 3"]
    t: Float64[Array, "3"]
    covariance: Float64[Array, "6 6"]
    doubt: float


@dataclass(frozen=True, eq=False)
class _Fit:
    R: Float64[Array, "3 3"]
    t: Float64[Array, "3"]
    covariance: Float64[Array, "6 6"]
    error: float


def square(size: float) -> Float64[Array, "4 3"]:
    """Corners of a marker in its frame (m), in the order in which they are seen."""
    h = 0.5 * size
    return np.array([[-h, h, 0.0], [h, h, 0.0], [h, -h, 0.0], [-h, -h, 0.0]])


def square_pose(rays: Float64[Array, "4 2"], size: float, camera: Camera, sigma_px: float) -> SquarePose | None:
    """The pose of a square of `size` (m) whose corners are at `rays` on the plane z = 1; None where none explains them.

    `sigma_px` is the standard deviation of each corner in the image.
    """
    corners, whiten = square(size), _whitening(rays, camera, sigma_px)
    if whiten is None:
        return None
    count, turns, places, _ = cv2.solvePnPGeneric(
        corners, rays[:, None], np.eye(3), np.zeros(0), flags=cv2.SOLVEPNP_IPPE_SQUARE
    )
    fits = []
    for k in range(count):
        R = np.asarray(cv2.Rodrigues(turns[k])[0], dtype=np.float64)
        fit = _refined(R, np.asarray(places[k], dtype=np.float64).ravel(), corners, rays, whiten)
        if fit is not None:
            fits.append(fit)
    return _both(sorted(fits, key=lambda fit: fit.error)) if fits else None


def _whitening(rays: Float64[Array, "4 2"], camera: Camera, sigma_px: float) -> Float64[Array, "4 2 2"] | None:
    """What makes errors on the plane z = 1 errors in pixels over their standard deviation; None beyond the lens."""
    step = 1e-4
    moved = rays[:, None] + step * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    px = np.asarray(project(np.concatenate([moved, np.ones((4, 3, 1))], axis=2), camera), dtype=np.float64)
    if not np.isfinite(px).all() or np.abs(undistort(px[:, 0], camera) - rays).max() * camera.focal_px > _LEAST:
        return None
    return np.stack([px[:, 1] - px[:, 0], px[:, 2] - px[:, 0]], axis=2) / (step * sigma_px)


def _refined(
    R: Float64[Array, "3 3"],
    t: Float64[Array, "3"],
    corners: Float64[Array, "4 3"],
    rays: Float64[Array, "4 2"],
    whiten: Float64[Array, "4 2 2"],
) -> _Fit | None:
    """The pose nearest to a start that explains the corners best, by Levenberg's and Marquardt's steps."""
    prior = np.diag([0.0, 0.0, 0.0, *[_TILT_SIGMA**-2] * 3])
    damping = 1e-3
    residual, J = _rows(R, t, corners, rays, whiten)
    for _ in range(_STEPS):
        H = J.T @ J
        step = -np.linalg.solve(H + damping * np.diag(np.diag(H)), J.T @ residual)
        turned = np.asarray(rotation_from_axis_angle(step[3:]), dtype=np.float64) @ R
        moved = t + step[:3]
        if not np.isfinite(moved).all() or (corners @ turned.T + moved)[:, 2].min() <= 0.0:
            return None
        now, slope = _rows(turned, moved, corners, rays, whiten)
        if now @ now <= residual @ residual:
            R, t, residual, J, damping = turned, moved, now, slope, 0.1 * damping
        else:
            damping *= 10.0
    covariance = np.asarray(np.linalg.inv(J.T @ J + prior), dtype=np.float64)
    return _Fit(R, t, covariance, float(residual @ residual))


def _rows(
    R: Float64[Array, "3 3"],
    t: Float64[Array, "3"],
    corners: Float64[Array, "4 3"],
    rays: Float64[Array, "4 2"],
    whiten: Float64[Array, "4 2 2"],
) -> tuple[Float64[Array, "8"], Float64[Array, "8 6"]]:
    """Whitened errors and their derivative by shift and turn."""
    arms = corners @ R.T
    points = arms + t
    x, y, z = points.T
    D = np.zeros((4, 2, 3))
    D[:, 0, 0] = D[:, 1, 1] = 1.0 / z
    D[:, 0, 2], D[:, 1, 2] = -x / z**2, -y / z**2
    moves = np.concatenate([np.broadcast_to(np.eye(3), (4, 3, 3)), -skew(arms)], axis=2)
    errors = points[:, :2] / points[:, 2:] - rays
    return (whiten @ errors[..., None]).ravel(), (whiten @ D @ moves).reshape(8, 6)


def _both(fits: list[_Fit]) -> SquarePose:
    """The mean of one or two poses and its covariance, wider where neither explains the corners."""
    best = fits[0]
    wider = max(1.0, best.error / _BAD_FIT)
    if len(fits) == 1:
        return SquarePose(best.R, best.t, wider * best.covariance, 0.0)
    other = fits[1]
    share = 1.0 / (1.0 + np.exp(min(0.5 * (other.error - best.error) / wider, 500.0)))
    step = np.concatenate([other.t - best.t, axis_angle_from_rotation(other.R @ best.R.T)])
    R = np.asarray(rotation_from_axis_angle(share * step[3:]), dtype=np.float64) @ best.R
    within = (1.0 - share) * best.covariance + share * other.covariance
    between = share * (1.0 - share) * np.outer(step, step)
    return SquarePose(R, best.t + share * step[:3], wider * within + between, float(share))
