"""How deep parts of one hand lie inside other parts of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import PARENTS

Array = NDArray[np.float64]


def self_penetration(vertices: Array, faces: NDArray[np.integer], weights: Array) -> float:
    """Deepest place of a vertex inside a segment of the hand that is not joined to its own, same unit as the vertices.

    The hand is cut into 16 segments by the bone that carries most of a face; each is closed with fans over its cuts. A
    vertex counts against every segment except its own, the ones joined to that by a joint (where skin folds) and those
    whose faces it belongs to. Depth is the distance to the segment's skin.
    """
    carried = weights[faces].sum(axis=1).argmax(axis=1)
    bone = weights.argmax(axis=1)
    worst = 0.0
    for segment in range(16):
        own = faces[carried == segment].astype(np.int64)
        joined = [b for b in range(16) if b == segment or PARENTS[b] == segment or PARENTS[segment] == b]
        others = np.setdiff1d(np.flatnonzero(~np.isin(bone, joined)), own)
        low, high = vertices[own].min(axis=(0, 1)), vertices[own].max(axis=(0, 1))
        others = others[((vertices[others] > low) & (vertices[others] < high)).all(axis=1)]
        if len(others) == 0:
            continue
        closed = vertices[own], _caps(vertices, own)
        inside = winding_number(vertices[others], np.concatenate(closed)) > 0.5
        if inside.any():
            worst = max(worst, float(distance_to_triangles(vertices[others][inside], vertices[own]).max()))
    return worst


def _caps(vertices: Array, faces: NDArray[np.int64]) -> Array:
    """Triangles (k, 3, 3) that close each boundary loop by a fan about its middle."""
    directed = {(f[i], f[(i + 1) % 3]) for f in faces.tolist() for i in range(3)}
    follow = {b: a for a, b in directed if (b, a) not in directed}
    caps = []
    while follow:
        start, loop = next(iter(follow)), []
        vertex = start
        while vertex in follow:
            loop.append(vertex)
            vertex = follow.pop(vertex)
        middle = vertices[loop].mean(axis=0)
        caps += [[vertices[a], vertices[b], middle] for a, b in zip(loop, loop[1:] + loop[:1], strict=True)]
    return np.array(caps).reshape(-1, 3, 3)


def winding_number(points: Array, triangles: Array) -> Array:
    """Generalised winding number (van Oosterom and Strackee 1983), one inside a closed surface of outward triangles."""
    a, b, c = (triangles[None, :, i] - points[:, None] for i in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    triple = np.einsum("pta,pta->pt", a, np.cross(b, c))
    dots = [np.einsum("pta,pta->pt", u, v) for u, v in ((a, b), (b, c), (c, a))]
    below = la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb
    return np.asarray(np.arctan2(triple, below).sum(axis=1) / (2.0 * np.pi))


def distance_to_triangles(points: Array, triangles: Array) -> Array:
    """Distance of each point to the nearest triangle."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    over = np.ones((len(points), len(triangles)), dtype=bool)
    nearest = np.full((len(points), len(triangles)), np.inf)
    for start, stop in ((a, b), (b, c), (c, a)):
        edge = stop - start
        arm = points[:, None] - start
        over &= np.einsum("pta,ta->pt", arm, np.cross(normal, edge)) >= 0.0
        share = np.clip(np.einsum("pta,ta->pt", arm, edge) / (edge**2).sum(axis=1), 0.0, 1.0)
        nearest = np.minimum(nearest, np.linalg.norm(arm - share[..., None] * edge, axis=-1))
    flat = np.abs(np.einsum("pta,ta->pt", points[:, None] - a, normal))
    return np.where(over, flat, nearest).min(axis=1)
