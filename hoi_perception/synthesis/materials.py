"""Materials of dressed hands and instruments for the shader."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import warp as wp

from hoi_perception.kernels import patches as kernels
from hoi_perception.synthesis.look import Colour, Cover, Dress, MetalLook
from hoi_perception.synthesis.metalware import Finish

_TONES: tuple[tuple[Colour, Colour], ...] = (
    ((0.36, 0.46, 0.70), (0.25, 0.28, 0.60)),
    ((0.28, 0.38, 0.62), (0.19, 0.23, 0.52)),
    ((0.17, 0.27, 0.49), (0.12, 0.17, 0.40)),
    ((0.09, 0.15, 0.29), (0.08, 0.11, 0.25)),
    ((0.045, 0.075, 0.15), (0.045, 0.06, 0.14)),
)
"""Skin and flushed skin (linear BGR) from fair to dark."""
_GLOVES: dict[Cover, tuple[Colour, float, float]] = {
    Cover.WHITE: ((0.66, 0.72, 0.74), 0.50, 0.03),
    Cover.YELLOW: ((0.40, 0.58, 0.70), 0.42, 0.035),
    Cover.BLUE: ((0.52, 0.26, 0.08), 0.38, 0.035),
    Cover.GREEN: ((0.30, 0.36, 0.06), 0.40, 0.035),
}
"""Colour, roughness and reflectance of a glove's rubber."""


def skin_tone(tone: float) -> tuple[Colour, Colour]:
    """Skin and flushed skin of a tone from 0 (fair) to 1 (dark)."""
    place = min(max(tone, 0.0), 1.0) * (len(_TONES) - 1)
    low = min(int(place), len(_TONES) - 2)
    share = place - low
    mixed = [
        tuple((1.0 - share) * a + share * b for a, b in zip(_TONES[low][k], _TONES[low + 1][k], strict=True))
        for k in (0, 1)
    ]
    return (mixed[0][0], mixed[0][1], mixed[0][2]), (mixed[1][0], mixed[1][1], mixed[1][2])


@lru_cache(maxsize=32)
def limb_materials(dress: Dress, number: int) -> tuple[Any, ...]:
    """Hand, bare arm, sleeve and cuff, in the order of the slots of `limb`; `number` is the hand's in the scene."""
    rng = np.random.default_rng([dress.seed, 11])
    shift = rng.uniform(0.0, 1.0, 3)
    base, flush = skin_tone(dress.tone)
    pale = [0.45 * b + 0.55 * f + 0.08 * (1.1 - dress.tone) for b, f in zip(base, flush, strict=True)]
    skin = _material(kernels.SKIN, base, flush, 0.55, 0.028, dress.wrinkles, shift)
    skin.nail, skin.wet, skin.blood, skin.nails = wp.vec3(*pale), dress.wet, dress.blood, 5 * number
    arm = _material(kernels.SKIN, base, flush, 0.55, 0.028, dress.wrinkles, shift)
    arm.nails, arm.wet = -1, 0.0
    sleeve = dress.sleeve or (0.5, 0.5, 0.5)
    cloth = _material(kernels.CLOTH, sleeve, (0.0, 0.0, 0.0), 0.9, 0.02, 1.0, shift)
    knit = (0.62, 0.63, 0.62) if rng.random() < 0.6 else sleeve
    cuff = _material(kernels.CLOTH, knit, (1.0, 1.0, 1.0), 0.9, 0.02, 0.35, shift)
    cloth.blood = 0.5 * dress.blood
    if not dress.cover.gloved:
        return skin, arm, cloth, cuff
    colour, rough, gloss = _GLOVES[dress.cover]
    varied = [c * float(v) for c, v in zip(colour, rng.uniform(0.85, 1.12) * rng.uniform(0.93, 1.07, 3), strict=True)]
    glove = _material(kernels.GLOVE, (varied[0], varied[1], varied[2]), base, rough, gloss, dress.wrinkles, shift)
    glove.rough = rough * float(rng.uniform(0.8, 1.35))
    under = np.array(base) / max(base)
    glove.second = wp.vec3(*(0.45 + 0.55 * under))
    glove.wet, glove.blood, glove.nails = dress.wet, dress.blood, -1
    return glove, arm, cloth, cuff


@lru_cache(maxsize=128)
def metal_materials(finishes: tuple[Finish, ...], look: MetalLook, number: int) -> tuple[Any, ...]:
    """One material for each finish of an instrument."""
    rng = np.random.default_rng([number, 12])
    shift = rng.uniform(0.0, 1.0, 3)
    made = []
    for finish in finishes:
        b, g, r = finish.colour
        match finish.finish:
            case "polished":
                m = _material(kernels.METAL, (b, g, r), finish.colour, 0.10 + look.roughness, 1.0, look.wear, shift)
            case "matt":
                m = _material(kernels.METAL, (b, g, r), finish.colour, 0.42 + look.roughness, 1.0, look.wear, shift)
            case "rubber":
                m = _material(kernels.PLASTIC, (b, g, r), finish.colour, 0.6, 0.03, 0.5, shift)
            case "clear":
                pale = (0.5 * b, 0.5 * g, 0.5 * r)
                m = _material(kernels.PLASTIC, pale, finish.colour, 0.08, 0.09, 0.2, shift)
            case _:
                m = _material(kernels.PLASTIC, (b, g, r), finish.colour, 0.30, 0.04, 0.4, shift)
        m.wet, m.blood, m.nails = look.wet, look.blood, -1
        made.append(m)
    return tuple(made)


def _material(kind: int, base: Colour, second: Colour, rough: float, gloss: float, relief: float, shift: Any) -> Any:
    out = kernels.Material()
    out.kind, out.rough, out.gloss, out.relief = kind, rough, gloss, relief
    out.base, out.second = wp.vec3(*base), wp.vec3(*second)
    out.shift = wp.vec3(*shift)
    out.nails = -1
    return out
