"""Points spread evenly over a mesh, the same ones every time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int, Int64
from numpy.typing import NDArray

SAMPLE_GAP = 0.0005
"""m between samples of an object's surface."""
Vertices = Float[NDArray[np.floating], "_ 3"]
Faces = Int[NDArray[np.integer], "_ 3"]


@dataclass(frozen=True, eq=False)
class SurfaceSamples:
    """Places on a mesh that move with it: three vertices each, and their weights."""

    corners: Int64[NDArray[np.int64], "c 3"]
    weights: Float64[NDArray[np.float64], "c 3"]

    @staticmethod
    def spread(vertices: Vertices, faces: Faces, count: int) -> SurfaceSamples:
        """`count` places, as many per area everywhere. ValueError for a mesh without area.

        Faces are walked through by area at even steps; within faces the places follow the R2 sequence (Roberts, 2018).
        """
        area = _areas(vertices, faces)
        total = np.cumsum(area)
        if len(faces) == 0 or not total[-1] > 0.0:
            raise ValueError("points cannot be spread over a mesh without area")
        rank = np.arange(count)
        face = np.minimum(np.searchsorted(total, (rank + 0.5) / count * total[-1], side="right"), len(faces) - 1)
        u, v = (0.5 + 0.7548776662466927 * rank) % 1.0, (0.5 + 0.5698402909980532 * rank) % 1.0
        u, v = np.where(u + v > 1.0, [1.0 - u, 1.0 - v], [u, v])
        return SurfaceSamples(faces[face].astype(np.int64), np.stack([1.0 - u - v, u, v], axis=1))

    @staticmethod
    def apart(vertices: Vertices, faces: Faces, gap: float = SAMPLE_GAP) -> SurfaceSamples:
        """Places about `gap` (m) apart: one per `gap`² of the area."""
        return SurfaceSamples.spread(vertices, faces, max(1, math.ceil(_areas(vertices, faces).sum() / gap**2)))

    def on(self, vertices: Vertices) -> Float64[NDArray[np.float64], "c 3"]:
        """The places on the mesh with these vertices."""
        return np.asarray(np.einsum("cki,ck->ci", vertices[self.corners], self.weights), dtype=np.float64)


def surface_points(vertices: Vertices, faces: Faces, count: int) -> Float64[NDArray[np.float64], "_ 3"]:
    """`count` points on a mesh, as many per area everywhere."""
    return SurfaceSamples.spread(vertices, faces, count).on(vertices)


def _areas(vertices: Vertices, faces: Faces) -> Float64[NDArray[np.float64], " _"]:
    corners = vertices[faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(0.5 * np.linalg.norm(normals, axis=1))
