"""Random looks of scenes: people, gloves, grounds, lights, cameras' sensors."""

from __future__ import annotations

import numpy as np

from hoi_perception.synthesis.look import (
    Colour,
    Cover,
    Dress,
    GroundKind,
    GroundLook,
    LightLook,
    MetalLook,
    Optics,
    SceneLook,
    SensorLook,
)

_GREENS: tuple[Colour, ...] = ((0.150, 0.155, 0.022), (0.20, 0.26, 0.05), (0.13, 0.24, 0.035), (0.30, 0.40, 0.19))
_BLUES: tuple[Colour, ...] = ((0.36, 0.19, 0.045), (0.52, 0.33, 0.11), (0.28, 0.12, 0.03), (0.60, 0.47, 0.27))
_WHITES: tuple[Colour, ...] = ((0.68, 0.68, 0.66), (0.60, 0.61, 0.62), (0.74, 0.72, 0.66))
_TABLES: tuple[Colour, ...] = (
    (0.66, 0.68, 0.70),
    (0.12, 0.22, 0.36),
    (0.30, 0.31, 0.32),
    (0.05, 0.05, 0.055),
    (0.2, 0.4, 0.6),
)
_GOWNS: tuple[Colour, ...] = (
    (0.42, 0.29, 0.13),
    (0.50, 0.30, 0.08),
    (0.36, 0.34, 0.16),
    (0.14, 0.20, 0.04),
    (0.62, 0.60, 0.58),
)
_GLOVE_SHARES = {Cover.WHITE: 0.32, Cover.YELLOW: 0.24, Cover.BLUE: 0.27, Cover.GREEN: 0.17}


def random_look(rng: np.random.Generator, hands: int, optics: Optics, *, gloved: float) -> SceneLook:
    """A look for so many hands; `gloved` is the probability of gloves."""
    ground = _ground(rng, optics)
    first = _dress(rng, gloved, bloody=ground.blood > 0.0 or ground.kind in (GroundKind.WOUND, GroundKind.TISSUE))
    dress = tuple(first if k < 2 and rng.random() < 0.95 else _dress(rng, gloved, bloody=False) for k in range(hands))
    metal = MetalLook(
        roughness=float(rng.uniform(0.0, 0.18)),
        wear=float(rng.uniform(0.4, 2.0)),
        wet=float(rng.choice([0.0, 0.8], p=[0.75, 0.25])),
        blood=float(rng.uniform(0.2, 0.8)) if first.blood > 0.0 and rng.random() < 0.6 else 0.0,
    )
    return SceneLook(dress or (Dress(),), ground, _light(rng, optics), metal, _sensor(rng, optics))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _varied(rng: np.random.Generator, colours: tuple[Colour, ...], amount: float = 0.12) -> Colour:
    colour = colours[int(rng.integers(len(colours)))]
    b, g, r = (
        float(np.clip(c * v, 0.005, 0.85)) for c, v in zip(colour, rng.uniform(1 - amount, 1 + amount, 3), strict=True)
    )
    return b, g, r


def _dress(rng: np.random.Generator, gloved: float, *, bloody: bool) -> Dress:
    covers = list(_GLOVE_SHARES)
    wears = rng.random() < gloved
    cover = covers[int(rng.choice(len(covers), p=list(_GLOVE_SHARES.values())))] if wears else Cover.BARE
    blood = float(rng.uniform(0.15, 0.85)) if rng.random() < (0.5 if bloody and wears else 0.03) else 0.0
    wet = float(rng.uniform(0.3, 1.0)) if blood > 0.0 or rng.random() < 0.15 else 0.0
    bare_arm = rng.random() < (0.05 if wears else 0.5)
    return Dress(
        cover=cover,
        tone=float(rng.beta(1.1, 1.6)),
        wet=wet,
        blood=blood,
        sleeve=None if bare_arm else _varied(rng, _GOWNS),
        wrinkles=float(rng.uniform(0.6, 1.5)),
        seed=_seed(rng),
    )


def _ground(rng: np.random.Generator, optics: Optics) -> GroundLook:
    kinds = [GroundKind.DRAPE, GroundKind.WOUND, GroundKind.TISSUE, GroundKind.TRAY, GroundKind.TABLE]
    shares = {
        Optics.ROOM: (0.42, 0.16, 0.0, 0.16, 0.26),
        Optics.OVERHEAD: (0.38, 0.36, 0.0, 0.16, 0.10),
        Optics.EXOSCOPE: (0.32, 0.54, 0.04, 0.06, 0.04),
        Optics.ENDOSCOPE: (0.25, 0.20, 0.45, 0.0, 0.10),
    }[optics]
    kind = kinds[int(rng.choice(5, p=shares))]
    family = (_GREENS, _BLUES, _WHITES)[int(rng.choice(3, p=(0.45, 0.40, 0.15)))]
    if kind is GroundKind.TABLE:
        family = _TABLES
    if kind is GroundKind.TISSUE:
        family = ((0.06, 0.06, 0.30),)
    surgical = kind in (GroundKind.WOUND, GroundKind.TISSUE)
    return GroundLook(
        kind=kind,
        colour=_varied(rng, family),
        folds=float(rng.uniform(0.3, 1.6)),
        blood=float(rng.uniform(0.1, 0.8)) if rng.random() < (0.5 if surgical else 0.15) else 0.0,
        clutter=0 if kind is GroundKind.TISSUE else int(rng.integers(0, 6)),
        seed=_seed(rng),
    )


def _light(rng: np.random.Generator, optics: Optics) -> LightLook:
    warm = rng.uniform(-0.06, 0.10)
    colour = (1.0 - warm, 1.0, 1.0 + warm)
    if optics is Optics.ENDOSCOPE:
        return LightLook(
            radius=0.006, colour=colour, power=1.3, ambient=0.10, at_camera=True, pool=0.0, seed=_seed(rng)
        )
    soft = rng.random() < 0.45
    return LightLook(
        azimuth=float(rng.uniform(-np.pi, np.pi)),
        elevation=float(rng.uniform(0.75, 1.45)),
        distance=float(rng.uniform(0.8, 1.4)),
        radius=float(rng.uniform(0.15, 0.40) if soft else rng.uniform(0.03, 0.15)),
        colour=colour,
        power=float(rng.uniform(0.5, 0.9) if soft else rng.uniform(0.8, 1.6)),
        ambient=float(rng.uniform(0.35, 0.7) if soft else rng.uniform(0.15, 0.5)),
        pool=float(rng.choice([0.0, 0.25, 0.5])),
        seed=_seed(rng),
    )


def _sensor(rng: np.random.Generator, optics: Optics) -> SensorLook:
    inside = optics is Optics.ENDOSCOPE
    noisy = rng.random() < 0.3
    return SensorLook(
        exposure=float(np.exp(rng.normal(0.0, 0.20))),
        temperature=float(rng.normal(0.0, 0.28)),
        tint=float(rng.normal(0.0, 0.25)),
        saturation=float(rng.uniform(0.75, 1.2)),
        contrast=float(rng.uniform(0.0, 0.55)),
        vignette=float(rng.uniform(0.0, 0.22) + 0.1 * inside),
        read=float(rng.uniform(0.004, 0.012) if noisy else rng.uniform(0.001, 0.004)),
        shot=float(rng.uniform(0.0003, 0.0012) if noisy else rng.uniform(0.00003, 0.0003)),
        softness=float(rng.uniform(0.3, 0.9) if rng.random() < 0.8 else rng.uniform(0.9, 1.8)),
        sharpening=float(rng.choice([0.0, 0.3, 0.8], p=[0.45, 0.35, 0.20])),
        aperture=float(
            {Optics.EXOSCOPE: rng.uniform(1.0, 7.0), Optics.OVERHEAD: rng.uniform(0.0, 3.0)}.get(optics, 0.0)
        ),
        glow=float(rng.uniform(0.01, 0.08)),
        haze=float(rng.choice([0.0, 0.02, 0.06], p=[0.6, 0.25, 0.15])),
        quality=int(rng.choice([0, 90, 70, 40, 22], p=[0.25, 0.25, 0.25, 0.15, 0.10])),
        disc=float(rng.uniform(0.88, 1.12)) if inside and rng.random() < 0.75 else 0.0,
        shutter=float(rng.uniform(0.15, 0.8)),
        seed=_seed(rng),
    )
