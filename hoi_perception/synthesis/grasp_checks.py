"""What a grasp must be to count as truth beside free of intersection: held from opposed sides, fingers side by side."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS
from hoi_perception.hands.surface import close_wrist, vertex_normals

Array = NDArray[np.float64]
OPPOSED = -0.3
"""Two contacts are opposed where the cosine between the instrument's normals is below this (107 degrees apart)."""
OVERLAP_M = 0.002
"""Fingers may lie this deep in each other: the model's flesh does not give way."""
_NEAR_M = 0.008
_SURROUNDED = 0.7


def opposed(normals: Float64[Array, "n 3"], bones: Int[NDArray[np.integer], " n"], cosine: float = OPPOSED) -> bool:
    """Whether two contacts on different bones of the hand have instrument normals that point away from each other."""
    if len(bones) == 0:
        return False
    apart = (normals @ normals.T < cosine) & (bones[:, None] != bones[None])
    return bool(apart.any())


def fingers_overlap(
    vertices: Float64[Array, "778 3"],
    faces: Int[NDArray[np.integer], "1538 3"],
    owner: Int[NDArray[np.integer], "778"],
    depth: float = OVERLAP_M,
) -> bool:
    """Whether a finger lies in another finger or the palm by more than `depth` (m).

    Points `depth` below the skin of a finger's two outer bones are asked whether the rest of the hand surrounds them:
    its winding number is near 0 or 1, although it is open where the finger stood (Jacobson et al., SIGGRAPH 2013).
    """
    closed = close_wrist(faces)
    points = vertices - depth * vertex_normals(vertices, faces)
    around = np.asarray(closed.vertices(vertices), dtype=np.float64)
    owners = owner[np.minimum(closed.faces, len(vertices) - 1)]
    for joints in FINGER_JOINTS.values():
        own = np.flatnonzero(np.isin(owner, joints[1:]))
        others = vertices[~np.isin(owner, joints)]
        near = own[((points[own, None] - others[None]) ** 2).sum(axis=2).min(axis=1) < _NEAR_M**2]
        rest = closed.faces[~np.isin(owners, joints).any(axis=1)]
        if len(near) and (winding_numbers(points[near], around, rest) > _SURROUNDED).any():
            return True
    return False


def winding_numbers(
    points: Float64[Array, "n 3"], vertices: Float64[Array, "v 3"], faces: Int[NDArray[np.integer], "f 3"]
) -> Float64[Array, " n"]:
    """How often a closed mesh surrounds each point."""
    corners = vertices.astype(np.float32)[faces]
    total = np.zeros(len(points))
    for start in range(0, len(points), 64):
        a, b, c = (corners[None, :, k] - points[start : start + 64, None].astype(np.float32) for k in range(3))
        la, lb, lc = (np.sqrt(np.einsum("nfk,nfk->nf", x, x)) for x in (a, b, c))
        triple = np.einsum("nfk,nfk->nf", a, np.cross(b, c))
        below = la * lb * lc + lc * np.einsum("nfk,nfk->nf", a, b)
        below += la * np.einsum("nfk,nfk->nf", b, c) + lb * np.einsum("nfk,nfk->nf", c, a)
        total[start : start + 64] = np.arctan2(triple, below).sum(axis=1) / (2.0 * np.pi)
    return total
