"""The palm's side of each bone of a posed hand."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.contact_zones import ContactZone
from hoi_perception.hands.surface import vertex_normals
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.types import N_VERTICES

Array = NDArray[np.float64]
_FACING = 0.5
"""Least cosine at rest between the palm's side of a bone and the normals that tell it later."""


def palmar_normals(points: HandPoints, normals: Float64[Array, "778 3"]) -> Float64[Array, "16 3"]:
    """Unit direction to the palm's side of each bone, from the normals of the posed hand's vertices."""
    summed = _palmar_vertices(points) @ normals
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-9))


@lru_cache(maxsize=4)
def owners(points: HandPoints) -> Int64[NDArray[np.int64], "778"]:
    """The bone that each vertex follows most."""
    heaviest = [
        points.bones[a + points.weights[a:b].argmax()]
        for a, b in zip(points.first[:N_VERTICES], points.first[1 : N_VERTICES + 1], strict=True)
    ]
    return np.array(heaviest, dtype=np.int64)


@lru_cache(maxsize=4)
def _palmar_vertices(points: HandPoints) -> Float64[Array, "16 778"]:
    """1 where a vertex lies on the palm's side of a bone: of the palm its contact zone, of fingers by their frames."""
    normals = vertex_normals(points.rest[:N_VERTICES], points.faces)
    owner = owners(points)
    sides = -points.landmark_model.frames[:, :, 1]
    out = np.zeros((16, N_VERTICES))
    out[0] = (points.zones[:N_VERTICES] == ContactZone.PALM) & (owner == 0)
    for bone in range(1, 16):
        out[bone] = (owner == bone) & (normals @ sides[bone - 1] > _FACING)
    return out
