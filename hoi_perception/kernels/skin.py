"""Shading of skin, nails and sleeves as Warp kernels.

Colours are linear, blue first. Lengths are metres, positions are in the camera's optical frame.
"""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.grain import grain
from hoi_perception.kernels.lamp import Lamp, lamp_share
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
class Skin:
    """Albedos and relief of one person's skin and of the sleeve."""

    base: wp.vec3
    flush: wp.vec3
    nail: wp.vec3
    sleeve: wp.vec3
    seed: wp.uint32


@wp.struct
class Surface:
    """Triangles with what the shader needs at each vertex.

    `rest` places the texture; `traits` holds redness, distance to the nearest skin crease (m), sleeve (0 or 1) and
    openness to the surroundings (0 to 1).
    """

    faces: wp.array(dtype=wp.vec3i)
    screen: wp.array(dtype=wp.vec3)
    position: wp.array(dtype=wp.vec3)
    normal: wp.array(dtype=wp.vec3)
    rest: wp.array(dtype=wp.vec3)
    traits: wp.array(dtype=wp.vec4)
    nail_center: wp.array(dtype=wp.vec3)
    nail_frame: wp.array(dtype=wp.mat33)
    taps: wp.array(dtype=wp.vec2)
    tendon_start: wp.array(dtype=wp.vec3)
    tendon_end: wp.array(dtype=wp.vec3)


@wp.func
def tendon_height(s: Surface, rest: wp.vec3) -> float:
    """Ridge over the extensor tendons on the back of the hand, 0 to 1, rising toward the knuckles."""
    height = float(0.0)
    for k in range(s.tendon_start.shape[0]):
        along = s.tendon_end[k] - s.tendon_start[k]
        t = wp.dot(rest - s.tendon_start[k], along) / wp.dot(along, along)
        if t > 0.0 and t < 1.15:
            off = rest - s.tendon_start[k] - along * t
            d2 = wp.dot(off, off)
            if d2 < 1.2e-4:
                swell = wp.min(t * 1.4, 1.0) * wp.min((1.15 - t) * 5.0, 1.0)
                height = wp.max(height, swell * wp.exp(-d2 * 1.1e5))
    return height


@wp.func
def nail_share(s: Surface, rest: wp.vec3, redness: float) -> float:
    """1 on a nail, 0 off it, from the place in rest pose (right hand); nails are only where fingertips are red."""
    share = float(0.0)
    if redness < 0.2:
        return share
    for k in range(5):
        d = rest - s.nail_center[k]
        if wp.dot(d, d) < 2.0e-4:
            local = s.nail_frame[k] * d
            if local[1] > -0.003:
                r = local[0] * local[0] * local[0] * local[0] + local[2] * local[2] * local[2] * local[2]
                share = wp.max(share, wp.clamp((1.0 - r) * 3.0, 0.0, 1.0))
    return share


@wp.func
def relief(s: Surface, rest: wp.vec3, traits: wp.vec4, seed: wp.uint32) -> float:
    """Height of the surface above its mesh: pores, wrinkles over the hinges and tendons, or folds of cloth."""
    if traits[2] > 0.5:
        bent = rest[0] + 0.3 * rest[1] + 0.012 * grain(seed, rest * 25.0)
        folds = grain(seed, wp.vec3(48.0 * bent, 13.0 * rest[1], 13.0 * rest[2]))
        return 0.0042 * folds + 0.00005 * grain(seed, rest * 700.0)
    crease = traits[1]
    nail = nail_share(s, rest, traits[0])
    if nail > 0.5:
        return 0.0004 * nail
    height = 0.00016 * grain(seed, rest * 170.0) + 0.00006 * grain(seed, rest * 560.0)
    if crease < 0.011:
        across = grain(seed, wp.vec3(crease * 650.0 + 3.0, 110.0 * (rest[0] + rest[1] + rest[2]), 0.5))
        height -= 0.00042 * wp.exp(-crease * crease * 4.5e4) * wp.abs(across)
    return height + 0.0004 * nail + 0.0011 * tendon_height(s, rest)


@wp.func
def skin_albedo(skin: Skin, rest: wp.vec3, traits: wp.vec4, nail: float) -> wp.vec3:
    """Diffuse colour with mottling, redder knuckles and fingertips, nails, or the sleeve's cloth."""
    if traits[2] > 0.5:
        return skin.sleeve * (1.0 + 0.05 * grain(skin.seed, rest * 900.0))
    mottle = grain(skin.seed, rest * 60.0) + 0.5 * grain(skin.seed, rest * 210.0)
    red = wp.clamp(traits[0] + 0.22 * mottle, 0.0, 1.0)
    albedo = skin.base * (1.0 - red) + skin.flush * red
    dark = 1.0 + 0.06 * grain(skin.seed, rest * 420.0) - 0.10 * wp.exp(-traits[1] * traits[1] * 6.0e4)
    return albedo * dark * (1.0 - nail) + skin.nail * nail


@wp.func
def wrapped(cosine: float, wrap: float) -> float:
    """Lambert's cosine softened round the edge of the light, as scattering below the skin does."""
    bent = wp.max((cosine + wrap) / (1.0 + wrap), 0.0)
    softness = wrap / (0.35 + wrap)
    return (1.0 - softness) * bent * bent + 0.5 * softness * (bent + wp.max(cosine, 0.0))


@wp.func
def skin_radiance(
    s: Surface,
    skin: Skin,
    lamp: Lamp,
    shadow: wp.array2d(dtype=wp.float32),
    p: wp.vec3,
    n: wp.vec3,
    rest: wp.vec3,
    traits: wp.vec4,
) -> wp.vec3:
    """Light that leaves the surface toward the camera."""
    nail = float(0.0)
    if traits[2] < 0.5:
        nail = nail_share(s, rest, traits[0])
    albedo = skin_albedo(skin, rest, traits, nail)
    to_lamp = wp.normalize(lamp.position - p)
    view = -wp.normalize(p)
    cosine = wp.dot(n, to_lamp)
    lit = lamp_share(lamp, shadow, s.taps, p)
    soft = 1.0 - traits[2]
    # red light travels farthest under the skin (B, G, R)
    diffuse = wp.vec3(wrapped(cosine, 0.06 * soft), wrapped(cosine, 0.12 * soft), wrapped(cosine, 0.34 * soft))
    bleed = wp.vec3(lit, lit, wp.min(lit + 0.10 * soft * lit * (1.0 - lit) * 4.0, 1.0))
    direct = wp.cw_mul(wp.cw_mul(lamp.colour, diffuse), bleed)
    toward_up = 0.5 + 0.5 * wp.dot(n, lamp.up)
    around = (lamp.sky * toward_up + lamp.bounce * (1.0 - toward_up)) * traits[3] * (0.72 + 0.28 * lit)
    half = wp.normalize(to_lamp + view)
    c2 = wp.max(wp.dot(n, half), 0.0)
    c4 = c2 * c2 * c2 * c2
    c16 = c4 * c4 * c4 * c4
    fresnel = 1.0 - wp.max(wp.dot(n, view), 0.0)
    sheen = fresnel * fresnel * fresnel * fresnel * 0.10
    gloss = (0.055 + 0.16 * nail) * c16 * (1.0 + nail * 2.0 * c16 * c16)
    shine = lamp.colour * (gloss * lit * wp.max(cosine * 4.0, 0.0) / (1.0 + wp.max(cosine * 4.0, 0.0)) * soft)
    return wp.cw_mul(albedo, direct + around) + shine + lamp.sky * (sheen * traits[3])


@wp.func
def traits_at(values: wp.array(dtype=wp.vec4), i: wp.vec3i, b: wp.vec3) -> wp.vec4:
    """Traits at barycentric coordinates of a face."""
    return values[i[0]] * b[0] + values[i[1]] * b[1] + values[i[2]] * b[2]


@wp.func
def shade_face(
    s: Surface, skin: Skin, lamp: Lamp, shadow: wp.array2d(dtype=wp.float32), face: int, x: float, y: float
) -> wp.vec3:
    """Radiance of a face at a sample, its normal bent by the relief.

    Mikkelsen, Bump mapping unparametrized surfaces on the GPU (Journal of Graphics Tools 15, 2010).
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
    n = wp.normalize(interpolate(s.normal, i, w))
    rest = interpolate(s.rest, i, w)
    traits = traits_at(s.traits, i, w)
    grazing = wp.clamp(-3.0 * wp.dot(n, wp.normalize(p)) - 0.6, 0.0, 1.0)
    h = relief(s, rest, traits, skin.seed)
    hx = grazing * (relief(s, interpolate(s.rest, i, wx), traits_at(s.traits, i, wx), skin.seed) - h)
    hy = grazing * (relief(s, interpolate(s.rest, i, wy), traits_at(s.traits, i, wy), skin.seed) - h)
    px = interpolate(s.position, i, wx) - p
    py = interpolate(s.position, i, wy) - p
    across = wp.cross(py, n)
    det = wp.dot(px, across)
    bent = wp.abs(det) * n - wp.sign(det) * (hx * across + hy * wp.cross(n, px))
    return skin_radiance(s, skin, lamp, shadow, p, wp.normalize(bent), rest, traits)


@wp.kernel
def paint_surface(
    s: Surface,
    skin: Skin,
    lamp: Lamp,
    shadow: wp.array2d(dtype=wp.float32),
    keys: wp.array2d(dtype=wp.uint64),
    samples: int,
    x0: int,
    y0: int,
    image: wp.array2d(dtype=wp.vec3),
) -> None:
    """Lay the shaded surface over a linear image from (x0, y0) on; neighbouring faces in a pixel are shaded once."""
    y, x = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    last = wp.vec3(0.0, 0.0, 0.0)
    last_face = wp.int32(-1)
    count = float(0.0)
    for j in range(samples):
        for i in range(samples):
            face = face_of_key(keys[y * samples + j, x * samples + i])
            if face >= 0:
                if last_face < 0 or not neighbours(s.faces[face], s.faces[last_face]):
                    last = shade_face(s, skin, lamp, shadow, face, float(x * samples + i), float(y * samples + j))
                    last_face = face
                total += last
                count += 1.0
    if count > 0.0:
        share = 1.0 / float(samples * samples)
        image[y0 + y, x0 + x] = image[y0 + y, x0 + x] * (1.0 - count * share) + total * share


@wp.kernel
def openness(
    position: wp.array(dtype=wp.vec3),
    normal: wp.array(dtype=wp.vec3),
    area: wp.array(dtype=wp.float32),
    traits: wp.array(dtype=wp.vec4),
) -> None:
    """Set each vertex's openness: how little of its sky other vertices cover, as discs that face it.

    Bunnell, Dynamic ambient occlusion and indirect lighting, GPU Gems 2 (2005), one pass.
    """
    i = wp.tid()
    p = position[i]
    n = normal[i]
    covered = float(0.0)
    for j in range(position.shape[0]):
        d = position[j] - p
        d2 = wp.dot(d, d)
        if d2 < 0.0064 and d2 > 1.0e-9:
            toward = wp.dot(n, d)
            if toward > 0.0:
                facing = -wp.dot(normal[j], d)
                if facing > 0.0:
                    covered += area[j] * toward * facing / (d2 * (3.14159 * d2 + area[j]))
    t = traits[i]
    traits[i] = wp.vec4(t[0], t[1], t[2], 1.0 / (1.0 + 1.3 * covered))
