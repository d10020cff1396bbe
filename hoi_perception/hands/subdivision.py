"""Smooth local refinement of triangle meshes that keeps every vertex in place.

New vertices in the middle of edges by the modified butterfly scheme (Zorin, Schroeder, Sweldens, "Interpolating
Subdivision for Meshes with Arbitrary Topology", 1996, section 3): linear in the vertices, so one fixed sparse matrix
serves every pose, and interpolating, so the coarse vertices (fingertips, contact zones) stay what and where they are.
Its limit surface is smooth (C1). Faces beside the refined region are bisected at the edge they share with it, so that
there are no cracks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from numpy.typing import NDArray

Faces = Int[NDArray[np.integer], "f 3"]
Row = dict[int, float]
Edge = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Refinement:
    """A refined mesh: `rows` are the new vertices' weights on the old vertices, numbered after them.

    `parent_face` is the old face of each new one; `inner` marks the faces that lie a face or more inside the region.
    """

    faces: Int[NDArray[np.int64], "f 3"]
    rows: list[Row]
    parent_face: Int[NDArray[np.int64], " f"]
    inner: Bool[NDArray[np.bool_], " f"]


def refine(faces: Faces, region: Bool[NDArray[np.bool_], " f"]) -> Refinement:
    """Each face of `region` as four, with its surroundings bisected to fit.

    The region grows by faces that would be split on two edges. Raises ValueError where it touches an open border.
    """
    triangles = [(int(a), int(b), int(c)) for a, b, c in faces]
    region = _closed_region(triangles, region)
    opposite = {edge: corner for face in triangles for edge, corner in zip(_edges(face), face, strict=True)}
    split = sorted({_key(edge) for i in np.flatnonzero(region) for edge in _edges(triangles[i])})
    first = int(faces.max()) + 1
    midpoint = {edge: first + i for i, edge in enumerate(split)}
    rows = [_butterfly_row(edge, opposite) for edge in split]
    children, parents, refined = [], [], []
    for i, face in enumerate(triangles):
        parts = _quartered(face, midpoint) if region[i] else _bisected(face, midpoint)
        children += parts
        parents += [i] * len(parts)
        refined += [bool(region[i])] * len(parts)
    new_faces, in_region = np.array(children), np.array(refined)
    rim = np.isin(new_faces, np.unique(new_faces[~in_region])).any(axis=1)
    return Refinement(new_faces, rows, np.array(parents), in_region & ~rim)


def composed(rows: list[Row], earlier: list[Row], n_coarse: int) -> list[Row]:
    """Rows on the first `n_coarse` vertices, from rows on those and on vertices that `earlier` rows define."""
    result = []
    for row in rows:
        total: Row = {}
        for vertex, weight in row.items():
            sources = {vertex: 1.0} if vertex < n_coarse else earlier[vertex - n_coarse]
            for source, share in sources.items():
                total[source] = total.get(source, 0.0) + weight * share
        result.append(total)
    return result


def _edges(face: tuple[int, int, int]) -> tuple[Edge, Edge, Edge]:
    """Directed edges, each opposite the corner of the same number."""
    a, b, c = face
    return (b, c), (c, a), (a, b)


def _key(edge: Edge) -> Edge:
    return edge if edge[0] < edge[1] else (edge[1], edge[0])


def _closed_region(
    triangles: list[tuple[int, int, int]], region: Bool[NDArray[np.bool_], " f"]
) -> Bool[NDArray[np.bool_], " f"]:
    """The region with every face that it meets along two edges or more."""
    region = region.copy()
    while True:
        split = {_key(edge) for i in np.flatnonzero(region) for edge in _edges(triangles[i])}
        outside = np.flatnonzero(~region)
        grown = [i for i in outside if sum(_key(edge) in split for edge in _edges(triangles[i])) > 1]
        if not grown:
            return region
        region[grown] = True


def _quartered(face: tuple[int, int, int], midpoint: dict[Edge, int]) -> list[tuple[int, int, int]]:
    a, b, c = face
    bc, ca, ab = (midpoint[_key(edge)] for edge in _edges(face))
    return [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]


def _bisected(face: tuple[int, int, int], midpoint: dict[Edge, int]) -> list[tuple[int, int, int]]:
    for corner, (start, end) in zip(face, _edges(face), strict=True):
        middle = midpoint.get(_key((start, end)))
        if middle is not None:
            return [(corner, start, middle), (corner, middle, end)]
    return [face]


def _butterfly_row(edge: Edge, opposite: dict[Edge, int]) -> Row:
    """Weights of the new vertex of an edge."""
    a, b = edge
    try:
        rings = [_ring(a, b, opposite), _ring(b, a, opposite)]
        extraordinary = [(v, ring) for v, ring in zip(edge, rings, strict=True) if len(ring) != 6]
        if not extraordinary:
            return _regular_row(a, b, opposite)
    except KeyError:
        raise ValueError(
            f"refined region touches an open border at vertices {a} and {b}: choose a smaller one"
        ) from None
    row: Row = {}
    for vertex, ring in extraordinary:
        share = 1.0 / len(extraordinary)
        row[vertex] = row.get(vertex, 0.0) + 0.75 * share
        for neighbour, weight in zip(ring, _extraordinary_weights(len(ring)), strict=True):
            row[neighbour] = row.get(neighbour, 0.0) + weight * share
    return row


def _ring(centre: int, start: int, opposite: dict[Edge, int]) -> list[int]:
    """Neighbours of a vertex in order, from `start`."""
    ring = [start]
    while (following := opposite[centre, ring[-1]]) != start:
        ring.append(following)
    return ring


def _regular_row(a: int, b: int, opposite: dict[Edge, int]) -> Row:
    c, d = opposite[a, b], opposite[b, a]
    wings = opposite[c, b], opposite[a, c], opposite[d, a], opposite[b, d]
    row: Row = {a: 0.5, b: 0.5}
    for vertex, weight in [(c, 0.125), (d, 0.125), *((wing, -0.0625) for wing in wings)]:
        row[vertex] = row.get(vertex, 0.0) + weight
    return row


def _extraordinary_weights(valence: int) -> list[float]:
    """Weights of the neighbours of a vertex of valence other than 6, the edge's other end first."""
    match valence:
        case 3:
            return [5.0 / 12.0, -1.0 / 12.0, -1.0 / 12.0]
        case 4:
            return [0.375, 0.0, -0.125, 0.0]
    turn = 2.0 * np.pi * np.arange(valence) / valence
    return [float(w) for w in (0.25 + np.cos(turn) + 0.5 * np.cos(2.0 * turn)) / valence]
