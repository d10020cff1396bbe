"""An instrument's pose as another source has it: the hand that holds it, a robot, a user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.rows import Kind, Points, RowBlock

Array = NDArray[np.float64]
FAR_M = 1e4
"""Distance of a point that a turn moves but, relative to that, no shift."""


@dataclass(frozen=True, eq=False)
class PoseTerm:
    """The base link is expected at `R`, `t` (camera frame, m).

    `covariance` is that of the place of the point `center_link` (m, base link's frame; a hand knows best where it
    holds) and of the rotation, both about the fixed axes of the camera (m, rad).
    """

    instrument: int
    R: Float64[Array, "3 3"]
    t: Float64[Array, "3"]
    covariance: Float64[Array, "6 6"]
    center_link: Float64[Array, "3"]

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """Six rows: whitened errors, each seen as the shift of one point along one direction."""
        arms, directions, weights = point_rows(self.covariance)
        local = self.center_link + arms @ self.R
        body = len(geometry.bodies.hands) + self.instrument
        points = Points.of_instrument(body, np.zeros(6, dtype=np.int64), local)
        expected = Points.fixed(local @ self.R.T + self.t)
        return [RowBlock("pose", Kind.PLANE, points, weights, directions, np.zeros((6, 3)), expected)]


def point_rows(
    covariance: Float64[Array, "6 6"],
) -> tuple[Float64[Array, "6 3"], Float64[Array, "6 3"], Float64[Array, " 6"]]:
    """Arms (m), directions and weights with which six points tell what a covariance of place and turn does.

    A point at an arm a moves along n by n . t + (a x n) . w for a shift t and a turn w. A row u . t + v . w of a
    whitening is of that form where u and v are at right angles; those of a suitable one are, but for a part along
    screws, which is left out.
    """
    information = np.linalg.inv(covariance)
    screw = np.trace(information[:3, 3:]) / 3.0 * np.eye(3)
    information[:3, 3:] -= screw
    information[3:, :3] -= screw
    W = _square(np.linalg.cholesky(information).T)
    u, v = W[:, :3], W[:, 3:]
    length, reach = np.linalg.norm(u, axis=1), np.linalg.norm(v, axis=1)
    far = length * FAR_M < reach
    across = np.cross(v, np.eye(3)[np.abs(v).argmin(axis=1)])
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-300)
    weights = np.where(far, reach / FAR_M, length)
    directions = np.where(far[:, None], across, u / np.maximum(length, 1e-300)[:, None])
    return np.cross(directions, v / weights[:, None]), directions, weights


def _square(W: Float64[Array, "6 6"]) -> Float64[Array, "6 6"]:
    """The whitening turned so that u . v = 0 in every row (u, v); the sum of all u . v is zero.

    Two rows with products of different signs can be turned into each other until one product vanishes.
    """
    W = W.copy()
    for i in range(5):
        products = np.einsum("ij,ij->i", W[:, :3], W[:, 3:])
        j = i + 1 + int((-np.sign(products[i]) * products[i + 1 :]).argmax())
        a, b = products[i], products[j]
        if a * b >= 0.0:
            continue
        cross = 0.5 * (W[i, :3] @ W[j, 3:] + W[j, :3] @ W[i, 3:])
        slope = (-cross + np.sqrt(cross * cross - a * b)) / b  # a + 2 cross s + b s^2 = 0
        c = 1.0 / np.sqrt(1.0 + slope * slope)
        W[[i, j]] = np.array([[c, c * slope], [-c * slope, c]]) @ W[[i, j]]
    return W
