"""Z-buffer rasteriser and hand shading as Warp kernels, one source for CPU and CUDA.

Screen points are (u, v, z): pixels with integer pixel centres and depth in metres. The z-buffer holds one 64-bit key
per pixel, the bits of the (positive) inverse depth above the complement of the face index, so that the largest key is
the nearest face, equal depths fall to the smaller index on every device, and zero is empty.
"""

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.struct
class ScreenTriangle:
    """Barycentrics divided by the corners' depths as linear functions of the pixel, about the first corner.

    Far from the picture's corner a constant term would cancel against the slopes and cost the depth its last digits.
    """

    first: wp.vec3
    dx: wp.vec3
    dy: wp.vec3


@wp.func
def screen_triangle(a: wp.vec3, b: wp.vec3, c: wp.vec3) -> ScreenTriangle:
    """Set up a triangle of (u, v, z) corners; its area must not be zero."""
    inv_area = 1.0 / ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
    scale = wp.vec3(inv_area / a[2], inv_area / b[2], inv_area / c[2])
    t = ScreenTriangle()
    t.first = a
    t.dx = wp.cw_mul(wp.vec3(b[1] - c[1], c[1] - a[1], a[1] - b[1]), scale)
    t.dy = wp.cw_mul(wp.vec3(c[0] - b[0], a[0] - c[0], b[0] - a[0]), scale)
    return t


@wp.func
def weights_over_depth(t: ScreenTriangle, x: float, y: float) -> wp.vec3:
    """Barycentrics of the pixel over the corners' depths; their sum is one over the depth there."""
    return wp.vec3(1.0 / t.first[2], 0.0, 0.0) + t.dx * (x - t.first[0]) + t.dy * (y - t.first[1])


@wp.func
def weights_inside(t: ScreenTriangle, x: float, y: float) -> wp.vec3:
    """Perspective-correct weights of the corners at a covered pixel, kept within the triangle and summing to one.

    In a sliver seen edge-on, rounding throws the plain weights far out.
    """
    w = wp.max(weights_over_depth(t, x, y), wp.vec3(0.0, 0.0, 0.0))
    return w / wp.max(w[0] + w[1] + w[2], 1.0e-12)


@wp.func
def face_of_key(key: wp.uint64) -> wp.int32:
    """Face index of a z-buffer key, -1 where empty."""
    if key == wp.uint64(0):
        return -1
    return wp.int32(~wp.uint32(key & wp.uint64(0xFFFFFFFF)))


@wp.kernel
def draw_depth(
    screen: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    near: float,
    front_only: bool,
    keys: wp.array2d(dtype=wp.uint64),
) -> None:
    """Enter each triangle into the z-buffer; one with a corner at or before `near`, or not finite, is dropped.

    With `front_only` so are triangles seen from their back (clockwise, as seen).
    """
    face = wp.tid()
    corners = faces[face]
    a, b, c = screen[corners[0]], screen[corners[1]], screen[corners[2]]
    if not (a[2] > near and b[2] > near and c[2] > near):
        return
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if not (wp.isfinite(area) and wp.abs(area) > 1.0e-9):
        return
    if front_only and area > 0.0:  # v points down
        return
    x0 = wp.max(wp.min(a[0], wp.min(b[0], c[0])), 0.0)
    y0 = wp.max(wp.min(a[1], wp.min(b[1], c[1])), 0.0)
    x1 = wp.min(wp.max(a[0], wp.max(b[0], c[0])), float(keys.shape[1] - 1))
    y1 = wp.min(wp.max(a[1], wp.max(b[1], c[1])), float(keys.shape[0] - 1))
    t = screen_triangle(a, b, c)
    far = 1.0 / wp.max(a[2], wp.max(b[2], c[2]))
    close = 1.0 / wp.min(a[2], wp.min(b[2], c[2]))
    inv_depth_dx = t.dx[0] + t.dx[1] + t.dx[2]
    low_word = wp.uint64(~wp.uint32(face))
    for y in range(int(wp.ceil(y0)), int(wp.floor(y1)) + 1):
        row = weights_over_depth(t, t.first[0], float(y))
        span = row_span(row, t.dx, x0 - t.first[0], x1 - t.first[0])
        inv_depth_row = row[0] + row[1] + row[2]
        for x in range(int(wp.ceil(span[0] + t.first[0])), int(wp.floor(span[1] + t.first[0])) + 1):
            inv_depth = wp.clamp(inv_depth_row + inv_depth_dx * (float(x) - t.first[0]), far, close)
            key = (wp.uint64(wp.cast(inv_depth, wp.uint32)) << wp.uint64(32)) | low_word
            if key > keys[y, x]:
                wp.atomic_max(keys, y, x, key)


@wp.func
def row_span(row: wp.vec3, dx: wp.vec3, x0: float, x1: float) -> wp.vec2:
    """Part of x0..x1 in which the three functions `row + dx * x` are not negative."""
    low = x0
    high = x1
    for k in range(3):
        if dx[k] > 0.0:
            low = wp.max(low, -row[k] / dx[k])
        elif dx[k] < 0.0:
            high = wp.min(high, -row[k] / dx[k])
        elif row[k] < 0.0:
            high = low - 1.0
    return wp.vec2(low, high)


@wp.kernel
def resolve(
    screen: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    keys: wp.array2d(dtype=wp.uint64),
    face_id: wp.array2d(dtype=wp.int32),
    barycentric: wp.array2d(dtype=wp.vec3),
    depth: wp.array2d(dtype=wp.float32),
) -> None:
    """Face (-1 where empty), perspective-correct barycentrics and depth (infinite where empty) of each pixel."""
    y, x = wp.tid()
    face = face_of_key(keys[y, x])
    if face < 0:
        face_id[y, x] = -1
        barycentric[y, x] = wp.vec3(0.0, 0.0, 0.0)
        depth[y, x] = wp.inf
        return
    i = faces[face]
    t = screen_triangle(screen[i[0]], screen[i[1]], screen[i[2]])
    w = weights_inside(t, float(x), float(y))
    face_id[y, x] = face
    barycentric[y, x] = w
    depth[y, x] = w[0] * screen[i[0]][2] + w[1] * screen[i[1]][2] + w[2] * screen[i[2]][2]


@wp.func
def interpolate(values: wp.array(dtype=wp.vec3), i: wp.vec3i, b: wp.vec3) -> wp.vec3:
    """Value at barycentric coordinates `b` of the face with corners `i`."""
    return values[i[0]] * b[0] + values[i[1]] * b[1] + values[i[2]] * b[2]


@wp.func
def neighbours(a: wp.vec3i, b: wp.vec3i) -> bool:
    """True where two faces share a corner, so that both lie on one smooth piece of surface."""
    shared = bool(False)  # a variable that a loop may change  # noqa: UP018
    for k in range(3):
        shared = shared or a[k] == b[0] or a[k] == b[1] or a[k] == b[2]
    return shared


@wp.func
def shade(position: wp.vec3, normal: wp.vec3, colour: wp.vec4, to_light: wp.vec3) -> wp.vec4:
    """Premultiplied colour and opacity: Lambert, hemisphere ambient, a soft highlight, a firmer rim."""
    view = -wp.normalize(position)
    n = wp.normalize(normal)
    facing = wp.max(wp.dot(n, view), 0.0)
    lambert = wp.max(wp.dot(n, to_light), 0.0)
    sky = 0.5 - 0.5 * n[1]
    half = wp.normalize(to_light + view)
    h2 = wp.max(wp.dot(n, half), 0.0) * wp.max(wp.dot(n, half), 0.0)
    h8 = h2 * h2 * h2 * h2
    highlight = 0.30 * h8 * h8 * h8 * h8
    light = 0.38 + 0.22 * sky + 0.50 * lambert
    rim = (1.0 - facing) * (1.0 - facing) * (1.0 - facing)
    base = wp.vec3(colour[0], colour[1], colour[2])
    lit = base * light + wp.vec3(1.0, 1.0, 1.0) * highlight
    alpha = wp.min(colour[3] + (1.0 - colour[3]) * (0.55 * rim + highlight), 1.0)
    return wp.vec4(wp.min(lit[0], 1.0) * alpha, wp.min(lit[1], 1.0) * alpha, wp.min(lit[2], 1.0) * alpha, alpha)


@wp.kernel
def blend(
    screen: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    vertices: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    face_colours: wp.array(dtype=wp.vec4),
    to_light: wp.vec3,
    keys: wp.array2d(dtype=wp.uint64),
    samples: int,
    x0: int,
    y0: int,
    image: wp.array3d(dtype=wp.uint8),
) -> None:
    """Shade the surface seen in each pixel's `samples` x `samples` keys and lay it over the image from (x0, y0) on.

    Colours are BGR and opacity in 0 to 1. Neighbouring faces that samples of a pixel see in a row are shaded once.
    """
    y, x = wp.tid()
    total = wp.vec4(0.0, 0.0, 0.0, 0.0)
    last = wp.vec4(0.0, 0.0, 0.0, 0.0)
    last_face = wp.int32(-1)
    for j in range(samples):
        for i in range(samples):
            sy = y * samples + j
            sx = x * samples + i
            face = face_of_key(keys[sy, sx])
            if face >= 0:
                ids = faces[face]
                if last_face < 0 or not neighbours(ids, faces[last_face]):
                    t = screen_triangle(screen[ids[0]], screen[ids[1]], screen[ids[2]])
                    w = weights_inside(t, float(sx), float(sy))
                    position = interpolate(vertices, ids, w)
                    last = shade(position, interpolate(normals, ids, w), face_colours[face], to_light)
                    last_face = face
                total += last
    if last_face < 0:
        return
    total = total / float(samples * samples)
    for c in range(3):
        under = float(image[y0 + y, x0 + x, c])
        image[y0 + y, x0 + x, c] = wp.uint8(wp.clamp(under * (1.0 - total[3]) + 255.0 * total[c] + 0.5, 0.0, 255.0))
