"""The palm's mesh between wrist ring, thumb and finger bases: two sheets of well-shaped triangles on the flesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from hoi_perception.hands.open_hand_model import flesh
from hoi_perception.hands.open_hand_model.flesh import Field

Array = NDArray[np.float64]
Faces = Int[NDArray[np.int64], "m 3"]
_SPACING_MM = 10.5


@dataclass(frozen=True)
class PalmRim:
    """Fixed vertices round the palm, as indices into `points`.

    `back` and `front` run from the radial to the ulnar side along the finger bases; the thumb's two paths run from its outer
    corner to its corner in the web; the wrist ring starts on the radial side and passes over the back.
    """

    points: Float[Array, "r 3"]
    wrist: list[int]
    thumb_back: list[int]
    thumb_front: list[int]
    back: list[int]
    front: list[int]


def triangulate(field: Field, rim: PalmRim) -> tuple[Float[Array, "n 3"], Faces]:
    """First mesh of the palm: rim vertices, three side lines, and a hexagonal grid cast on either sheet."""
    points = [rim.points]
    radial = _side_line(field, rim.points[rim.wrist[0]], rim.points[rim.thumb_back[0]], 3)
    web = _side_line(field, rim.points[rim.thumb_back[-1]], rim.points[[rim.back[0], rim.front[0]]].mean(axis=0), 3)
    ulnar = _side_line(field, rim.points[[rim.back[-1], rim.front[-1]]].mean(axis=0), rim.points[rim.wrist[8]], 7)
    lines = []
    for line in (radial, web, ulnar):
        start = sum(len(p) for p in points)
        lines.append(list(range(start, start + len(line))))
        points.append(line)
    faces = []
    for sign in (1.0, -1.0):
        wrist = rim.wrist[8::-1] if sign > 0 else [*rim.wrist[8:], rim.wrist[0]]
        thumb, edge = (rim.thumb_back, rim.back) if sign > 0 else (rim.thumb_front, rim.front)
        outline = [*wrist, *lines[0], *thumb, *lines[1], *edge, *lines[2]]
        sheet, triangles = _sheet(field, np.vstack(points), outline, sign)
        points.append(sheet)
        faces.append(triangles)
    corner, outer = lines[1][-1], lines[2][0]
    sides = np.array([[corner, rim.back[0], rim.front[0]], [outer, rim.front[-1], rim.back[-1]]])
    return np.vstack(points), np.vstack([*faces, sides])


def _side_line(field: Field, start: Array, stop: Array, count: int) -> Float[Array, "c 3"]:
    share = np.linspace(0.0, 1.0, count + 2)[1:-1, None]
    return flesh.project(field, (1.0 - share) * start + share * stop, steps=12)


def _sheet(field: Field, points: Array, outline: list[int], sign: float) -> tuple[Array, Faces]:
    """Grid vertices inside the outline (seen along y), and the triangles of this sheet wound outward."""
    from scipy.spatial import Delaunay  # noqa: PLC0415  (only the generator needs scipy)

    flat = points[outline][:, [0, 2]]
    grid = _hexagons(flat)
    near = np.linalg.norm(grid[:, None] - flat[None], axis=2).min(axis=1)
    grid = grid[_inside(grid, flat) & (near > 0.55 * _SPACING_MM)]
    above = np.column_stack([grid[:, 0], np.full(len(grid), 80.0 * sign), grid[:, 1]])
    sheet = _drop(field, above, sign)
    triangles = np.asarray(Delaunay(np.vstack([flat, grid])).simplices, dtype=np.int64)
    both = np.vstack([flat, grid])
    a, b, c = both[triangles[:, 0]], both[triangles[:, 1]], both[triangles[:, 2]]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    keep = _inside((a + b + c) / 3.0, flat) & (np.abs(area) > 1e-6)
    triangles, area = triangles[keep], area[keep]
    flip = area * sign > 0.0  # x cross z points to −y
    triangles[flip] = triangles[flip][:, ::-1]
    index = np.concatenate([np.array(outline), len(points) + np.arange(len(grid))])
    return sheet, index[triangles]


def _hexagons(flat: Float[Array, "k 2"]) -> Float[Array, "g 2"]:
    low, high = flat.min(axis=0), flat.max(axis=0)
    rows = np.arange(low[0], high[0], _SPACING_MM * 0.866)
    grid = [
        np.column_stack([np.full(n, x), low[1] + (np.arange(n) + 0.5 * (i % 2)) * _SPACING_MM])
        for i, x in enumerate(rows)
        for n in [int((high[1] - low[1]) / _SPACING_MM) + 1]
    ]
    return np.vstack(grid)


def _inside(points: Float[Array, "p 2"], outline: Float[Array, "k 2"]) -> NDArray[np.bool_]:
    """Even-odd rule."""
    a, b = outline, np.roll(outline, -1, axis=0)
    crosses = (a[None, :, 1] > points[:, None, 1]) != (b[None, :, 1] > points[:, None, 1])
    rise = np.where(b[:, 1] == a[:, 1], 1.0, b[:, 1] - a[:, 1])
    at = a[:, 0] + (points[:, 1:] - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    return np.asarray((crosses & (points[:, :1] < at)).sum(axis=1) % 2 == 1)


def _drop(field: Field, above: Array, sign: float) -> Array:
    """First places where vertical rays from outside meet the flesh."""

    def outside(points: Array) -> Array:
        return -field(points)

    down = np.tile([0.0, -sign, 0.0], (len(above), 1))
    return flesh.cast(outside, above, down, reach=120.0)
