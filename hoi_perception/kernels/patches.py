"""Surfaces of dressed hands and instruments for Warp kernels: colour, shine and relief of a point.

Colours are linear, blue first; lengths are metres, positions are in the camera's optical frame.
"""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.noise_volume import gradient, noise_at

SKIN, GLOVE, CLOTH, METAL, PLASTIC = 0, 1, 2, 3, 4


@wp.struct
class Material:
    """How a body looks.

    `base` is the diffuse albedo (of metal: what it mirrors), `second` the flushed skin, the skin that shines through a
    glove, the thread of cloth. `rough` and `gloss` (reflectance at normal incidence) shape the shine. `wet` and
    `blood` (0 to 1) are how much of it is so. `nails` is the first of the hand's five nails, -1 where there are none;
    `shift` moves the texture.
    """

    kind: int
    base: wp.vec3
    second: wp.vec3
    nail: wp.vec3
    rough: float
    gloss: float
    relief: float
    wet: float
    blood: float
    nails: int
    shift: wp.vec3


@wp.struct
class Bodies:
    """Triangles of all bodies.

    `corner_normal` indexes `normal`. `place` positions the texture (m). `traits` of a vertex: redness, distance to the
    nearest crease across a finger (m), how far up the arm (m), share of blood. `later` is how far it moves on the
    screen (px) while the shutter is open.
    """

    faces: wp.array(dtype=wp.vec3i)
    corner_normal: wp.array(dtype=wp.vec3i)
    material: wp.array(dtype=wp.int32)
    screen: wp.array(dtype=wp.vec3)
    later: wp.array(dtype=wp.vec2)
    position: wp.array(dtype=wp.vec3)
    normal: wp.array(dtype=wp.vec3)
    place: wp.array(dtype=wp.vec3)
    traits: wp.array(dtype=wp.vec4)
    materials: wp.array(dtype=Material)
    nail_center: wp.array(dtype=wp.vec3)
    nail_frame: wp.array(dtype=wp.mat33)
    tendon_start: wp.array(dtype=wp.vec3)
    tendon_end: wp.array(dtype=wp.vec3)


@wp.struct
class Patch:
    """A point of a surface: colour, shine and the gradient of its relief along the texture's axes."""

    albedo: wp.vec3
    bend: wp.vec3
    rough: float
    gloss: float
    wrap: float
    coat: float


@wp.func
def traits_at(values: wp.array(dtype=wp.vec4), i: wp.vec3i, b: wp.vec3) -> wp.vec4:
    """Traits at barycentric coordinates of a face."""
    return values[i[0]] * b[0] + values[i[1]] * b[1] + values[i[2]] * b[2]


@wp.func
def nail_share(s: Bodies, first: int, rest: wp.vec3, redness: float) -> float:
    """1 on a nail, 0 off it; nails are only where fingertips are red."""
    share = float(0.0)
    if first < 0 or redness < 0.2:
        return share
    for k in range(5):
        d = rest - s.nail_center[first + k]
        if wp.dot(d, d) < 2.0e-4:
            local = s.nail_frame[first + k] * d
            if local[1] > -0.003:
                r = local[0] * local[0] * local[0] * local[0] + local[2] * local[2] * local[2] * local[2]
                share = wp.max(share, wp.clamp((1.0 - r) * 3.0, 0.0, 1.0))
    return share


@wp.func
def tendon_bend(s: Bodies, first: int, rest: wp.vec3) -> wp.vec3:
    """Gradient of the ridges over the extensor tendons."""
    bend = wp.vec3(0.0, 0.0, 0.0)
    start = (first / 5) * 4
    for k in range(4):
        along = s.tendon_end[start + k] - s.tendon_start[start + k]
        t = wp.dot(rest - s.tendon_start[start + k], along) / wp.dot(along, along)
        if t > 0.0 and t < 1.15:
            off = rest - s.tendon_start[start + k] - along * t
            d2 = wp.dot(off, off)
            if d2 < 1.2e-4:
                swell = wp.min(t * 1.4, 1.0) * wp.min((1.15 - t) * 5.0, 1.0)
                bend = bend - off * (2.0 * 1.1e5 * 0.0010 * swell * wp.exp(-d2 * 1.1e5))
    return bend


@wp.func
def skin_patch(s: Bodies, m: Material, noise: wp.array3d(dtype=wp.vec4), rest: wp.vec3, traits: wp.vec4) -> Patch:
    """Bare skin: mottled, redder at knuckles and tips, with pores, creases over the hinges, tendons and nails."""
    p = Patch()
    q = rest + m.shift
    coarse = noise_at(noise, q * 190.0)
    fine = noise_at(noise, q * 1500.0)
    nail = nail_share(s, m.nails, rest, traits[0])
    red = wp.clamp(traits[0] + 0.26 * coarse[0] + 0.05 * fine[0], 0.0, 1.0)
    crease = wp.exp(-traits[1] * traits[1] * 6.0e4)
    dark = 1.0 + 0.07 * fine[0] - 0.24 * crease * (0.6 + 0.4 * coarse[0])
    skin = (m.base * (1.0 - red) + m.second * red) * dark
    p.albedo = skin * (1.0 - nail) + m.nail * nail
    p.bend = (gradient(coarse) * (190.0 * 0.00022) + gradient(fine) * (1500.0 * 0.000045)) * ((1.0 - nail) * m.relief)
    if traits[1] < 0.012:
        lines = noise_at(noise, wp.vec3(q[0] * 1900.0, q[1] * 260.0, q[2] * 260.0))
        p.bend = p.bend + wp.vec3(lines[1] * 1900.0, lines[2] * 260.0, lines[3] * 260.0) * (0.00026 * crease * m.relief)
    if m.nails >= 0:
        p.bend = p.bend + tendon_bend(s, m.nails, rest) * m.relief
    p.rough = 0.55 - 0.22 * nail - 0.25 * m.wet
    p.gloss = 0.028 + 0.02 * nail + 0.01 * m.wet
    p.wrap = 1.0
    p.coat = m.wet * wp.clamp(0.6 + 1.4 * coarse[0], 0.0, 1.0)
    return p


@wp.func
def glove_patch(m: Material, noise: wp.array3d(dtype=wp.vec4), rest: wp.vec3, traits: wp.vec4) -> Patch:
    """A thin rubber glove: folds over the hinges and at the wrist, skin that shines through where it is tight."""
    p = Patch()
    q = rest + m.shift
    bent = noise_at(noise, q * 75.0)
    swirl = q + wp.vec3(bent[1], bent[2], bent[3]) * 0.009
    broad = noise_at(noise, swirl * 130.0)
    at_hinge = wp.exp(-traits[1] * traits[1] * 1.4e4)
    at_wrist = wp.clamp(traits[2] * 26.0 + 0.35, 0.0, 1.0)
    loose = wp.clamp(0.28 + 0.85 * at_hinge + 0.75 * at_wrist + 0.55 * bent[0], 0.08, 1.4)
    across = wp.vec3(swirl[0] * 720.0, swirl[1] * 190.0, swirl[2] * 190.0)
    fold = noise_at(noise, across)
    ridge = wp.exp(-fold[0] * fold[0] * 5.0)
    slope = -10.0 * fold[0] * ridge * 0.00034 * loose
    p.bend = wp.vec3(fold[1] * 720.0, fold[2] * 190.0, fold[3] * 190.0) * slope
    p.bend = (p.bend + gradient(broad) * (130.0 * 0.0008 * loose)) * m.relief
    tight = wp.clamp(1.0 - 1.2 * loose + 0.6 * traits[0] + 0.5 * broad[0], 0.0, 1.0)
    p.albedo = m.base * (1.0 - 0.42 * tight) + wp.cw_mul(m.base, m.second) * (0.42 * tight * 1.35)
    p.albedo = p.albedo * (1.0 - 0.16 * ridge * wp.min(loose, 1.0))
    p.rough = m.rough
    p.gloss = m.gloss
    p.wrap = 0.55
    p.coat = m.wet * wp.clamp(0.5 + 1.6 * bent[0], 0.0, 1.0)
    return p


@wp.func
def cloth_patch(m: Material, noise: wp.array3d(dtype=wp.vec4), rest: wp.vec3) -> Patch:
    """A gown's sleeve or a knitted cuff: broad folds, a weave."""
    p = Patch()
    q = rest + m.shift
    folds = noise_at(noise, wp.vec3(q[0] * 95.0 + 25.0 * q[1], q[1] * 34.0, q[2] * 34.0))
    small = noise_at(noise, wp.vec3(q[0] * 260.0, q[1] * 120.0, q[2] * 120.0))
    weave = noise_at(noise, q * 2600.0)
    p.bend = wp.vec3(folds[1] * 95.0, folds[2] * 34.0, folds[3] * 34.0) * (0.0052 * m.relief)
    p.bend = p.bend + wp.vec3(small[1] * 260.0, small[2] * 120.0, small[3] * 120.0) * (0.0006 * m.relief)
    p.albedo = m.base * (1.0 + 0.10 * weave[0] + 0.07 * folds[0])
    if m.second[0] > 0.0:  # knitted: ribs along the arm
        rib = wp.sin((wp.atan2(rest[2], rest[1] + 0.002)) * 90.0)
        p.albedo = p.albedo * (1.0 + 0.22 * rib)
    p.rough = 0.9
    p.gloss = 0.02
    p.wrap = 0.2
    p.coat = 0.0
    return p


@wp.func
def hard_patch(m: Material, noise: wp.array3d(dtype=wp.vec4), rest: wp.vec3) -> Patch:
    """Steel or plastic: nearly smooth, with fine scratches and smears."""
    p = Patch()
    q = rest + m.shift
    smear = noise_at(noise, q * 240.0)
    brushed = noise_at(noise, wp.vec3(q[0] * 900.0, q[1] * 5200.0, q[2] * 900.0))
    p.albedo = m.base
    p.bend = gradient(smear) * (240.0 * 0.00006 * m.relief) + gradient(brushed) * (0.018 * m.relief * m.rough)
    p.rough = wp.clamp(m.rough + 0.10 * smear[0] * m.relief, 0.0, 1.0)
    p.gloss = m.gloss
    p.wrap = 0.0
    p.coat = m.wet * 0.5
    return p


@wp.func
def bloodied(m: Material, noise: wp.array3d(dtype=wp.vec4), patch: Patch, rest: wp.vec3, share: float) -> Patch:
    """The patch with blood on it: dark and glossy where thick, a red smear round it."""
    stain = noise_at(noise, (rest + m.shift) * 160.0)
    fine = noise_at(noise, (rest + m.shift) * 620.0)
    thick = wp.clamp((stain[0] + 0.35 * fine[0] + 2.2 * m.blood * share - 0.75) * 3.0, 0.0, 1.0)
    thin = wp.clamp((stain[0] + 2.6 * m.blood * share - 0.55) * 1.2, 0.0, 1.0)
    out = patch
    smear = wp.cw_mul(patch.albedo, wp.vec3(0.30, 0.26, 0.88))
    out.albedo = patch.albedo * (1.0 - 0.8 * thin) + smear * (0.8 * thin)
    out.albedo = out.albedo * (1.0 - thick) + wp.vec3(0.012, 0.010, 0.20) * thick
    out.rough = patch.rough * (1.0 - 0.6 * thick)
    out.gloss = wp.max(patch.gloss * (1.0 - 0.5 * thick), 0.035 * thick)
    out.coat = wp.max(patch.coat, 0.8 * thick)
    return out
