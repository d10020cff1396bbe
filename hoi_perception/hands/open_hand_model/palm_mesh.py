"""The palm's mesh between wrist ring, thumb and finger bases: two sheets of well-shaped triangles on the flesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from hoi_perception.hands.open_hand_model import flesh, planar
from hoi_perception.hands.open_hand_model.flesh import Field

Array = NDArray[np.float64]
Faces = Int[NDArray[np.int64], "_ 3"]
_SPACING_MM = 10.5
_WEB_MM = np.array([-61.0, -9.0, 38.0])
"""A point of the web's edge between thumb and index finger."""


@dataclass(frozen=True)
class PalmRim:
    """Fixed vertices round the palm, as indices into `points`.

    `back` and `front` run from the radial to the ulnar side along the finger bases; the thumb's two paths run from its
    outer corner to its corner in the web; the wrist ring starts on the radial side and passes over the back.
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
    first, last = (
        rim.points[[rim.back[0], rim.front[0]]].mean(axis=0),
        rim.points[[rim.back[-1], rim.front[-1]]].mean(axis=0),
    )
    radial = _side_line(field, rim.points[rim.wrist[0]], rim.points[rim.thumb_back[0]], 3)
    web = _side_line(field, rim.points[rim.thumb_back[-1]], first, 4, through=_WEB_MM)
    ulnar = _side_line(field, last, rim.points[rim.wrist[8]], 8)
    lines = []
    for line in (radial, web, ulnar):
        start = sum(len(p) for p in points)
        lines.append(list(range(start, start + len(line))))
        points.append(line)
    faces: list[Faces] = []
    chords: set[planar.Edge] = set()
    for sign in (1.0, -1.0):
        wrist = rim.wrist[8::-1] if sign > 0 else [*rim.wrist[8:], rim.wrist[0]]
        thumb, edge = (rim.thumb_back, rim.back) if sign > 0 else (rim.thumb_front, rim.front)
        outline = [*wrist, *lines[0], *thumb, *lines[1], *edge, *lines[2]]
        sheet, triangles, chords = _sheet(field, np.vstack(points), outline, sign, chords)
        points.append(sheet)
        faces.append(triangles)
    corner, outer = lines[1][-1], lines[2][0]
    sides = np.array([[corner, rim.back[0], rim.front[0]], [outer, rim.front[-1], rim.back[-1]]])
    joined = np.vstack([*faces, sides])
    _check_manifold(joined)
    return np.vstack(points), joined


def _side_line(
    field: Field, start: Array, stop: Array, count: int, through: Array | None = None
) -> Float[Array, "c 3"]:
    """Points on the flesh near the straight line between two points, or near the arch through a third."""
    share = np.linspace(0.0, 1.0, count + 2)[1:-1, None]
    line = (1.0 - share) * start + share * stop
    if through is not None:
        line += 4.0 * share * (1.0 - share) * (through - 0.5 * (start + stop))
    return flesh.project(field, line, steps=12)


def _sheet(
    field: Field, points: Array, outline: list[int], sign: float, taken: set[planar.Edge]
) -> tuple[Array, Faces, set[planar.Edge]]:
    """Grid vertices inside the outline (seen along y), this sheet's outward triangles and its chords, by vertex."""
    flat = points[outline][:, [0, 2]]
    grid = planar.hexagonal_grid(flat, _SPACING_MM)
    above = np.column_stack([grid[:, 0], np.full(len(grid), 80.0 * sign), grid[:, 1]])
    place = {vertex: i for i, vertex in enumerate(outline)}
    used = {(min(place[a], place[b]), max(place[a], place[b])) for a, b in taken if a in place and b in place}
    triangles = planar.triangulate(np.vstack([flat, grid]), len(outline), used)
    chords = {(outline[a], outline[b]) for a, b in planar.outline_chords(triangles, len(outline))}
    if sign > 0.0:  # x cross z points to −y
        triangles = triangles[:, ::-1]
    index = np.concatenate([np.array(outline), len(points) + np.arange(len(grid))])
    return _drop(field, above, sign), index[triangles], chords


def _check_manifold(faces: Faces) -> None:
    """No directed edge may belong to two faces."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    if len(np.unique(directed, axis=0)) != len(directed):
        raise ValueError("the palm's sheets share an edge off their outline; move the points on its sides")


def _drop(field: Field, above: Array, sign: float) -> Array:
    """First places where vertical rays from outside meet the flesh."""

    def outside(points: Array) -> Array:
        return -field(points)

    down = np.tile([0.0, -sign, 0.0], (len(above), 1))
    return flesh.cast(outside, above, down, reach=120.0)
