"""The ground of a synthetic scene (a drape, tissue, a tray) and what lies behind it, as a Warp kernel."""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

from typing import Any

import warp as wp

from hoi_perception.kernels.light import Light, surroundings

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.struct
class Ground:
    """A plane `up . p = -height` with maps over the square of +-`extent` (m) round the table's origin.

    `albedo` holds colour and gloss (0 matt to 1 wet), `slope` the relief's gradient and how open it is to the sky.
    """

    origin: wp.vec3
    right: wp.vec3
    ahead: wp.vec3
    up: wp.vec3
    extent: float
    farthest: float
    albedo: wp.array2d(dtype=wp.vec4)
    slope: wp.array2d(dtype=wp.vec3)
    weave: wp.array2d(dtype=wp.vec3)
    weave_scale: float
    weave_depth: float


@wp.func
def smooth(image: wp.array2d(dtype=Any), x: float, y: float) -> Any:
    """Bilinear value; coordinates are kept inside."""
    cx = wp.clamp(x, 0.0, float(image.shape[1]) - 1.001)
    cy = wp.clamp(y, 0.0, float(image.shape[0]) - 1.001)
    i = int(cx)
    j = int(cy)
    u = cx - float(i)
    v = cy - float(j)
    top = image[j, i] * (1.0 - u) + image[j, i + 1] * u
    return top * (1.0 - v) + (image[j + 1, i] * (1.0 - u) + image[j + 1, i + 1] * u) * v


@wp.func
def mirrored_unit(t: float) -> wp.vec2:
    """A coordinate folded into 0 to 1, as between two mirrors, and the sign of its direction there."""
    f = t - 2.0 * wp.floor(0.5 * t)
    if f > 1.0:
        return wp.vec2(2.0 - f, -1.0)
    return wp.vec2(f, 1.0)


@wp.kernel
def paint_ground(
    rays: wp.array2d(dtype=wp.vec3),
    ground: Ground,
    light: Light,
    maps: wp.array3d(dtype=wp.vec3),
    backdrop: wp.array2d(dtype=wp.vec3),
    pool: float,
    lit: wp.array2d(dtype=wp.vec3),
    unlit: wp.array2d(dtype=wp.vec3),
    depth: wp.array2d(dtype=wp.float32),
) -> None:
    """What the lamp lights, all other light, and the depth (infinite beyond the ground's end).

    `pool` is how much darker the ground is outside the lamp's cone. `backdrop` is seen beyond the ground, as a
    cylinder of pictures round the table.
    """
    y, x = wp.tid()
    ray = rays[y, x]
    down = wp.dot(ray, ground.up)
    height = wp.dot(ground.origin, ground.up)
    z = float(1.0e9)
    if down * height > 0.0:
        z = height / down
    p = ray * z - ground.origin
    gx = wp.dot(p, ground.right)
    gy = wp.dot(p, ground.ahead)
    if z > 50.0 or gy > ground.farthest:
        d = light.R_table_camera * wp.normalize(ray)
        u = (wp.atan2(d[0], d[1]) / 3.14159 * 0.5 + 0.5) * float(backdrop.shape[1])
        v = (0.55 - 0.75 * d[2]) * float(backdrop.shape[0])
        lit[y, x] = wp.vec3(0.0, 0.0, 0.0)
        unlit[y, x] = smooth(backdrop, u, v)
        depth[y, x] = wp.inf
        return
    size = float(ground.albedo.shape[0])
    along = mirrored_unit(gx / ground.extent * 0.5 + 0.5)
    across = mirrored_unit(0.5 - gy / ground.extent * 0.5)
    a = smooth(ground.albedo, along[0] * size - 0.5, across[0] * size - 0.5)
    s = smooth(ground.slope, along[0] * size - 0.5, across[0] * size - 0.5)
    tile = float(ground.weave.shape[0])
    tx = gx * ground.weave_scale
    ty = gy * ground.weave_scale
    tx = (tx - wp.floor(tx)) * tile
    ty = (ty - wp.floor(ty)) * tile
    w = smooth(ground.weave, tx, ty)
    texel = z * ground.weave_scale * tile / 700.0
    fine = ground.weave_depth / (1.0 + texel * texel)
    sx = along[1] * s[0] + fine * w[0]
    sy = across[1] * s[1] + fine * w[1]
    n = wp.normalize(ground.up - ground.right * sx - ground.ahead * sy)
    here = ray * z
    to_lamp = light.position - here
    reach = wp.length(to_lamp)
    to_lamp = to_lamp / reach
    incoming = light.colour * wp.min(light.reach * light.reach / (reach * reach), 9.0)
    off = (gx * gx + gy * gy) / 0.16
    incoming = incoming * (1.0 - pool + pool / (1.0 + off * off))
    view = -wp.normalize(ray)
    albedo = wp.vec3(a[0], a[1], a[2]) * (1.0 + 0.10 * fine * w[2])
    wet = a[3]
    half = wp.normalize(view + to_lamp)
    c = wp.max(wp.dot(n, half), 0.0)
    spread = 0.55 * (1.0 - wet) + (0.05 + 0.5 * light.radius / reach) * wet
    a2 = spread * spread
    d2 = c * c * (a2 - 1.0) + 1.0
    gleam = wp.min((0.02 + 0.03 * wet) * 0.8 * a2 / (3.14159 * d2 * d2), 0.3 + 1.5 * wet * wet)
    lambert = wp.max(wp.dot(n, to_lamp), 0.0)
    lit[y, x] = wp.cw_mul(albedo, incoming) * lambert + incoming * (gleam * wp.min(lambert * 3.0, 1.0))
    facing = wp.max(wp.dot(n, view), 0.0)
    f5 = (1.0 - facing) * (1.0 - facing)
    f5 = f5 * f5 * (1.0 - facing)
    slick = wp.vec3(0.0, 0.0, 0.0)
    if wet > 0.1:
        mirrored = n * (2.0 * wp.dot(n, view)) - view
        slick = surroundings(maps, light.R_table_camera, mirrored, 0.6 - 0.5 * wet) * (0.03 + 0.5 * f5) * wet
    toward_up = 0.5 + 0.5 * wp.dot(n, ground.up)
    sky = light.sky * toward_up + light.bounce * (1.0 - toward_up)
    unlit[y, x] = (wp.cw_mul(albedo, sky) + slick) * s[2]
    depth[y, x] = z
