"""Where rays of a camera meet the front of an instrument, by its distance field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.geometry import Geometry

Array = NDArray[np.float64]
STEPS = 6
NEAR_M = 0.0008
"""Distance from the surface at which a ray has met it, m: thin blades are less than their field's cells."""
SQUARELY = 0.2
"""Cosine between a surface's normal and the way to the camera from which a ray meets it squarely enough."""


@dataclass(frozen=True, eq=False)
class Front:
    """Of each ray: whether it meets the instrument, where (m, camera frame), outward normal, link."""

    met: Bool[NDArray[np.bool_], " n"]
    points: Float64[Array, "n 3"]
    normals: Float64[Array, "n 3"]
    links: Int64[NDArray[np.int64], " n"]


def front_surface(geometry: Geometry, k: int, rays: Float64[Array, "n 3"], nearest_m: float) -> Front:
    """Of instrument `k` along rays (z = 1) from `nearest_m` on (sphere tracing, Hart 1996)."""
    length = np.linalg.norm(rays, axis=1)
    z = np.full(len(rays), nearest_m)
    for _ in range(STEPS):
        distance, gradient, link = geometry.distances_of(k, rays * z[:, None])
        z = z + distance / length
    points = rays * z[:, None]
    distance, gradient, link = geometry.distances_of(k, points)
    squarely = -(gradient * rays).sum(axis=1) > SQUARELY * length
    met = (np.abs(distance) < NEAR_M) & squarely & (z > 0.0)
    return Front(met, points - distance[:, None] * gradient, np.asarray(gradient), link.astype(np.int64))
