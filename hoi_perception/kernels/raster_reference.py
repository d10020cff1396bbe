"""The rasteriser once more in plain NumPy: slow, readable, for tests."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Int, Int64
from numpy.typing import NDArray


def rasterise_reference(
    screen: Float[NDArray[np.floating], "n 3"],
    faces: Int[NDArray[np.integer], "m 3"],
    size: tuple[int, int],
    near: float,
) -> tuple[Int64[NDArray[np.int64], "h w"], Float64[NDArray[np.float64], "h w 3"], Float64[NDArray[np.float64], "h w"]]:
    """Face (-1: none), perspective-correct barycentrics and depth (infinite: none) of screen triangles (u, v, z).

    Barycentrics b of the screen become those of space as (b / z) / sum(b / z), and 1 / sum(b / z) is the depth
    (Blinn, Hyperbolic interpolation, IEEE CG&A 1992).
    """
    width, height = size
    face_id = np.full((height, width), -1)
    barycentric = np.zeros((height, width, 3))
    depth = np.full((height, width), np.inf)
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
    for face, corners in enumerate(np.asarray(screen, dtype=np.float64)[faces]):
        edges = corners[1:, :2] - corners[0, :2]
        if not np.isfinite(corners).all() or (corners[:, 2] <= near).any() or abs(np.linalg.det(edges)) < 1e-9:
            continue
        last_two = (pixels - corners[0, :2]) @ np.linalg.inv(edges)
        b = np.concatenate([1.0 - last_two.sum(axis=-1, keepdims=True), last_two], axis=-1)
        inside = (b >= 0).all(axis=-1)
        over_z = b / corners[:, 2]
        z = np.full((height, width), np.inf)
        z[inside] = 1.0 / over_z[inside].sum(axis=-1)
        nearer = z < depth
        face_id[nearer], depth[nearer] = face, z[nearer]
        barycentric[nearer] = over_z[nearer] * z[nearer, None]
    return face_id, barycentric, depth
