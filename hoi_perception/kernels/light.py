"""Light of a synthetic scene for Warp kernels: a round lamp with its shadow map, surroundings that surfaces mirror.

Colours are linear, blue first; lengths are metres in the camera's optical frame.
"""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp

LEVELS = 5
"""Blurs of the surroundings, from a mirror's (0) to a matt surface's."""


@wp.struct
class Light:
    """`colour` is the lamp's irradiance at the distance `reach`; `sky` and `bounce` come from above and from below."""

    position: wp.vec3
    radius: float
    reach: float
    colour: wp.vec3
    sky: wp.vec3
    bounce: wp.vec3
    up: wp.vec3
    R_lamp_camera: wp.mat33
    t_lamp_camera: wp.vec3
    focal: float
    center: float
    R_table_camera: wp.mat33


@wp.func
def lamp_place(light: Light, p: wp.vec3) -> wp.vec3:
    """Pixel and depth of a point in the lamp's shadow map."""
    q = light.R_lamp_camera * p + light.t_lamp_camera
    scale = light.focal / wp.max(q[2], 0.001)
    return wp.vec3(q[0] * scale + light.center, q[1] * scale + light.center, q[2])


@wp.func
def lamp_seen(light: Light, shadow: wp.array2d(dtype=wp.float32), taps: wp.array(dtype=wp.vec2), p: wp.vec3) -> float:
    """Part of the lamp seen from a point of a body: the shadow map compared softly at `taps` (m) round it.

    Where the first four, which should be the outermost, agree, the others are not asked.
    """
    q = lamp_place(light, p)
    scale = light.focal / wp.max(q[2], 0.001)
    seen = float(0.0)
    for k in range(taps.shape[0]):
        if k == 4 and (seen <= 0.0 or seen >= 4.0):
            return 0.25 * seen
        x = wp.clamp(int(q[0] + taps[k][0] * scale + 0.5), 0, shadow.shape[1] - 1)
        y = wp.clamp(int(q[1] + taps[k][1] * scale + 0.5), 0, shadow.shape[0] - 1)
        seen += wp.clamp(1.0 - (q[2] - shadow[y, x] - 0.0025) / 0.003, 0.0, 1.0)
    return seen / float(taps.shape[0])


@wp.func
def surroundings(
    maps: wp.array3d(dtype=wp.vec3), R_table_camera: wp.mat33, direction: wp.vec3, rough: float
) -> wp.vec3:
    """Radiance that arrives from a direction of the camera's frame, blurred by roughness (0 to 1).

    `maps` (level, row, column) are octahedral maps in the table's axes (Engelhardt, Dachsbacher, Octahedron
    environment maps, 2008).
    """
    d = R_table_camera * direction
    d = d / (wp.abs(d[0]) + wp.abs(d[1]) + wp.abs(d[2]))
    x = d[0]
    y = d[1]
    if d[2] < 0.0:
        x = (1.0 - wp.abs(d[1])) * wp.where(d[0] >= 0.0, 1.0, -1.0)
        y = (1.0 - wp.abs(d[0])) * wp.where(d[1] >= 0.0, 1.0, -1.0)
    size = float(maps.shape[1])
    px = wp.clamp((0.5 * x + 0.5) * size - 0.5, 0.0, size - 1.001)
    py = wp.clamp((0.5 * y + 0.5) * size - 0.5, 0.0, size - 1.001)
    i = int(px)
    j = int(py)
    u = px - float(i)
    v = py - float(j)
    level = wp.clamp(int(rough * 4.0 + 0.5), 0, 4)
    top = maps[level, j, i] * (1.0 - u) + maps[level, j, i + 1] * u
    return top * (1.0 - v) + (maps[level, j + 1, i] * (1.0 - u) + maps[level, j + 1, i + 1] * u) * v
