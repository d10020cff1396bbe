"""The outer surface of a body made of several closed parts that touch or overlap."""

from __future__ import annotations

import numpy as np
import warp as wp
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.distance_field import bisected, edge_lengths
from hoi_perception.kernels import winding as kernels

Vertices = Float64[NDArray[np.float64], "_ 3"]
Faces = Int64[NDArray[np.int64], "_ 3"]

SKIN_M = 2e-5
"""How far on both sides of a face it is asked what is inside."""


def outer_surface(vertices: Vertices, faces: Faces, gap: float) -> tuple[Vertices, Faces]:
    """The mesh without what lies within the body; faces that do so in part are cut, down to edges of `gap`.

    A mesh of one part is returned as it is.
    """
    labels = components(len(vertices), faces)
    near = _beside_another(vertices[faces], labels[faces[:, 0]])
    if not near.any():
        return vertices, faces
    body = _winding_mesh(vertices, faces)
    kept, pending = [faces[~near]], faces[near]
    while len(pending):
        share = _share_within(body, vertices[pending], gap)
        mixed = (share > 0.0) & (share < 1.0)
        cut = mixed & (edge_lengths(vertices[pending]).max(axis=1) > gap)
        kept.append(pending[(share == 0.0) | (mixed & ~cut)])
        vertices, pending = bisected(vertices, pending[cut])
    return vertices, np.concatenate(kept)


def _share_within(
    body: wp.Mesh, corners: Float64[NDArray[np.float64], "m 3 3"], gap: float
) -> Float64[NDArray[np.float64], " m"]:
    """Share of places on each face, about a `gap` apart, that have the body on both sides."""
    sides = corners[:, 1:] - corners[:, :1]
    normals = np.cross(sides[:, 0], sides[:, 1])
    double_area = np.linalg.norm(normals, axis=1)
    normals /= np.maximum(double_area, 1e-30)[:, None]
    counts = 3 + (0.5 * double_area / gap**2 + edge_lengths(corners).max(axis=1) / gap).astype(np.int64)
    face = np.repeat(np.arange(len(corners)), counts)
    rank = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts) + 1.0
    u, v = 0.7548776662466927 * rank % 1.0, 0.5698402909980532 * rank % 1.0  # the R2 sequence (Roberts, 2018)
    u, v = np.where(u + v > 1.0, [1.0 - u, 1.0 - v], [u, v])
    places = corners[face, 0] + u[:, None] * sides[face, 0] + v[:, None] * sides[face, 1]
    within = _inside(body, places + SKIN_M * normals[face]) & _inside(body, places - SKIN_M * normals[face])
    return np.asarray(np.bincount(face, within, len(corners)) / counts)


def components(count: int, faces: Faces) -> Int64[NDArray[np.int64], " n"]:
    """Part that each vertex belongs to: the smallest vertex connected to it by faces."""
    labels = np.arange(count)
    while True:
        a, b, c = (labels[faces[:, k]] for k in range(3))
        lowest = np.minimum(np.minimum(a, b), c)
        if (a == lowest).all() and (b == lowest).all() and (c == lowest).all():
            return labels
        for other in (a, b, c):
            np.minimum.at(labels, other, lowest)
        while (labels != (shorter := labels[labels])).any():
            labels = shorter


def _beside_another(
    corners: Float64[NDArray[np.float64], "m 3 3"], part: Int64[NDArray[np.int64], " m"]
) -> Bool[NDArray[np.bool_], " m"]:
    """Faces whose box meets the box of another part."""
    low, high = corners.min(axis=1) - SKIN_M, corners.max(axis=1) + SKIN_M
    near = np.zeros(len(part), dtype=bool)
    for name in np.unique(part):
        own = part == name
        inside = (high >= low[own].min(axis=0)).all(axis=1) & (low <= high[own].max(axis=0)).all(axis=1)
        near |= inside & ~own
    return near


def _winding_mesh(vertices: Vertices, faces: Faces) -> wp.Mesh:
    return wp.Mesh(
        wp.array(vertices.astype(np.float32), dtype=wp.vec3, device="cpu"),
        wp.array(faces.astype(np.int32).ravel(), dtype=wp.int32, device="cpu"),
        support_winding_number=True,
    )


def _inside(body: wp.Mesh, points: Float64[NDArray[np.float64], "p 3"]) -> Bool[NDArray[np.bool_], " p"]:
    """True where the mesh winds round a point (generalised winding number, Jacobson et al., SIGGRAPH 2013)."""
    places = wp.array(points.astype(np.float32), dtype=wp.vec3, device="cpu")
    result = wp.zeros(len(points), dtype=wp.int32, device="cpu")
    wp.launch(kernels.inside, dim=len(points), inputs=[body.id, places], outputs=[result], device="cpu")
    return np.asarray(result.numpy() != 0)
