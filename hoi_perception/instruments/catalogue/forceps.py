"""Thumb forceps: Adson tissue forceps, DeBakey forceps, micro-tweezers.

The spring of the arms is described as a hinge where they leave the weld at the rear; the base link is the weld, x runs
to the tips, and arms open in the plane of x and y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from hoi_perception.instruments.catalogue.assembly import design, frame, jaw_joints, link, region, tip
from hoi_perception.instruments.catalogue.holding import held
from hoi_perception.instruments.catalogue.materials import MATT_STEEL, STEEL
from hoi_perception.instruments.catalogue.ring_handles import GAP
from hoi_perception.instruments.catalogue.shapes import box, mirrored, plate, rod, skin, spline, union, wedges
from hoi_perception.instruments.design import InstrumentDesign, Material


@dataclass(frozen=True)
class Forceps:
    """What tells one pair of forceps from another, in mm."""

    name: str
    aliases: tuple[str, ...]
    sources: tuple[str, ...]
    length: float
    hinge: float
    """Where the arms leave the weld, from the rear end."""
    arm: tuple[tuple[float, float, float, float], ...]
    """Knots of the left arm when closed: x from the hinge, y of its inner face, thickness in y, half width in z."""
    opening_deg: float
    """Half the angle between the arms at rest."""
    grip: tuple[float, float]
    """Where thumb and fingers hold, x from the hinge."""
    ridges: tuple[float, float]
    """Pitch of the grooves outside the grip, and their depth."""
    material: Material = STEEL
    weld_height: float = 3.5


ADSON = Forceps(
    "adson_forceps",
    ("Adson tissue forceps", "Adson toothed forceps", "rat-tooth Adson", "pickups"),
    (
        "Length 120 mm, 1 x 2 teeth: King, Bewes, Cairns and Thornton, Primary Surgery vol. 1",
        "Grip 11 mm wide, narrow part 30 mm, arms 1.3 mm thick, tips 10 mm apart at rest: typical",
    ),
    120.0,
    7.0,
    (
        (0.0, 0.0, 1.5, 3.6),
        (8.0, 0.7, 1.3, 4.6),
        (28.0, 2.6, 1.3, 5.6),
        (50.0, 3.6, 1.3, 5.6),
        (66.0, 3.5, 1.35, 5.0),
        (76.0, 2.8, 1.4, 2.6),
        (84.0, 2.0, 1.4, 1.5),
        (100.0, 0.6, 1.3, 1.15),
        (108.0, 0.0, 1.2, 1.0),
        (113.0, 0.0, 0.75, 0.8),
    ),
    2.6,
    (34.0, 66.0),
    (1.6, 0.28),
)
DEBAKEY = Forceps(
    "debakey_forceps",
    ("DeBakey atraumatic forceps", "DeBakey vascular forceps", "pickups"),
    (
        "Two rows of fine teeth on one jaw, one row between them on the other: operativereview.com",
        "Length 200 mm (8 in), jaws 2 mm: typical",
        "Rows 30 mm long with teeth every 0.5 mm, arms 1.4 mm thick, tips 16 mm apart at rest: typical",
    ),
    200.0,
    12.0,
    (
        (0.0, 0.0, 1.6, 3.6),
        (14.0, 1.2, 1.4, 4.4),
        (45.0, 4.0, 1.4, 5.0),
        (80.0, 5.4, 1.4, 5.0),
        (104.0, 5.4, 1.5, 4.2),
        (124.0, 4.4, 1.7, 2.4),
        (146.0, 2.2, 1.7, 1.5),
        (157.0, 0.6, 1.6, 1.15),
        (164.0, 0.0, 1.5, 1.05),
        (188.0, 0.0, 1.2, 0.95),
    ),
    2.4,
    (64.0, 106.0),
    (1.8, 0.28),
)
MICRO = Forceps(
    "micro_tweezers",
    ("micro-tweezers", "watchmaker's forceps", "jeweller's forceps", "no. 5 tweezers"),
    (
        "Straight, fine tips of 0.1 x 0.06 mm, 110 mm long: typical of no. 5 tweezers",
        "Arms 9 mm wide at the rear third, tips 8 mm apart at rest: typical",
    ),
    110.0,
    6.0,
    (
        (0.0, 0.0, 1.3, 3.4),
        (8.0, 0.7, 1.1, 4.2),
        (24.0, 2.2, 1.1, 4.5),
        (44.0, 3.0, 1.15, 4.0),
        (62.0, 2.9, 1.3, 3.0),
        (78.0, 1.9, 1.5, 2.0),
        (90.0, 0.9, 1.25, 1.2),
        (97.0, 0.25, 0.8, 0.65),
        (100.5, 0.0, 0.45, 0.3),
        (104.0, 0.0, 0.06, 0.05),
    ),
    2.2,
    (36.0, 64.0),
    (1.2, 0.15),
    MATT_STEEL,
    3.2,
)


def adson() -> InstrumentDesign:
    """Adson tissue forceps, 120 mm, one tooth on two."""
    kind = ADSON
    reach = kind.length - kind.hinge
    arm = _ridged(kind, _arm(kind))
    rear = wedges(np.arange(reach - 4.2, reach - 1.6, 0.6), (-0.6, 0.0), (-2, 2), 0.5, 0.12)
    arm = arm - rear
    tooth = _tooth(reach, 0.0)
    two = _tooth(reach, 0.52) + _tooth(reach, -0.52)
    room = box((reach - 1.3, reach + 1.0), (-0.5, 0.64), (-0.22, 0.22))
    single = (
        arm
        - box((reach - 1.3, reach + 1.0), (-0.5, 0.64), (0.22, 2))
        - box((reach - 1.3, reach + 1.0), (-0.5, 0.64), (-2, -0.22))
    )
    return _forceps(kind, single + tooth, mirrored((arm - room) + two))


def debakey() -> InstrumentDesign:
    """DeBakey forceps, 200 mm, with atraumatic rows."""
    kind = DEBAKEY
    reach = kind.length - kind.hinge
    arm = _ridged(kind, _arm(kind))
    x = (reach - 30.0, reach - 0.8)
    groove = box(x, (-0.5, 0.26), (-0.24, 0.24))
    teeth = np.arange(x[0] + 0.4, x[1], 0.5)
    rail = box(x, (-0.2, 0.4), (-0.18, 0.18)) - wedges(teeth, (-0.6, -0.2), (-0.5, 0.5), 0.4, 0.16)
    double = (arm - groove) - wedges(teeth, (-0.6, 0.0), (-2, 2), 0.4, 0.16)
    return _forceps(kind, double, mirrored(arm + rail))


def micro_tweezers() -> InstrumentDesign:
    """Straight micro-tweezers with fine tips, 110 mm."""
    return plain(MICRO)


def plain(kind: Forceps) -> InstrumentDesign:
    """Forceps whose tips are smooth."""
    arm = _ridged(kind, _arm(kind))
    return _forceps(kind, arm, mirrored(arm))


def _arm(kind: Forceps) -> Manifold:
    """The left arm about its own hinge: a springy strip whose end at the hinge is round."""
    thickness = kind.arm[0][2]
    rows = spline(np.array(kind.arm), 56)
    rows[0] = kind.arm[0]
    unit = np.array([(0, -1), (0, 1), (0.55, 1), (0.85, 0.88), (1, 0.6), (1, -0.6), (0.85, -0.88), (0.55, -1)])
    sections = []
    for x, inner, thick, half in rows:
        inner = max(inner, 0.0) + 0.5 * GAP
        thick = max(thick - 0.5 * GAP, 0.02)
        y = inner - 0.5 * thickness + unit[:, 0] * thick
        sections.append(np.column_stack([np.full(8, x), y, unit[:, 1] * max(half, 0.03)]))
    strip = skin(np.array(sections))
    half = kind.arm[0][3]
    knuckle = rod((0, 0, -half), (0, 0, half), 0.5 * (thickness - GAP), n=24)
    return (strip + knuckle).translate([0.0, 0.5 * thickness, 0.0])


def _ridged(kind: Forceps, arm: Manifold) -> Manifold:
    """The arm with grooves across the outside of its grip."""
    first, last = kind.grip
    pitch, depth = kind.ridges
    x, inner, thick = (np.array([row[k] for row in kind.arm]) for k in range(3))
    grooves = []
    for at in np.arange(first, last, pitch):
        outer = float(np.interp(at, x, inner + thick))
        slope = float(np.degrees(np.arctan2(np.interp(at + 1, x, inner + thick) - outer, 1.0)))
        groove = box((-0.32, 0.32), (-0.32, 0.32), (-9, 9)).rotate([0.0, 0.0, 45.0 + slope])
        grooves.append(groove.translate([at, outer + 0.42 - depth, 0.0]))
    return arm - union(grooves)


def _tooth(reach: float, z: float) -> Manifold:
    """A pointed tooth at the tip that reaches over the middle plane."""
    outline = np.array([(reach - 1.15, 0.35), (reach - 0.75, -0.55), (reach - 0.15, 0.12), (reach - 0.1, 0.5)])
    return plate(outline, (z - 0.2, z + 0.2))


def _forceps(kind: Forceps, left: Manifold, right: Manifold) -> InstrumentDesign:
    reach = kind.length - kind.hinge
    thickness = kind.arm[0][2]
    apart = thickness
    left, right = left.translate([0, -0.5 * apart, 0]), right.translate([0, 0.5 * apart, 0])
    first, last = kind.grip
    middle = 0.5 * (first + last)
    out = float(np.interp(middle, [r[0] for r in kind.arm], [r[1] + r[2] for r in kind.arm]))
    half = kind.arm[3][3]
    cuts = tuple(np.linspace(0.0, reach, 8)[1:-1])
    opening = float(np.radians(0.5 * kind.opening_deg))
    places = {
        "thumb_pad": (kind.hinge + middle, -out - 4.0, 0.0),
        "index_pad": (kind.hinge + middle + 4.0, out + 4.0, 1.0),
        "index_1": (kind.hinge + middle - 62.0, 14.0, 3.0),
    }
    links = [
        link("weld", {"weld": (_weld(kind), kind.material)}),
        link("arm_left", {"arm_left": (left, kind.material)}, cuts),
        link("arm_right", {"arm_right": (right, kind.material)}, cuts),
    ]
    joints = jaw_joints(
        kind.opening_deg, base="weld", jaws=("arm_left", "arm_right"), at=(kind.hinge, 0, 0), apart=apart
    )
    outside: Sequence[tuple[str, str, str, float]] = (
        ("grip_left", "arm_left", "index", 1.0),
        ("grip_right", "arm_right", "thumb", -1.0),
    )
    return design(
        kind.name,
        "forceps",
        links,
        joints,
        aliases=kind.aliases,
        sources=kind.sources,
        frames=(
            tip("tip_left", "arm_left", (reach, -0.5 * apart, 0)),
            tip("tip_right", "arm_right", (reach, 0.5 * apart, 0)),
            frame("rear", "weld", (0, 0, 0)),
        ),
        regions=tuple(
            region(name, owner, [finger], (first, last), tuple(sorted((0.0, s * (out + 2.0)))), (-half - 1, half + 1))  # type: ignore[arg-type]
            for name, owner, finger, s in outside
        ),
        grasps=(held("pen", "pen", places, {"jaw": round(opening, 4)}),),
    )


def _weld(kind: Forceps) -> Manifold:
    """The rear end, where both arms are one; hollowed for the round ends of the arms."""
    thickness, half = kind.arm[0][2], kind.arm[0][3]
    end = 0.96 * thickness
    knots = np.array([[0.0, 0.55 * half], [0.35, 0.8 * half], [1.2, half], [kind.hinge, half]])
    outline = np.concatenate([knots * [1, -1], knots[::-1]])
    body = plate(outline, (-end, end)).rotate([90.0, 0.0, 0.0])
    sockets = [
        rod((kind.hinge, s * 0.5 * thickness, -9), (kind.hinge, s * 0.5 * thickness, 9), 0.5 * thickness + 0.01, n=32)
        for s in (-1, 1)
    ]
    return body - union(sockets)
