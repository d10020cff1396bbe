"""Grasp rigidity: what touched an instrument in the frame before touches it at the same place now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.rows import Kind, Points, RowBlock

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RigidityTerm:
    """Points of a hand keep their places on an instrument, up to slips that Geman-McClure lets go.

    `places` are where the points were in the frames of `links` (m), `sigma` is how far they move between frames.
    """

    hand: int
    instrument: int
    points: Int64[NDArray[np.int64], " n"]
    links: Int64[NDArray[np.int64], " n"]
    places: Float64[Array, "n 3"]
    sigma: float = 0.0004
    slip: float = 0.004
    most: int = 80
    """Points that make rows, spread over all."""

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """Three rows a point, one along each axis of the camera."""
        kept = slice(None, None, -(-len(self.points) // self.most) or 1)
        p = Points.of_hand(self.hand, self.points[kept])
        n = len(p.point)
        q = Points.of_instrument(len(geometry.bodies.hands) + self.instrument, self.links[kept], self.places[kept])
        weight = np.full(n, 1.0 / (self.sigma * np.sqrt(max(n, 1))))
        robust = self.slip / (self.sigma * np.sqrt(max(n, 1)))
        return [
            RowBlock("rigidity", Kind.PLANE, p, weight, np.broadcast_to(axis, (n, 3)), q=q, robust=robust)
            for axis in np.eye(3)
        ]
