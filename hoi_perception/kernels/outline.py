"""Outlines in the image as Warp kernels. Coordinates are those of the plane z = 1 of a camera."""

# In Warp `int(0)` declares a variable that a loop may change, plain `0` a constant.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

float_array = wp.array(dtype=wp.float64)


@wp.func
def first_from(x: float_array, count: int, least: wp.float64) -> int:
    """Index of the first of `count` ascending numbers that is not below `least`."""
    low = int(0)
    high = int(count)
    while low < high:
        middle = (low + high) >> 1
        if x[middle] < least:
            low = middle + 1
        else:
            high = middle
    return low


@wp.kernel
def support(
    contour: wp.array(dtype=wp.vec2d),
    outward: wp.array(dtype=wp.vec2d),
    outline: wp.array(dtype=wp.vec2d),
    along: float_array,
    order: wp.array(dtype=wp.int32),
    count: int,
    aside: wp.float64,
    reach: wp.float64,
    found: wp.array(dtype=wp.int32),
) -> None:
    """Of each contour point: the outline point farthest out along its normal, -1 for none.

    Of the first `count` outline points, sorted along the first axis, those are taken that are no more than `aside`
    beside the normal and `reach` along it. `order` tells which of the unsorted points each is; of equals the first of
    those is taken.
    """
    i = wp.tid()
    p = contour[i]
    n = outward[i]
    farthest = -reach
    best = int(-1)
    wide = (wp.abs(n[0]) * reach + wp.abs(n[1]) * aside) * wp.float64(1.000001)
    for s in range(first_from(along, count, p[0] - wide), count):
        off = outline[s] - p
        if off[0] > wide:
            break
        out = wp.dot(n, off)
        if out >= reach or wp.abs(n[0] * off[1] - n[1] * off[0]) >= aside:
            continue
        if out > farthest or (out == farthest and best >= 0 and order[s] < best):
            farthest = out
            best = order[s]
    found[i] = best


@wp.kernel
def covered(
    faces: wp.array2d(dtype=wp.int32),
    points: wp.array(dtype=wp.vec2d),
    along: float_array,
    corners: wp.array(dtype=wp.vec2d),
    n_points: int,
    n_corners: int,
    margin: wp.float64,
    hidden: wp.array(dtype=wp.int32),
) -> None:
    """Mark (1) points within a projected mesh or less than `margin` beside one of its corners.

    The points are sorted along the first axis. One thread for each corner and then for each face looks at those that
    its extent along that axis allows.
    """
    t = wp.tid()
    if t < n_corners:
        at = corners[t]
        for i in range(first_from(along, n_points, at[0] - margin), n_points):
            off = points[i] - at
            if off[0] > margin:
                break
            if wp.length_sq(off) < margin * margin:
                hidden[i] = 1
        return
    zero = wp.float64(0.0)
    f = t - n_corners
    a = corners[faces[f, 0]]
    b = corners[faces[f, 1]]
    c = corners[faces[f, 2]]
    last = wp.max(wp.max(a[0], b[0]), c[0])
    low = wp.min(wp.min(a[1], b[1]), c[1])
    high = wp.max(wp.max(a[1], b[1]), c[1])
    for i in range(first_from(along, n_points, wp.min(wp.min(a[0], b[0]), c[0])), n_points):
        p = points[i]
        if p[0] > last:
            break
        if p[1] < low or p[1] > high:
            continue
        ap = a - p
        bp = b - p
        cp = c - p
        ab = ap[0] * bp[1] - ap[1] * bp[0]
        bc = bp[0] * cp[1] - bp[1] * cp[0]
        ca = cp[0] * ap[1] - cp[1] * ap[0]
        if (ab >= zero and bc >= zero and ca >= zero) or (ab <= zero and bc <= zero and ca <= zero):
            hidden[i] = 1
