"""What lens, shutter and sensor make of a linear picture (blue first), as Warp kernels."""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

TILE = 20
"""Pixels on a side of the tiles that share a longest shift, the longest that is blurred."""


@wp.struct
class Sensor:
    """Gains of the channels, saturation, vignette, border and noise of a camera.

    `radius` (px) is that of the visible disc about `center`, 0 where all of the picture shows. `read` and `shot` are
    the noise's standard deviation at black and its variance per unit of signal, in units of white.
    """

    gain: wp.vec3
    saturation: float
    vignette: float
    center: wp.vec2
    radius: float
    read: float
    shot: float
    black: float


@wp.kernel
def longest_shift(flow: wp.array2d(dtype=wp.vec2), longest: wp.array2d(dtype=wp.vec2)) -> None:
    """Longest shift in each tile."""
    ty, tx = wp.tid()
    best = wp.vec2(0.0, 0.0)
    reach = float(0.0)
    for j in range(0, TILE, 2):
        for i in range(0, TILE, 2):
            y = ty * TILE + j
            x = tx * TILE + i
            if y < flow.shape[0] and x < flow.shape[1]:
                v = flow[y, x]
                l2 = wp.dot(v, v)
                if l2 > reach:
                    reach = l2
                    best = v
    longest[ty, tx] = best


@wp.kernel
def blur_motion(
    image: wp.array2d(dtype=wp.vec3),
    flow: wp.array2d(dtype=wp.vec2),
    depth: wp.array2d(dtype=wp.float32),
    longest: wp.array2d(dtype=wp.vec2),
    blurred: wp.array2d(dtype=wp.vec3),
) -> None:
    """Smear along the longest shift near each pixel what moves in front, and the pixel itself where it moves.

    After McGuire, Hennessy, Bukowski, Osman, A reconstruction filter for plausible motion blur (2012).
    """
    y, x = wp.tid()
    ty = y / TILE
    tx = x / TILE
    v = wp.vec2(0.0, 0.0)
    reach = float(0.0)
    for j in range(3):
        for i in range(3):
            sy = wp.clamp(ty + j - 1, 0, longest.shape[0] - 1)
            sx = wp.clamp(tx + i - 1, 0, longest.shape[1] - 1)
            u = longest[sy, sx]
            l2 = wp.dot(u, u)
            if l2 > reach:
                reach = l2
                v = u
    if reach < 0.36:
        blurred[y, x] = image[y, x]
        return
    reach = wp.sqrt(reach)
    own = wp.length(flow[y, x])
    z = depth[y, x]
    weight = 1.0 / wp.max(own, 0.7)
    total = image[y, x] * weight
    taps = wp.min(int(reach) + 3, 15)
    for k in range(taps):
        s = (float(k) + 0.5) / float(taps) - 0.5
        sx = int(float(x) + v[0] * s + 0.5)
        sy = int(float(y) + v[1] * s + 0.5)
        if sx >= 0 and sy >= 0 and sx < image.shape[1] and sy < image.shape[0]:
            far = reach * wp.abs(s)
            other = wp.length(flow[sy, sx])
            front = wp.clamp(0.5 + (z - depth[sy, sx]) * 100.0, 0.0, 1.0)
            a = front * wp.clamp(1.5 - 2.0 * far / wp.max(other, 0.5), 0.0, 1.0) / wp.max(other, 0.7)
            a += (1.0 - front) * wp.clamp(1.5 - 2.0 * far / wp.max(own, 0.5), 0.0, 1.0) / wp.max(own, 0.7)
            total += image[sy, sx] * a
            weight += a
    blurred[y, x] = total / weight


@wp.kernel
def defocus(
    sharp: wp.array2d(dtype=wp.vec3),
    soft: wp.array2d(dtype=wp.vec3),
    depth: wp.array2d(dtype=wp.float32),
    focus: float,
    blur: float,
    image: wp.array2d(dtype=wp.vec3),
) -> None:
    """Mix of a sharp and a soft picture by the circle of confusion, `blur` times |1 - focus / depth| (px), of 3 px."""
    y, x = wp.tid()
    a = wp.clamp(blur * wp.abs(1.0 - focus / depth[y, x]) / 3.0, 0.0, 1.0)
    image[y, x] = sharp[y, x] * (1.0 - a) + soft[y, x] * a


@wp.kernel
def develop(
    image: wp.array2d(dtype=wp.vec3),
    glow: wp.array2d(dtype=wp.vec3),
    grain: wp.array2d(dtype=wp.vec3),
    dx: int,
    dy: int,
    sensor: Sensor,
    curve: wp.array(dtype=wp.float32),
    out: wp.array2d(dtype=wp.vec3ub),
) -> None:
    """Gains, vignette, border, noise, saturation, tone curve (over 0 to 1), 8 bits."""
    y, x = wp.tid()
    o = wp.vec2(float(x), float(y)) - sensor.center
    half = wp.vec2(0.5 * float(image.shape[1]), 0.5 * float(image.shape[0]))
    r2 = wp.dot(o, o) / wp.dot(half, half)
    fade = 1.0 - sensor.vignette * r2
    if sensor.radius > 0.0:
        r = wp.length(o)
        fade = fade * wp.clamp((sensor.radius - r) * 0.4 + 0.5, 0.0, 1.0)
    c = wp.cw_mul(image[y, x] + glow[y, x], sensor.gain) * fade
    g = grain[y + dy, x + dx]
    top = float(curve.shape[0] - 1)
    grey = 0.11 * c[0] + 0.59 * c[1] + 0.30 * c[2]
    b = wp.vec3(0.0, 0.0, 0.0)
    for k in range(3):
        v = grey + (c[k] - grey) * sensor.saturation
        v = v + g[k] * wp.sqrt(sensor.read * sensor.read + sensor.shot * wp.max(v, 0.0)) + sensor.black
        b[k] = curve[int(wp.clamp(v, 0.0, 1.0) * top + 0.5)]
    out[y, x] = wp.vec3ub(wp.uint8(b[0]), wp.uint8(b[1]), wp.uint8(b[2]))
