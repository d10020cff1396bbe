"""Metzenbaum, Mayo and iris scissors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from manifold3d import Manifold
from numpy.typing import NDArray

from hoi_perception.instruments.catalogue import ring_handles as rings
from hoi_perception.instruments.catalogue.assembly import design, frame, jaw_joints, link, tip
from hoi_perception.instruments.catalogue.materials import MATT_STEEL, STEEL
from hoi_perception.instruments.catalogue.ring_handles import GAP, Handle
from hoi_perception.instruments.catalogue.shapes import bent, mirrored, skin
from hoi_perception.instruments.design import InstrumentDesign


@dataclass(frozen=True)
class Blades:
    """Two equal blades: reach from the pivot, width and thickness of each where they leave the joint and at the tip."""

    reach: float
    root: tuple[float, float]
    end: tuple[float, float]
    tip_length: float
    """How much of the end is rounded off."""
    bend: float = 0.0
    """How far the tips stand out of the plane."""
    waist: float = 0.0
    """Fraction of the reach after which the blade proper begins; before it the shank narrows."""


@dataclass(frozen=True)
class Scissors:
    """What tells one pair of scissors from another."""

    name: str
    aliases: tuple[str, ...]
    sources: tuple[str, ...]
    blades: Blades
    handle: Handle
    half_height: float
    opening_deg: float


METZENBAUM = Scissors(
    "metzenbaum_scissors",
    ("Metzenbaum dissecting scissors", "metz", "Metzenbaum-Nelson"),
    (
        "Length 7 in, curved: C. Reyes, Basic Surgical Instruments",
        "Here 180 mm; blunt tips: as usually described",
        "Long ratio of shank to blade: as usually described; rings 26 x 20 mm, pivot 74 mm from the tips: typical",
        "Opening 60 degrees: typical of ring-handled scissors",
    ),
    Blades(74.0, (4.6, 2.0), (2.2, 1.0), 3.2, bend=7.0),
    Handle(106.0, (26.0, 20.0), (2.1, 1.75), (2.0, 1.9), (1.9, 1.8), 4.6, bow=0.6),
    1.9,
    30.0,
)
MAYO = Scissors(
    "mayo_scissors",
    ("Mayo dissecting scissors", "suture scissors", "heavy scissors"),
    (
        "Straight, heavy, semi-blunt tips: as usually described; length 170 mm: typical, not checked",
        "Blade width, rings and pivot 74 mm from the tips: typical; opening 60 degrees: typical",
    ),
    Blades(74.0, (7.4, 2.7), (4.2, 1.5), 4.2),
    Handle(96.0, (26.0, 21.0), (2.5, 2.1), (2.5, 2.5), (2.5, 2.3), 5.8, bow=0.8),
    2.5,
    30.0,
)
IRIS = Scissors(
    "iris_scissors",
    ("iris dissecting scissors", "fine scissors"),
    (
        "Fine, sharp tips: as usually described; length 115 mm: typical, not checked",
        "Cutting edge 26 mm, rings 22 x 17 mm: typical; opening 60 degrees: typical",
    ),
    Blades(42.0, (4.2, 1.7), (0.5, 0.5), 0.5),
    Handle(73.0, (23.0, 17.5), (1.7, 1.5), (1.55, 1.6), (1.5, 1.5), 3.6, bow=0.4),
    1.6,
    30.0,
)


def metzenbaum() -> InstrumentDesign:
    """Metzenbaum scissors, 180 mm, curved."""
    return scissors(METZENBAUM)


def mayo() -> InstrumentDesign:
    """Mayo scissors, 170 mm, straight."""
    return scissors(MAYO)


def iris() -> InstrumentDesign:
    """Iris scissors, 115 mm, straight."""
    return scissors(IRIS)


def scissors(kind: Scissors) -> InstrumentDesign:
    """A pair of scissors; the base link is the screw at the pivot."""
    blades, handle = kind.blades, kind.handle
    radius, height = handle.pivot, kind.half_height
    pin = 0.42 * radius
    half = rings.lapped(blade(blades, radius, height), rings.shank(handle), radius, height) - rings.screw_hole(pin)
    left, right = half, mirrored(half)
    if blades.bend:
        left, right = (bent(body, lambda r: _lift(r, blades)) for body in (left, right))
    reach = blades.reach
    cuts = (-handle.length + 6, -handle.length + 16, handle.ring_center[0] + 8, -55, -30, -8, 8, 25, 45, 62)
    links = [
        link("screw", {"screw": (rings.screw(pin, height), MATT_STEEL)}),
        link("jaw_left", {"blade_left": (left, STEEL)}, cuts),
        link("jaw_right", {"blade_right": (right, STEEL)}, cuts),
    ]
    end = float(_lift(np.array([reach]), blades)[0]) if blades.bend else 0.0
    y = 0.5 * blades.end[0] * 0.2
    pitch = -float(np.degrees(np.arctan2(2.0 * blades.bend, 0.72 * reach)))
    return design(
        kind.name,
        "scissors",
        links,
        jaw_joints(kind.opening_deg, base="screw"),
        aliases=kind.aliases,
        sources=kind.sources,
        frames=(
            tip("tip_left", "jaw_left", (reach, -y, end), (0, pitch, 0)),
            tip("tip_right", "jaw_right", (reach, y, end), (0, pitch, 0)),
            frame("pivot", "screw", (0, 0, 0)),
        ),
        regions=rings.ring_regions(handle),
        grasps=(rings.ring_grasp(handle),),
    )


def blade(blades: Blades, radius: float, height: float) -> Manifold:
    """The left blade: flat inner face above the middle plane, rounded back, edge at -y."""
    x = np.concatenate([np.linspace(0.0, 0.3, 9), np.linspace(0.36, 0.9, 16), np.linspace(0.92, 1.0, 9)]) * blades.reach
    share = np.clip(x / blades.reach, 0.0, 1.0)
    width = blades.root[0] + (blades.end[0] - blades.root[0]) * share
    width += (1.74 * radius - blades.root[0]) * np.exp(-((x / (1.15 * radius)) ** 2))
    thick = blades.root[1] + (blades.end[1] - blades.root[1]) * share
    near = np.clip((x - 0.6 * radius) / (1.6 * radius), 0.0, 1.0) ** 2
    near = near * (3.0 - 2.0 * near)
    thick = height + (np.minimum(thick, height) - height) * near
    tip_share = np.clip((blades.reach - x) / blades.tip_length, 0.0, 1.0)
    round_off = np.sqrt(np.maximum(1.0 - (1.0 - tip_share) ** 2, 0.004))
    spine = 0.5 * width * round_off
    edge = -0.5 * width * (0.82 + 0.18 * (1 - near)) * np.sqrt(np.maximum(1.0 - (1.0 - tip_share) ** 3, 0.004))
    return _profiled(x, spine, edge, thick * (0.35 + 0.65 * round_off))


def _profiled(
    x: Float[NDArray[np.float64], " n"],
    spine: Float[NDArray[np.float64], " n"],
    edge: Float[NDArray[np.float64], " n"],
    thick: Float[NDArray[np.float64], " n"],
) -> Manifold:
    width, z0 = spine - edge, 0.5 * GAP
    corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.45), (0.93, 0.75), (0.78, 0.95), (0.6, 1.0), (0.42, 0.93), (0.25, 0.7)]
    corners += [(0.1, 0.36), (0.0, 0.03)]
    rows = [np.stack([x, edge + a * width, z0 + b * (thick - z0)], axis=1) for a, b in corners]
    return skin(np.stack(rows, axis=1))


def _lift(r: Float[NDArray[np.float64], " n"], blades: Blades) -> Float[NDArray[np.float64], " n"]:
    """Height of the curved blades at a distance from the pivot: an arc over the last 72 % of the reach."""
    start = 0.28 * blades.reach
    return np.asarray(blades.bend * (np.maximum(r - start, 0.0) / (blades.reach - start)) ** 2)
