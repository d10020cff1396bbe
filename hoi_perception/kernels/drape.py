"""A surgical drape on a table as a Warp kernel. Colours are linear, blue first; lengths are metres."""

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.lamp import Lamp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.func
def cloth_height(x: float, y: float, seed: wp.uint32) -> float:
    """Relief of a drape in metres: long soft folds that wander, the creases of packing, a weave."""
    bend = 0.09 * wp.noise(seed, wp.vec2(3.0 * x, 3.0 * y))
    fold = wp.noise(seed, wp.vec2(7.0 * (x + bend) + 3.0 * y, 1.5 * y + 1.2 * x))
    ridge = wp.exp(-fold * fold * 30.0)
    broad = wp.noise(seed + wp.uint32(1), wp.vec2(7.0 * (x - bend), 5.0 * (y + bend)))
    small = wp.noise(seed, wp.vec2(24.0 * (x - bend), 15.0 * y))
    return 0.016 * ridge + 0.014 * broad + 0.0022 * small + 0.00005 * wp.noise(seed, wp.vec2(800.0 * x, 600.0 * y))


@wp.kernel
def paint_drape(
    rays: wp.array2d(dtype=wp.vec3),
    lamp: Lamp,
    height: float,
    side: wp.vec3,
    albedo: wp.vec3,
    seed: wp.uint32,
    lit: wp.array2d(dtype=wp.vec3),
    ambient: wp.array2d(dtype=wp.vec3),
) -> None:
    """Table cloth on the plane `up . p = -height`: what the lamp and what the room lights, separately."""
    i, j = wp.tid()
    ray = rays[i, j]
    down = -wp.dot(ray, lamp.up)
    distance = height / wp.max(down, 0.02)
    p = ray * distance
    ahead = wp.cross(lamp.up, side)
    x = wp.dot(p, side)
    y = wp.dot(p, ahead)
    e = 0.0006 * wp.max(distance, 0.3)
    h = cloth_height(x, y, seed)
    gx = (cloth_height(x + e, y, seed) - h) / e
    gy = (cloth_height(x, y + e, seed) - h) / e
    n = wp.normalize(lamp.up - side * gx - ahead * gy)
    to_lamp = lamp.position - p
    reach = wp.length(to_lamp)
    aim = wp.length(wp.vec2(x, y - wp.dot(wp.vec3(0.0, 0.0, height / wp.max(-lamp.up[2], 0.1)), ahead)))
    pool = 0.30 + 0.70 / (1.0 + aim * aim * aim * aim * 18.0)
    lit[i, j] = wp.cw_mul(albedo, lamp.colour) * (wp.max(wp.dot(n, to_lamp) / reach, 0.0) * pool)
    openness = 0.90 + 12.0 * (h - 0.006)
    ambient[i, j] = wp.cw_mul(albedo, lamp.sky) * (wp.clamp(openness, 0.5, 1.1) * (0.6 + 0.4 * pool))
