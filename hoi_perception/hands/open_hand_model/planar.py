"""Triangulating the inside of a planar outline."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

Array = NDArray[np.float64]
Triangles = Int[NDArray[np.int64], "t 3"]
Edge = tuple[int, int]


def hexagonal_grid(outline: Float[Array, "k 2"], spacing: float) -> Float[Array, "g 2"]:
    """Points inside an outline on a hexagonal grid, none near its corners."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    per_row = int((high[1] - low[1]) / spacing) + 1
    rows = [
        np.column_stack([np.full(per_row, x), low[1] + (np.arange(per_row) + 0.5 * (i % 2)) * spacing])
        for i, x in enumerate(np.arange(low[0], high[0], spacing * 0.866))
    ]
    grid = np.vstack(rows)
    near = np.linalg.norm(grid[:, None] - outline[None], axis=2).min(axis=1)
    return np.asarray(grid[inside(grid, outline) & (near > 0.55 * spacing)])


def inside(points: Float[Array, "p 2"], outline: Float[Array, "k 2"]) -> NDArray[np.bool_]:
    """True for points inside a closed outline (even-odd rule)."""
    a, b = outline, np.roll(outline, -1, axis=0)
    crosses = (a[None, :, 1] > points[:, None, 1]) != (b[None, :, 1] > points[:, None, 1])
    rise = np.where(b[:, 1] == a[:, 1], 1.0, b[:, 1] - a[:, 1])
    at = a[:, 0] + (points[:, 1:] - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    return np.asarray((crosses & (points[:, :1] < at)).sum(axis=1) % 2 == 1)


def triangulate(points: Float[Array, "n 2"], count: int, taken: set[Edge]) -> Triangles:
    """Triangles, counter-clockwise, that fill the outline of the first `count` points; every outline edge is present.

    `taken` lists chords between outline points that may not be used again.
    """
    from scipy.spatial import Delaunay

    rows = [_counter_clockwise(points, t) for t in Delaunay(points).simplices.tolist()]
    for i in range(count):
        rows = _with_edge(points, rows, i, (i + 1) % count)
    triangles = np.array(rows, dtype=np.int64)
    kept = triangles[inside(points[triangles].mean(axis=1), points[:count])].tolist()
    for a, b in sorted(taken):
        kept = _flipped(points, kept, a, b)
    return np.array(kept, dtype=np.int64)


def outline_chords(triangles: Triangles, count: int) -> set[Edge]:
    """Edges between outline points that are not edges of the outline."""
    chords = set()
    for t in triangles.tolist():
        for i in range(3):
            a, b = sorted((t[i], t[i - 1]))
            if b < count and (b - a) % count not in (1, count - 1):
                chords.add((a, b))
    return chords


def _with_edge(points: Float[Array, "n 2"], rows: list[list[int]], a: int, b: int) -> list[list[int]]:
    """The triangulation with edge ab brought in by flipping the edges that cross it (Sloan 1993)."""
    for _ in range(20):
        if any(a in t and b in t for t in rows):
            return rows
        crossing = sorted(
            {_sorted(t[i], t[i - 1]) for t in rows for i in range(3) if _cross(points, a, b, t[i], t[i - 1])}
        )
        for c, d in crossing:
            flipped = _flipped(points, rows, c, d)
            if flipped is not rows:
                rows = flipped
                break
    raise ValueError(f"outline edge {a}-{b} cannot be brought into the triangulation")


def _flipped(points: Float[Array, "n 2"], rows: list[list[int]], a: int, b: int) -> list[list[int]]:
    """The triangulation with the edge ab turned, where its two triangles form a convex quadrilateral."""
    both = [t for t in rows if a in t and b in t]
    if len(both) != 2:
        return rows
    c, d = (next(v for v in t if v not in (a, b)) for t in both)
    if not _cross(points, a, b, c, d):
        return rows
    return [t for t in rows if t not in both] + [_counter_clockwise(points, t) for t in ([a, c, d], [b, c, d])]


def _cross(points: Float[Array, "n 2"], a: int, b: int, c: int, d: int) -> bool:
    """Whether the open segments ab and cd cross."""
    if len({a, b, c, d}) < 4:
        return False
    return (
        _area(points, a, b, c) * _area(points, a, b, d) < 0.0 and _area(points, c, d, a) * _area(points, c, d, b) < 0.0
    )


def _area(points: Float[Array, "n 2"], a: int, b: int, c: int) -> float:
    u, v = points[b] - points[a], points[c] - points[a]
    return float(u[0] * v[1] - u[1] * v[0])


def _counter_clockwise(points: Float[Array, "n 2"], t: list[int]) -> list[int]:
    return t if _area(points, *t) > 0.0 else [t[0], t[2], t[1]]


def _sorted(a: int, b: int) -> Edge:
    return (a, b) if a < b else (b, a)
