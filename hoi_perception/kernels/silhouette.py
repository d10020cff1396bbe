"""Silhouettes of meshes and what is read along their border, as Warp kernels for the CPU.

A silhouette is a grid of bytes; places in it are (column, row) in samples, with integer centres.
"""

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.raster import row_span, screen_triangle, weights_over_depth

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.func
def in_samples(screen: wp.vec3, low: wp.vec2, samples: float) -> wp.vec3:
    """Pixels (u, v, z) as samples of a grid whose sample (0, 0) is centred `low`."""
    return wp.vec3((screen[0] - low[0]) * samples, (screen[1] - low[1]) * samples, screen[2])


@wp.kernel
def cover(
    screen: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    near: float,
    low: wp.vec2,
    samples: float,
    covered: wp.array2d(dtype=wp.uint8),
) -> None:
    """Set the samples whose centres triangles seen from their front cover.

    `screen` is (u, v, z) in pixels and metres, sample (0, 0) is centred `low`. A triangle with a corner at or before
    `near`, or not finite, is dropped.
    """
    corners = faces[wp.tid()]
    a = in_samples(screen[corners[0]], low, samples)
    b = in_samples(screen[corners[1]], low, samples)
    c = in_samples(screen[corners[2]], low, samples)
    if not (a[2] > near and b[2] > near and c[2] > near):
        return
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if not (wp.isfinite(area) and area < -1.0e-9):  # v points down
        return
    x0 = wp.max(wp.min(a[0], wp.min(b[0], c[0])), 0.0)
    y0 = wp.max(wp.min(a[1], wp.min(b[1], c[1])), 0.0)
    x1 = wp.min(wp.max(a[0], wp.max(b[0], c[0])), float(covered.shape[1] - 1))
    y1 = wp.min(wp.max(a[1], wp.max(b[1], c[1])), float(covered.shape[0] - 1))
    t = screen_triangle(a, b, c)
    for y in range(int(wp.ceil(y0)), int(wp.floor(y1)) + 1):
        row = weights_over_depth(t, t.first[0], float(y))
        span = row_span(row, t.dx, x0 - t.first[0], x1 - t.first[0])
        for x in range(int(wp.ceil(span[0] + t.first[0])), int(wp.floor(span[1] + t.first[0])) + 1):
            covered[y, x] = wp.uint8(1)


@wp.func
def is_covered(covered: wp.array2d(dtype=wp.uint8), at: wp.vec2) -> bool:
    """Whether the sample nearest to a place is set; none outside the grid is."""
    x = int(wp.round(at[0]))
    y = int(wp.round(at[1]))
    if x < 0 or y < 0 or x >= covered.shape[1] or y >= covered.shape[0]:
        return False
    return covered[y, x] != wp.uint8(0)


@wp.kernel
def turn_outward(
    covered: wp.array2d(dtype=wp.uint8),
    places: wp.array(dtype=wp.vec2),
    normals: wp.array(dtype=wp.vec2),
    off: float,
    signs: wp.array(dtype=wp.int32),
) -> None:
    """1 where the normal points out of the silhouette, -1 where into it, 0 away from its border."""
    i = wp.tid()
    ahead = is_covered(covered, places[i] + off * normals[i])
    behind = is_covered(covered, places[i] - off * normals[i])
    signs[i] = 0
    if ahead != behind:
        signs[i] = wp.where(ahead, -1, 1)


@wp.kernel
def read_border(
    covered: wp.array2d(dtype=wp.uint8),
    places: wp.array(dtype=wp.vec2),
    edge_normals: wp.array(dtype=wp.vec2),
    radius: int,
    agree: float,
    reach: int,
    low: wp.vec2,
    high: wp.vec2,
    normals: wp.array(dtype=wp.vec2),
    inside: wp.array(dtype=wp.int32),
    outside: wp.array(dtype=wp.int32),
) -> None:
    """Normals of places on the border, and for how many samples either side goes on along them, `reach` at most.

    A normal is that of the edge where its cosine to the mean one is above `agree`; the mean one points from the middle
    of the silhouette within a disc of `radius` samples to the disc's middle. Outside ends at the box `low` to `high`.
    """
    i = wp.tid()
    place = places[i]
    n = edge_normals[i]
    mean = wp.vec2(0.0, 0.0)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            offset = wp.vec2(float(dx), float(dy))
            if dx * dx + dy * dy <= radius * radius and is_covered(covered, place + offset):
                mean -= offset
    if wp.length(mean) > 0.0:
        mean = wp.normalize(mean)
        if wp.dot(mean, n) < agree:
            n = mean
    normals[i] = n
    # what is nearer than a sample may be of either side by rounding
    inside[i] = reach
    for k in range(1, reach):
        if not is_covered(covered, place - (float(k) + 0.5) * n):
            inside[i] = wp.where(k == 1, 0, k)
            break
    outside[i] = reach
    for k in range(1, reach):
        at = place + (float(k) + 0.5) * n
        within = at[0] >= low[0] and at[1] >= low[1] and at[0] <= high[0] and at[1] <= high[1]
        if not within or is_covered(covered, at):
            outside[i] = wp.where(k == 1, 0, k)
            break
