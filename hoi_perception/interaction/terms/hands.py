"""Two hands may touch, not share space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoi_perception.interaction.geometry import REACH, Geometry
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.types import N_VERTICES

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HandHandTerm:
    """Vertices of one hand that are inside the other, or within `margin` of it, with normals opposed: the collision
    set of the two-hand prior's penetration guidance (`methods.md`, section 4), by the nearest place on the other's mesh
    instead of its nearest vertex.

    The cosine of the angle between both normals has to be below `opposed`. `rho` is the squared distance (m²) at which
    Geman-McClure's d² / (d² + rho) is one half. Neighbouring vertices say the same, so more than `most` weigh as much
    as `most`. Lengths in m.
    """

    hands: tuple[int, int] = (0, 1)
    sigma: tuple[float, ...] = (0.003, 0.001)
    margin: float = 0.003
    opposed: float = -0.3
    rho: float = 1e-4
    most: int = 20
    room: int = 200
    """Rows of one hand at most, spread over all that are in the set."""

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """One row for each vertex of either hand that is in the set."""
        a, b = self.hands
        blocks = [self._into(geometry, a, b), self._into(geometry, b, a)]
        return [block for block in blocks if block is not None]

    def _into(self, geometry: Geometry, h: int, other: int) -> RowBlock | None:
        """Vertices of hand `h` against the surface of the other one."""
        points, slopes = geometry.hand_points(h)[:N_VERTICES], geometry.hand_normals(h)
        vertices, normals = geometry.hand_points(other)[:N_VERTICES], geometry.hand_normals(other)
        low, high = vertices.min(axis=0) - self.margin, vertices.max(axis=0) + self.margin
        boxed = np.flatnonzero(((points > low) & (points < high)).all(axis=1))
        if len(boxed) == 0:
            return None
        mesh = geometry.mesh(other)
        near = mesh.nearest(vertices, normals, points[boxed], REACH)
        corners = mesh.faces[near.face]
        close = (near.face >= 0) & (near.distance < self.margin) & (corners < N_VERTICES).all(axis=1)
        chosen, corners, weights = boxed[close], corners[close], near.weights[close].astype(np.float64)
        normal = np.einsum("nk,nka->na", weights, normals[corners])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        facing = (normal * slopes[chosen]).sum(axis=1) < self.opposed
        facing = np.flatnonzero(facing)
        facing = facing[:: -(-len(facing) // self.room) or 1]
        chosen, corners, weights, normal = chosen[facing], corners[facing], weights[facing], normal[facing]
        n = len(chosen)
        if n == 0:
            return None
        surface = np.einsum("nk,nka->na", weights, vertices[corners])
        carrier = corners[np.arange(n), weights.argmax(axis=1)]
        offset = ((surface - vertices[carrier]) * normal).sum(axis=1)
        inside = int((near.distance[close][facing] < 0.0).sum())
        sigma = self.sigma[min(geometry.round, len(self.sigma) - 1)]
        scale = np.sqrt(min(1.0, self.most / max(inside, 1))) / sigma
        return RowBlock(
            "hands",
            Kind.PLANE,
            Points.of_hand(h, chosen),
            np.full(n, scale),
            normal,
            np.column_stack([offset, np.zeros((n, 2))]),
            Points.of_hand(other, carrier),
            robust=float(np.sqrt(self.rho) * scale),
            hinge=-1,
        )
