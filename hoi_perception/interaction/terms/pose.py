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
"""A point so far from an instrument that only turns move it, relative to its distance."""


@dataclass(frozen=True, eq=False)
class PoseTerm:
    """The base link is expected at `R`, `t` (camera frame, m).

    The error of the place is that of the point `center_link` (m, base link's frame; a hand knows best where it holds),
    the error of the rotation is independent of it, about the fixed axes of the camera (rad).
    """

    instrument: int
    R: Float64[Array, "3 3"]
    t: Float64[Array, "3"]
    place_covariance: Float64[Array, "3 3"]
    turn_covariance: Float64[Array, "3 3"]
    center_link: Float64[Array, "3"]

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """Six rows: whitened errors of place and rotation; a turn is seen as that of points far away."""
        body = len(geometry.bodies.hands) + self.instrument
        links = np.zeros(3, dtype=np.int64)
        center = np.repeat(self.center_link[None], 3, axis=0)
        place, turn = _whitening(self.place_covariance), _whitening(self.turn_covariance)
        size = np.linalg.norm(turn, axis=1)
        axes = turn / size[:, None]
        arms = np.cross(axes, np.eye(3)[np.abs(axes).argmin(axis=1)])
        arms /= np.linalg.norm(arms, axis=1, keepdims=True)
        far = self.center_link + FAR_M * arms @ self.R
        return [
            RowBlock(
                "pose",
                Kind.PLANE,
                Points.of_instrument(body, links, local),
                weight,
                direction,
                np.zeros((3, 3)),
                Points.fixed(local @ self.R.T + self.t),
            )
            for local, direction, weight in (
                (center, place, np.ones(3)),
                (far, np.cross(axes, arms), size / FAR_M),
            )
        ]


def _whitening(covariance: Float64[Array, "3 3"]) -> Float64[Array, "3 3"]:
    """W with W' W = covariance^-1."""
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))
