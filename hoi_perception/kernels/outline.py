"""Outlines in the image as Warp kernels. Coordinates are those of the plane z = 1 of a camera."""

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.kernel
def support(
    contour: wp.array(dtype=wp.vec2d),
    outward: wp.array(dtype=wp.vec2d),
    outline: wp.array(dtype=wp.vec2d),
    count: int,
    aside: wp.float64,
    reach: wp.float64,
    found: wp.array(dtype=wp.int32),
) -> None:
    """Of each contour point: the outline point farthest out along its normal, -1 for none.

    Of the first `count` outline points those are taken that are no more than `aside` beside the normal and `reach`
    along it.
    """
    i = wp.tid()
    found[i] = -1
    farthest = -reach
    n = outward[i]
    for s in range(count):
        off = outline[s] - contour[i]
        along = wp.dot(n, off)
        if along > farthest and along < reach and wp.abs(n[0] * off[1] - n[1] * off[0]) < aside:
            farthest = along
            found[i] = s


@wp.kernel
def rim(
    links: wp.array(dtype=wp.int32),
    places: wp.array(dtype=wp.vec3),
    first: wp.array(dtype=wp.vec3),
    second: wp.array(dtype=wp.vec3),
    eyes: wp.array2d(dtype=wp.vec3),
    flags: wp.array2d(dtype=wp.uint8),
) -> None:
    """Mark places on edges of which the camera, at `eyes` in the links' frames, sees one face only."""
    b, i = wp.tid()
    flags[b, i] = wp.uint8(0)
    view = places[i] - eyes[b, links[i]]
    if (wp.dot(view, first[i]) < 0.0) != (wp.dot(view, second[i]) < 0.0):
        flags[b, i] = wp.uint8(1)


@wp.kernel
def covered(
    points: wp.array(dtype=wp.vec2d),
    corners: wp.array(dtype=wp.vec2d),
    faces: wp.array2d(dtype=wp.int32),
    count: int,
    margin: wp.float64,
    hidden: wp.array(dtype=wp.int32),
) -> None:
    """Whether each point lies within a projected mesh or less than `margin` beside one of its `count` corners."""
    i = wp.tid()
    p = points[i]
    zero = wp.float64(0.0)
    hidden[i] = 0
    for c in range(count):
        if wp.length_sq(p - corners[c]) < margin * margin:
            hidden[i] = 1
            return
    for f in range(faces.shape[0]):
        a = corners[faces[f, 0]] - p
        b = corners[faces[f, 1]] - p
        c2 = corners[faces[f, 2]] - p
        if wp.min(wp.min(a[0], b[0]), c2[0]) > zero or wp.max(wp.max(a[0], b[0]), c2[0]) < zero:
            continue
        ab = a[0] * b[1] - a[1] * b[0]
        bc = b[0] * c2[1] - b[1] * c2[0]
        ca = c2[0] * a[1] - c2[1] * a[0]
        if (ab >= zero and bc >= zero and ca >= zero) or (ab <= zero and bc <= zero and ca <= zero):
            hidden[i] = 1
            return
