"""Shading of dressed hands and instruments over a table as Warp kernels.

Colours are linear, blue first; lengths are metres, positions are in the camera's optical frame.
"""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.light import Light, lamp_seen, surroundings
from hoi_perception.kernels.patches import (
    CLOTH,
    GLOVE,
    METAL,
    SKIN,
    Bodies,
    Material,
    Patch,
    bloodied,
    cloth_patch,
    glove_patch,
    hard_patch,
    skin_patch,
    traits_at,
)
from hoi_perception.kernels.raster import (
    face_of_key,
    interpolate,
    neighbours,
    screen_triangle,
    weights_inside,
    weights_over_depth,
)

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.struct
class Room:
    """What all bodies of a picture share: light, its shadow map, taps into it (m), surroundings, noise."""

    light: Light
    shadow: wp.array2d(dtype=wp.float32)
    taps: wp.array(dtype=wp.vec2)
    maps: wp.array3d(dtype=wp.vec3)
    noise: wp.array3d(dtype=wp.vec4)


@wp.func
def wrapped(cosine: float, wrap: float) -> float:
    """Lambert's cosine softened round the edge of the light, as scattering below the surface does."""
    bent = wp.max((cosine + wrap) / (1.0 + wrap), 0.0)
    softness = wrap / (0.35 + wrap)
    return (1.0 - softness) * bent * bent + 0.5 * softness * (bent + wp.max(cosine, 0.0))


@wp.func
def lamp_gleam(n: wp.vec3, view: wp.vec3, to_lamp: wp.vec3, spread: float) -> float:
    """How strongly a lamp is mirrored: a normal distribution of facets whose width grows with `spread`.

    Karis' sphere-light normalisation of GGX (Real Shading in Unreal Engine 4, 2013), visibility term of one quarter.
    """
    half = wp.normalize(view + to_lamp)
    c = wp.max(wp.dot(n, half), 0.0)
    a2 = spread * spread
    d = c * c * (a2 - 1.0) + 1.0
    return 0.25 * a2 / (3.14159 * d * d + 1.0e-9)


@wp.func
def radiance(room: Room, m: Material, patch: Patch, p: wp.vec3, n: wp.vec3, flat: wp.vec3, openness: float) -> wp.vec3:
    """Light that leaves a point to the camera; `flat` is the normal of the mesh, `openness` how much sky it sees."""
    light = room.light
    to_lamp = light.position - p
    reach = wp.length(to_lamp)
    to_lamp = to_lamp / reach
    view = -wp.normalize(p)
    seen = float(0.0)
    if wp.dot(flat, to_lamp) > -0.35:
        seen = lamp_seen(light, room.shadow, room.taps, p + flat * 0.0006)
    incoming = light.colour * wp.min(light.reach * light.reach / (reach * reach), 9.0)
    cosine = wp.dot(n, to_lamp)
    # red light travels farthest under the skin (B, G, R)
    diffuse = wp.vec3(
        wrapped(cosine, 0.06 * patch.wrap), wrapped(cosine, 0.12 * patch.wrap), wrapped(cosine, 0.32 * patch.wrap)
    )
    direct = wp.cw_mul(incoming, diffuse) * seen
    toward_up = 0.5 + 0.5 * wp.dot(n, light.up)
    around = (light.sky * toward_up + light.bounce * (1.0 - toward_up)) * openness
    facing = wp.max(wp.dot(n, view), 0.0)
    f5 = (1.0 - facing) * (1.0 - facing)
    f5 = f5 * f5 * (1.0 - facing)
    size = light.radius / reach
    gleam = wp.vec3(0.0, 0.0, 0.0)
    if seen > 0.0 and cosine > 0.0:
        spread = wp.clamp(patch.rough * patch.rough + 0.5 * size, 0.03, 1.0)
        strength = cosine * seen * wp.max(patch.rough * patch.rough / (spread * spread), 0.5)
        gleam = incoming * (lamp_gleam(n, view, to_lamp, spread) * strength)
    mirror = around * 0.8
    if m.kind == METAL or patch.rough < 0.5:
        mirrored = n * (2.0 * wp.dot(n, view)) - view
        mirror = surroundings(room.maps, light.R_table_camera, mirrored, patch.rough) * (0.25 + 0.75 * openness)
    if m.kind == METAL:
        tint = patch.albedo + (wp.vec3(1.0, 1.0, 1.0) - patch.albedo) * f5
        return wp.cw_mul(
            tint,
            mirror * openness + wp.min(gleam, wp.vec3(6.0, 6.0, 6.0)) + (direct * 0.16 + around * 0.22) * patch.rough,
        )
    shine = patch.gloss + (1.0 - patch.gloss) * f5 * (1.0 - patch.rough) * 0.8
    out = wp.cw_mul(patch.albedo, direct + around) + mirror * shine + gleam * (patch.gloss * 3.2)
    if patch.coat > 0.01:
        wet = wp.clamp(0.045 + light.radius / reach * 0.35, 0.03, 0.3)
        film = incoming * (lamp_gleam(flat, view, to_lamp, wet) * seen * wp.max(cosine, 0.0))
        slick = surroundings(room.maps, light.R_table_camera, flat * (2.0 * wp.dot(flat, view)) - view, 0.05)
        out = out * (1.0 - 0.12 * patch.coat) + (film * 0.09 + slick * (0.03 + 0.6 * f5)) * patch.coat
    return out


@wp.func
def shade_face(s: Bodies, room: Room, face: int, x: float, y: float, openness: float) -> wp.vec3:
    """Radiance of a face at a sample, its normal bent by the relief.

    Mikkelsen, Bump mapping unparametrized surfaces on the GPU (Journal of Graphics Tools 15, 2010), with the relief's
    gradient instead of differences.
    """
    i = s.faces[face]
    t = screen_triangle(s.screen[i[0]], s.screen[i[1]], s.screen[i[2]])
    here = weights_over_depth(t, x, y)
    wx = here + t.dx
    wy = here + t.dy
    w = weights_inside(t, x, y)
    wx = wx / (wx[0] + wx[1] + wx[2])
    wy = wy / (wy[0] + wy[1] + wy[2])
    p = interpolate(s.position, i, w)
    flat = wp.normalize(interpolate(s.normal, s.corner_normal[face], w))
    view = -wp.normalize(p)
    away = wp.dot(flat, view)
    if away < 0.02:  # smooth normals turn away before faces do
        flat = wp.normalize(flat + view * (0.02 - away))
    rest = interpolate(s.place, i, w)
    traits = traits_at(s.traits, i, w)
    m = s.materials[s.material[face]]
    patch = Patch()
    if m.kind == SKIN:
        patch = skin_patch(s, m, room.noise, rest, traits)
    elif m.kind == GLOVE:
        patch = glove_patch(m, room.noise, rest, traits)
    elif m.kind == CLOTH:
        patch = cloth_patch(m, room.noise, rest)
    else:
        patch = hard_patch(m, room.noise, rest)
    if m.blood > 0.0:
        patch = bloodied(m, room.noise, patch, rest, traits[3])
    fade = wp.clamp(3.0 * away - 0.3, 0.0, 1.0)
    hx = fade * wp.dot(patch.bend, interpolate(s.place, i, wx) - rest)
    hy = fade * wp.dot(patch.bend, interpolate(s.place, i, wy) - rest)
    px = interpolate(s.position, i, wx) - p
    py = interpolate(s.position, i, wy) - p
    across = wp.cross(py, flat)
    det = wp.dot(px, across)
    bent = wp.abs(det) * flat - wp.sign(det) * (hx * across + hy * wp.cross(flat, px))
    n = wp.normalize(bent)
    if not wp.isfinite(n[0]) or wp.length(bent) < 1.0e-20:
        n = flat
    return radiance(room, m, patch, p, n, flat, openness)


@wp.kernel
def lay_ground(
    keys: wp.array2d(dtype=wp.uint64),
    samples: int,
    lit: wp.array2d(dtype=wp.vec3),
    unlit: wp.array2d(dtype=wp.vec3),
    fall: wp.array2d(dtype=wp.float32),
    near: wp.array2d(dtype=wp.float32),
    openness: wp.array2d(dtype=wp.float32),
    image: wp.array2d(dtype=wp.vec3),
    covered: wp.array2d(dtype=wp.uint8),
) -> None:
    """The ground with the shadows on it; which pixels bodies cover at least in part.

    `lit` is the ground's light from the lamp, `unlit` all other; `fall` and `near` are its shares of lamp and sky.
    """
    y, x = wp.tid()
    image[y, x] = lit[y, x] * fall[y, x] + unlit[y, x] * (near[y, x] * (0.3 + 0.7 * openness[y, x]))
    seen = wp.uint64(0)
    for j in range(samples):
        for i in range(samples):
            seen = seen | keys[y * samples + j, x * samples + i]
    covered[y, x] = wp.where(seen == wp.uint64(0), wp.uint8(0), wp.uint8(1))


@wp.kernel
def paint(
    s: Bodies,
    room: Room,
    keys: wp.array2d(dtype=wp.uint64),
    samples: int,
    pixels: wp.array(dtype=wp.int32),
    openness: wp.array2d(dtype=wp.float32),
    image: wp.array2d(dtype=wp.vec3),
    depth: wp.array2d(dtype=wp.float32),
    face_id: wp.array2d(dtype=wp.int32),
    flow: wp.array2d(dtype=wp.vec2),
) -> None:
    """Bodies over the ground's picture in the given pixels (row by row); depth, seen face and shift on screen of each.

    Neighbouring faces in a pixel are shaded once. A pixel belongs to the nearest of its samples' faces; to the ground
    where that fills most of it, and then it is left as it is.
    """
    pixel = pixels[wp.tid()]
    y = pixel / image.shape[1]
    x = pixel - y * image.shape[1]
    total = wp.vec3(0.0, 0.0, 0.0)
    last = wp.vec3(0.0, 0.0, 0.0)
    last_face = wp.int32(-1)
    nearest = wp.uint64(0)
    count = wp.int32(0)
    for j in range(samples):
        for i in range(samples):
            key = keys[y * samples + j, x * samples + i]
            face = face_of_key(key)
            if face >= 0:
                if last_face < 0 or (face != last_face and not neighbours(s.faces[face], s.faces[last_face])):
                    last = shade_face(s, room, face, float(x * samples + i), float(y * samples + j), openness[y, x])
                    last_face = face
                nearest = wp.max(nearest, key)
                total += last
                count += 1
    n = samples * samples
    image[y, x] = image[y, x] * (1.0 - float(count) / float(n)) + total / float(n)
    if 2 * count < n:
        return
    face = face_of_key(nearest)
    f = s.faces[face]
    t = screen_triangle(s.screen[f[0]], s.screen[f[1]], s.screen[f[2]])
    middle = 0.5 * float(samples - 1)
    w = weights_inside(t, float(x * samples) + middle, float(y * samples) + middle)
    depth[y, x] = w[0] * s.screen[f[0]][2] + w[1] * s.screen[f[1]][2] + w[2] * s.screen[f[2]][2]
    face_id[y, x] = face
    flow[y, x] = s.later[f[0]] * w[0] + s.later[f[1]] * w[1] + s.later[f[2]] * w[2]
