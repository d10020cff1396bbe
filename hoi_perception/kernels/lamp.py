"""The lamp of a synthetic scene, as Warp kernels see it."""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp


@wp.struct
class Lamp:
    """A spherical lamp, the light of the room, and the lamp's shadow map (z of a pinhole camera in the lamp)."""

    position: wp.vec3
    radius: float
    colour: wp.vec3
    up: wp.vec3
    sky: wp.vec3
    bounce: wp.vec3
    R_lamp_camera: wp.mat33
    t_lamp_camera: wp.vec3
    focal: float
    center: float


@wp.func
def lamp_share(lamp: Lamp, depth: wp.array2d(dtype=wp.float32), taps: wp.array(dtype=wp.vec2), p: wp.vec3) -> float:
    """Part of the lamp seen from a point: shadow map compared softly at `taps` (m) round it."""
    q = lamp.R_lamp_camera * p + lamp.t_lamp_camera
    scale = lamp.focal / q[2]
    u = q[0] * scale + lamp.center
    v = q[1] * scale + lamp.center
    seen = float(0.0)
    for k in range(taps.shape[0]):
        x = wp.clamp(int(u + taps[k][0] * scale + 0.5), 0, depth.shape[1] - 1)
        y = wp.clamp(int(v + taps[k][1] * scale + 0.5), 0, depth.shape[0] - 1)
        seen += wp.clamp(1.0 - (q[2] - depth[y, x] - 0.003) / 0.004, 0.0, 1.0)
    return seen / float(taps.shape[0])
