"""Refining a triangle mesh on an implicit surface: splits, collapses, flips and relaxation, to an exact vertex count.

Coordinates are rounded to a millionth of a millimetre after every pass, so that rounding errors of different machines
do not add up to another mesh.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from hoi_perception.hands.open_hand_model import flesh
from hoi_perception.hands.open_hand_model.flesh import Field

Array = NDArray[np.float64]
Vertices = Float[Array, "_ 3"]
Faces = Int[NDArray[np.int64], "_ 3"]
Edge = tuple[int, int]
Sizing = Callable[[Vertices], Float[Array, "n"]]


def remesh(
    vertices: Vertices, faces: Faces, fixed: int, count: int, field: Field, size: Sizing
) -> tuple[Vertices, Faces]:
    """Mesh of exactly `count` vertices whose edges are about `size` long; the first `fixed` vertices stay.

    Boundary edges stay as they are.
    """
    for _ in range(4):
        vertices, faces = _relaxed(vertices, faces, fixed, field, size)
        vertices, faces = _split_longest(vertices, faces, field, size, 1.45, 10_000)
        vertices, faces = _collapse_shortest(vertices, faces, fixed, size, 0.62, 0)
    while len(vertices) != count:
        if len(vertices) < count:
            vertices, faces = _split_longest(vertices, faces, field, size, 0.0, min(6, count - len(vertices)))
        else:
            vertices, faces = _collapse_shortest(vertices, faces, fixed, size, np.inf, max(count, len(vertices) - 6))
        vertices, faces = _relaxed(vertices, faces, fixed, field, size)
    for _ in range(6):
        vertices, faces = _relaxed(vertices, faces, fixed, field, size)
    return vertices, faces


def edge_faces(faces: Faces) -> dict[Edge, list[int]]:
    """Faces at each edge (smaller vertex first)."""
    edges: dict[Edge, list[int]] = {}
    for row, face in enumerate(faces.tolist()):
        for i in range(3):
            a, b = face[i], face[(i + 1) % 3]
            edges.setdefault((min(a, b), max(a, b)), []).append(row)
    return edges


def _relative_lengths(vertices: Vertices, edges: list[Edge], size: Sizing) -> Float[Array, "e"]:
    ends = np.array(edges)
    a, b = vertices[ends[:, 0]], vertices[ends[:, 1]]
    return np.asarray(np.linalg.norm(a - b, axis=1) / size(0.5 * (a + b)))


def _split_longest(
    vertices: Vertices, faces: Faces, field: Field, size: Sizing, above: float, most: int
) -> tuple[Vertices, Faces]:
    """Split the relatively longest inner edges, no two of one face."""
    inner = {edge: rows for edge, rows in edge_faces(faces).items() if len(rows) == 2}
    edges = list(inner)
    length = _relative_lengths(vertices, edges, size)
    used: set[int] = set()
    rows = faces.tolist()
    added: list[Array] = []
    for i in np.argsort(-length, kind="stable"):
        touching = inner[edges[i]]
        if length[i] <= above or len(added) >= most:
            break
        if used & set(touching):
            continue
        used |= set(touching)
        new = len(vertices) + len(added)
        added.append(0.5 * (vertices[edges[i][0]] + vertices[edges[i][1]]))
        for row in touching:
            rows += [_replaced(rows[row], edges[i][0], new)]
            rows[row] = _replaced(rows[row], edges[i][1], new)
    if added:
        vertices = np.vstack([vertices, flesh.project(field, np.array(added))])
    return np.round(vertices, 6), np.array(rows, dtype=np.int64)


def _replaced(face: list[int], old: int, new: int) -> list[int]:
    return [new if v == old else v for v in face]


def _collapse_shortest(
    vertices: Vertices, faces: Faces, fixed: int, size: Sizing, below: float, least: int
) -> tuple[Vertices, Faces]:
    """Collapse the relatively shortest edges with a free end, while more than `least` vertices remain."""
    while len(vertices) > least:
        edges = [edge for edge, rows in edge_faces(faces).items() if edge[1] >= fixed and len(rows) == 2]
        length = _relative_lengths(vertices, edges, size)
        around = neighbours(faces)
        for i in np.argsort(length, kind="stable"):
            keep, gone = edges[i]
            if length[i] >= below:
                return vertices, faces
            if len(around[keep] & around[gone]) == 2:
                break
        else:
            return vertices, faces
        if keep >= fixed:
            vertices = vertices.copy()
            vertices[keep] = 0.5 * (vertices[keep] + vertices[gone])
        vertices, faces = _without(vertices, np.where(faces == gone, keep, faces), gone)
    return vertices, faces


def _without(vertices: Vertices, faces: Faces, gone: int) -> tuple[Vertices, Faces]:
    keep = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces = faces[keep]
    return np.delete(vertices, gone, axis=0), faces - (faces > gone)


def neighbours(faces: Faces) -> dict[int, set[int]]:
    """Vertices joined to each vertex by an edge."""
    around: dict[int, set[int]] = {}
    for a, b, c in faces.tolist():
        around.setdefault(a, set()).update((b, c))
        around.setdefault(b, set()).update((a, c))
        around.setdefault(c, set()).update((a, b))
    return around


def _relaxed(vertices: Vertices, faces: Faces, fixed: int, field: Field, size: Sizing) -> tuple[Vertices, Faces]:
    """Some rounds of flips to Delaunay and of smoothing within the surface."""
    for _ in range(4):
        faces = flip_to_delaunay(vertices, faces)
        vertices = _smoothed(vertices, faces, fixed, field, size)
    return vertices, flip_to_delaunay(vertices, faces)


def _smoothed(vertices: Vertices, faces: Faces, fixed: int, field: Field, size: Sizing) -> Vertices:
    """Free vertices moved to the area-weighted middle of their faces, then back onto the surface."""
    corners = vertices[faces]
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    centre = corners.mean(axis=1)
    weight = area / size(centre) ** 2
    total, sums = np.zeros(len(vertices)), np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(total, faces[:, corner], weight)
        np.add.at(sums, faces[:, corner], weight[:, None] * centre)
    target = sums / total[:, None]
    moved = vertices.copy()
    free = slice(fixed, None)
    out = flesh.normals(field, vertices[free])
    step = target[free] - vertices[free]
    moved[free] += 0.7 * (step - (step * out).sum(axis=1, keepdims=True) * out)
    moved[free] = flesh.project(field, moved[free], steps=3)
    return np.round(moved, 6)


def flip_to_delaunay(vertices: Vertices, faces: Faces) -> Faces:
    """Flip inner edges whose opposite angles sum to more than half a turn, where that does not fold the surface."""
    rows = faces.tolist()
    for _ in range(6):
        edges = edge_faces(np.array(rows))
        known = set(edges)
        done: set[int] = set()
        for (a, b), touching in edges.items():
            if len(touching) != 2 or done & set(touching):
                continue
            c, d = (next(v for v in rows[row] if v not in (a, b)) for row in touching)
            if (min(c, d), max(c, d)) in known or not _better_flipped(vertices, a, b, c, d):
                continue
            first = rows[touching[0]]
            forward = first[(first.index(a) + 1) % 3] == b
            rows[touching[0]] = [a, d, c] if forward else [a, c, d]
            rows[touching[1]] = [b, c, d] if forward else [b, d, c]
            known.add((min(c, d), max(c, d)))
            done |= set(touching)
        if not done:
            break
    return np.array(rows, dtype=np.int64)


def _better_flipped(vertices: Vertices, a: int, b: int, c: int, d: int) -> bool:
    pa, pb, pc, pd = vertices[a], vertices[b], vertices[c], vertices[d]
    if _angle(pa, pb, pc) + _angle(pa, pb, pd) <= np.pi + 1e-4:
        return False
    before = _cross(pb - pa, pc - pa) - _cross(pb - pa, pd - pa)
    one, two = _cross(pd - pa, pc - pa), _cross(pc - pb, pd - pb)
    return bool(min(before @ one, before @ two) > 0.0)


def _angle(a: Array, b: Array, apex: Array) -> float:
    u, v = a - apex, b - apex
    return float(np.arctan2(np.linalg.norm(_cross(u, v)), u @ v))


def _cross(u: Array, v: Array) -> Array:
    return np.array([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])
