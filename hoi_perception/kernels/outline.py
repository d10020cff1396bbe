"""Outlines in the image as Warp kernels. Coordinates are those of the plane z = 1 of a camera.

What looks for points in the image is work for one thread of a CPU: they are sorted in cells, then looked for there.
"""

# In Warp `int(0)` declares a variable that a loop may change, plain `0` a constant.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

SIDE = 64
"""Cells along each axis."""
N_CELLS = SIDE * SIDE + 1
"""Room for where each cell begins, and the last one ends."""
_SIDE = wp.constant(SIDE)
_WIDTH = wp.constant(wp.float64(SIDE))

int_array = wp.array(dtype=wp.int32)
point_array = wp.array(dtype=wp.vec2d)


@wp.struct
class Rim:
    """`interaction.outline.Edges`: places on edges and the planes of faces, in the frames of links (m)."""

    normals: wp.array(dtype=wp.vec3d)
    offsets: wp.array(dtype=wp.float64)
    face_links: wp.array(dtype=wp.int32)
    first: int_array
    second: int_array
    links: int_array
    places: wp.array(dtype=wp.vec3d)


@wp.kernel
def faces_seen(
    rim: Rim,
    turns: wp.array2d(dtype=wp.mat33d),
    origins: wp.array2d(dtype=wp.vec3d),
    first_link: int,
    strands: int,
    seen: wp.array2d(dtype=wp.uint8),
) -> None:
    """Whether the camera is on the outer side (1) of each face; each thread takes every `strands`th one."""
    b, strand = wp.tid()
    of_link = int(-1)
    eye = wp.vec3d()
    for i in range(strand, rim.offsets.shape[0], strands):
        if rim.face_links[i] != of_link:
            of_link = rim.face_links[i]
            eye = -(wp.transpose(turns[b, first_link + of_link]) * origins[b, first_link + of_link])
        height = wp.dot(rim.normals[i], eye) - rim.offsets[i]
        seen[b, i] = wp.where(height > wp.float64(0.0), wp.uint8(1), wp.uint8(0))


@wp.kernel
def places_on_outline(
    rim: Rim,
    turns: wp.array2d(dtype=wp.mat33d),
    origins: wp.array2d(dtype=wp.vec3d),
    first_link: int,
    nearest: wp.float64,
    strands: int,
    seen: wp.array2d(dtype=wp.uint8),
    on_outline: wp.array2d(dtype=wp.uint8),
    at: wp.array2d(dtype=wp.vec2d),
) -> None:
    """Mark (1) places between a face that is seen and one that is not, farther than `nearest` in front of the camera,
    and where they are in the image; each thread takes every `strands`th one."""
    b, strand = wp.tid()
    for i in range(strand, rim.first.shape[0], strands):
        found = wp.uint8(0)
        if seen[b, rim.first[i]] != seen[b, rim.second[i]]:
            link = first_link + rim.links[i]
            p = turns[b, link] * rim.places[i] + origins[b, link]
            if p[2] > nearest:
                found = wp.uint8(1)
                at[b, i] = wp.vec2d(p[0] / p[2], p[1] / p[2])
        on_outline[b, i] = found


@wp.struct
class Cells:
    """Square cells on a box of the image: its corner, cells a unit."""

    corner: wp.vec2d
    per: wp.float64


@wp.func
def cells_round(points: point_array, count: int, beyond: wp.float64) -> Cells:
    """Cells on the box of the first `count` points and `beyond` it."""
    low = points[0]
    high = points[0]
    for i in range(1, count):
        low = wp.min(low, points[i])
        high = wp.max(high, points[i])
    cells = Cells()
    cells.corner = low - wp.vec2d(beyond, beyond)
    size = wp.max(high[0] - low[0], high[1] - low[1]) + wp.float64(2.0) * beyond
    cells.per = (_WIDTH - wp.float64(1.0e-6)) / wp.max(size, wp.float64(1.0e-12))
    return cells


@wp.func
def held(x: wp.float64) -> int:
    """The cell of a coordinate in cells, the first or last one for what is outside."""
    if x > wp.float64(0.0):
        return wp.where(x < _WIDTH, int(wp.min(x, _WIDTH)), _SIDE - 1)
    return 0


@wp.func
def cells_between(cells: Cells, low: wp.vec2d, high: wp.vec2d) -> wp.vec4i:
    """First and last column, first and last row that two corners of a box span; no column where it is outside."""
    a = (low - cells.corner) * cells.per
    b = (high - cells.corner) * cells.per
    zero = wp.float64(0.0)
    if b[0] >= zero and b[1] >= zero and a[0] <= _WIDTH and a[1] <= _WIDTH:
        return wp.vec4i(held(a[0]), held(b[0]), held(a[1]), held(b[1]))
    return wp.vec4i(1, 0, 1, 0)


@wp.func
def sort_in_cells(
    cells: Cells, points: point_array, count: int, cell: int_array, first: int_array, order: int_array
) -> None:
    """Order of the first `count` points by cells, row by row: cell c has those from `first[c]` to `first[c + 1]`.

    Within a cell they keep their order. Those outside all cells are left out; `cell` is that of each point, or -1.
    """
    for c in range(_SIDE * _SIDE + 1):
        first[c] = 0
    zero = wp.float64(0.0)
    for i in range(count):
        x = (points[i] - cells.corner) * cells.per
        cell[i] = -1
        if x[0] >= zero and x[1] >= zero and x[0] <= _WIDTH and x[1] <= _WIDTH:
            c = held(x[1]) * _SIDE + held(x[0])
            cell[i] = c
            first[c] = first[c] + 1
    total = int(0)
    for c in range(_SIDE * _SIDE):
        total += first[c]
        first[c] = total
    first[_SIDE * _SIDE] = total
    for k in range(count):
        i = count - 1 - k
        if cell[i] >= 0:
            at = first[cell[i]] - 1
            first[cell[i]] = at
            order[at] = i


@wp.kernel
def support(
    contour: point_array,
    outward: point_array,
    outline: point_array,
    n_contour: int,
    n_outline: int,
    aside: wp.float64,
    reach: wp.float64,
    cell: int_array,
    order: int_array,
    first: int_array,
    found: int_array,
) -> None:
    """Of each contour point: the outline point farthest out along its normal, -1 for none.

    Those are taken that are no more than `aside` beside the normal and `reach` along it, of equals the first.
    """
    cells = cells_round(contour, n_contour, reach + aside)
    sort_in_cells(cells, outline, n_outline, cell, first, order)
    for i in range(n_contour):
        p = contour[i]
        n = outward[i]
        across = wp.abs(n[0]) * reach + wp.abs(n[1]) * aside
        along = wp.abs(n[1]) * reach + wp.abs(n[0]) * aside
        wide = wp.vec2d(across, along) * wp.float64(1.000001)
        span = cells_between(cells, p - wide, p + wide)
        farthest = -reach
        best = int(-1)
        for row in range(span[2], span[3] + 1):
            for e in range(first[row * _SIDE + span[0]], first[row * _SIDE + span[1] + 1]):
                s = order[e]
                off = outline[s] - p
                out = wp.dot(n, off)
                if out < farthest or out >= reach or wp.abs(n[0] * off[1] - n[1] * off[0]) >= aside:
                    continue
                if out > farthest or (best >= 0 and s < best):
                    farthest = out
                    best = s
        found[i] = best


@wp.kernel
def covered(
    faces: wp.array2d(dtype=wp.int32),
    points: point_array,
    corners: point_array,
    n_points: int,
    n_corners: int,
    margin: wp.float64,
    cell: int_array,
    order: int_array,
    first: int_array,
    hidden: int_array,
) -> None:
    """Mark (1) points within a projected mesh or less than `margin` beside one of its corners."""
    cells = cells_round(points, n_points, wp.float64(0.0))
    sort_in_cells(cells, points, n_points, cell, first, order)
    for i in range(n_points):
        hidden[i] = 0
    beside = wp.vec2d(margin, margin)
    for v in range(n_corners):
        at = corners[v]
        span = cells_between(cells, at - beside, at + beside)
        for row in range(span[2], span[3] + 1):
            for e in range(first[row * _SIDE + span[0]], first[row * _SIDE + span[1] + 1]):
                if wp.length_sq(points[order[e]] - at) < margin * margin:
                    hidden[order[e]] = 1
    for f in range(faces.shape[0]):
        a = corners[faces[f, 0]]
        b = corners[faces[f, 1]]
        c = corners[faces[f, 2]]
        span = cells_between(cells, wp.min(a, wp.min(b, c)), wp.max(a, wp.max(b, c)))
        for row in range(span[2], span[3] + 1):
            for e in range(first[row * _SIDE + span[0]], first[row * _SIDE + span[1] + 1]):
                if is_within(points[order[e]], a, b, c):
                    hidden[order[e]] = 1


@wp.func
def is_within(p: wp.vec2d, a: wp.vec2d, b: wp.vec2d, c: wp.vec2d) -> bool:
    """Whether a triangle, wound either way, holds a point."""
    zero = wp.float64(0.0)
    ap = a - p
    bp = b - p
    cp = c - p
    ab = ap[0] * bp[1] - ap[1] * bp[0]
    bc = bp[0] * cp[1] - bp[1] * cp[0]
    ca = cp[0] * ap[1] - cp[1] * ap[0]
    return (ab >= zero and bc >= zero and ca >= zero) or (ab <= zero and bc <= zero and ca <= zero)
