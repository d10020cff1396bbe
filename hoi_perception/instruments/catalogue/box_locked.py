"""Instruments with ring handles, a ratchet and a box joint: haemostats, needle holder, Allis clamp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from hoi_perception.instruments.catalogue import ring_handles as rings
from hoi_perception.instruments.catalogue.assembly import design, frame, jaw_joints, link, tip
from hoi_perception.instruments.catalogue.materials import CARBIDE, GOLD, MATT_STEEL, STEEL
from hoi_perception.instruments.catalogue.ring_handles import GAP, Handle
from hoi_perception.instruments.catalogue.shapes import bent, box, mirrored, plate, tapered, union, wedges
from hoi_perception.instruments.description import NamedFrame
from hoi_perception.instruments.design import InstrumentDesign, Material

RATCHET_LENGTH = 5.0


@dataclass(frozen=True)
class Clamp:
    """What tells one clamp from another; lengths are from the pivot, widths and heights are halves of one jaw's."""

    name: str
    instrument_class: str
    aliases: tuple[str, ...]
    sources: tuple[str, ...]
    handle: Handle
    half_height: float
    jaw: tuple[tuple[float, float, float], ...]
    """Knots (x, half width, half height) along a jaw."""
    grooves: tuple[float, float, float, float]
    """First and last place of the transverse grooves, their pitch and depth; no grooves where the depth is zero."""
    ratchet_at: float
    """Place of the ratchet, as a fraction of the way from the pivot to the rings."""
    opening_deg: float
    bend: float = 0.0


KELLY = Clamp(
    "kelly_haemostat",
    "haemostat",
    ("Kelly forceps", "Kelly clamp", "Kelly hemostat", "artery forceps"),
    (
        "Length 140 mm, grooves on the distal half of the jaws only: BSAVA Head, Neck and Thoracic Surgery, 2nd ed.",
        "5.5 in, straight or curved: C. Reyes, Basic Surgical Instruments; here straight",
        "Jaw 48 mm from the pivot, rings 25 x 19 mm, grooves every 1 mm, opening 50 degrees: typical, from pictures",
    ),
    Handle(92.0, (25.0, 19.0), (2.0, 1.7), (1.95, 1.9), (1.9, 1.75), 4.6, bow=0.4),
    2.1,
    (
        (0.0, 1.95, 2.05),
        (8.0, 1.95, 2.0),
        (14.0, 1.8, 1.9),
        (26.0, 1.6, 1.75),
        (40.0, 1.25, 1.45),
        (46.5, 1.0, 1.25),
        (48.0, 0.5, 0.7),
    ),
    (26.0, 47.4, 1.0, 0.35),
    0.80,
    25.0,
)
MOSQUITO = Clamp(
    "mosquito_haemostat",
    "haemostat",
    ("Halsted mosquito forceps", "mosquito clamp", "mosquito hemostat", "Hartmann mosquito"),
    (
        "9 to 12.5 cm: BSAVA Head, Neck and Thoracic Surgery, 2nd ed.",
        "5 in, straight or curved: C. Reyes, Basic Surgical Instruments; here curved, 125 mm",
        "Transverse grooves along the whole jaw: as usually described",
        "Jaw 38 mm from the pivot, rings 23 x 17.5 mm, grooves every 0.8 mm, opening 50 degrees: typical",
    ),
    Handle(87.0, (23.0, 17.5), (1.75, 1.5), (1.65, 1.6), (1.6, 1.5), 3.9, bow=0.3),
    1.8,
    (
        (0.0, 1.65, 1.75),
        (7.0, 1.6, 1.7),
        (13.0, 1.4, 1.5),
        (22.0, 1.1, 1.25),
        (33.0, 0.8, 0.95),
        (37.0, 0.6, 0.8),
        (38.0, 0.3, 0.4),
    ),
    (14.0, 37.6, 0.8, 0.28),
    0.80,
    25.0,
    bend=5.0,
)
NEEDLE_HOLDER = Clamp(
    "mayo_hegar_needle_holder",
    "needle_holder",
    ("Mayo-Hegar needle driver", "needle driver", "needle holder"),
    (
        "Carbide inserts, gilt rings: as usually described; length 160 mm: typical, not checked",
        "Jaw 38 mm from the pivot, inserts 17 mm with crossed grooves every 0.8 mm (0.4 and 0.5 are made too): typical",
        "Rings 26 x 20 mm, opening 40 degrees: typical",
    ),
    Handle(122.0, (26.0, 20.0), (2.5, 2.1), (2.3, 2.4), (2.3, 2.2), 5.3, bow=0.5),
    2.6,
    (
        (0.0, 2.3, 2.55),
        (9.0, 2.35, 2.5),
        (16.0, 2.3, 2.4),
        (26.0, 2.0, 2.15),
        (35.0, 1.6, 1.8),
        (37.2, 1.35, 1.55),
        (38.0, 0.8, 1.0),
    ),
    (21.4, 37.6, 0.8, 0.0),
    0.82,
    20.0,
)
ALLIS = Clamp(
    "allis_clamp",
    "tissue_forceps",
    ("Allis forceps", "Allis tissue forceps"),
    (
        "Length 6 in: C. Reyes, Basic Surgical Instruments",
        "155 mm is the metric size nearest to it, and 5 x 6 teeth are the usual ones: typical, not checked",
        "Jaws 9 mm wide that meet at the teeth only, pivot 62 mm from them, opening 36 degrees: typical",
    ),
    Handle(93.0, (25.0, 19.0), (2.0, 1.7), (1.9, 1.8), (1.8, 1.7), 4.5, bow=0.4),
    2.0,
    (),
    (0.0, 0.0, 0.0, 0.0),
    0.80,
    18.0,
)


def kelly() -> InstrumentDesign:
    """Kelly haemostat, 140 mm, straight."""
    return grooved_clamp(KELLY)


def mosquito() -> InstrumentDesign:
    """Halsted mosquito haemostat, 125 mm, curved."""
    return grooved_clamp(MOSQUITO)


def grooved_clamp(kind: Clamp) -> InstrumentDesign:
    """A clamp whose jaws are grooved across."""
    raw = jaw(kind) + _behind_the_joint(kind)
    first, last, pitch, depth = kind.grooves
    places = np.arange(first, last - 0.5 * pitch, pitch)
    z = (-4.0, 4.0)
    left = raw - wedges(places, (-0.6, 0.0), z, 0.86 * pitch, depth)
    right = mirrored(raw - wedges(places + 0.5 * pitch, (-0.6, 0.0), z, 0.86 * pitch, depth))
    left, right = _jointed(kind, left, right)
    if kind.bend:
        left, right = (bent(body, lambda r: _lift(r, kind)) for body in (left, right))
    reach = kind.jaw[-1][0]
    end = kind.bend
    pitch_deg = -float(np.degrees(np.arctan2(2.0 * end, 0.75 * reach)))
    tips = (
        tip("tip_left", "jaw_left", (reach, 0.0, end), (0, pitch_deg, 0)),
        tip("tip_right", "jaw_right", (reach, 0.0, end), (0, pitch_deg, 0)),
    )
    return _clamp(kind, {"half_left": (left, STEEL)}, {"half_right": (right, STEEL)}, tips, (first, last, end))


def needle_holder() -> InstrumentDesign:
    """Mayo-Hegar needle holder, 160 mm, with carbide inserts and gilt rings."""
    kind = NEEDLE_HOLDER
    first, last = kind.grooves[:2]
    raw = jaw(kind) + _behind_the_joint(kind)
    seat = box((first - 0.6, last + 2.0), (-1.0, 0.9), (-4.0, 4.0))
    insert = raw ^ seat
    body = raw - seat
    left, right = _jointed(kind, body, mirrored(body))
    left_insert, right_insert = _knurled(insert, kind, 0.0), mirrored(_knurled(insert, kind, 0.5))
    split = kind.handle.ring_center[0] + 0.5 * kind.handle.hole[0] + 6.0
    links = [_gilt("left", left, left_insert, split), _gilt("right", right, right_insert, split)]
    reach = kind.jaw[-1][0]
    tips = (tip("tip_left", "jaw_left", (reach, 0, 0)), tip("tip_right", "jaw_right", (reach, 0, 0)))
    return _clamp(kind, links[0], links[1], tips, (first, last, 0.0))


def allis() -> InstrumentDesign:
    """Allis clamp, 155 mm: slender arms that bow apart and meet with five teeth on six."""
    kind = ALLIS
    behind = _behind_the_joint(kind)
    left = behind + _allis_jaw(5)
    right = mirrored(behind + _allis_jaw(6))
    left, right = _jointed(kind, left, right)
    tips = (tip("tip_left", "jaw_left", (62.0, 0, 0)), tip("tip_right", "jaw_right", (62.0, 0, 0)))
    return _clamp(kind, {"half_left": (left, STEEL)}, {"half_right": (right, STEEL)}, tips, (58.0, 62.0, 0.0))


def jaw(kind: Clamp) -> Manifold:
    """The left jaw from the pivot on, rounded outside, flat in the middle plane."""
    knots = [[x, w * 0.92, 0.0, w * 1.08, min(h, kind.half_height - 0.15)] for x, w, h in kind.jaw]
    body = tapered(knots, 36, exponent=2.5, sides=20)
    return body.trim_by_plane([0.0, 1.0, 0.0], 0.5 * GAP).trim_by_plane([-1.0, 0.0, 0.0], -kind.jaw[-1][0])


def _behind_the_joint(kind: Clamp) -> Manifold:
    """Shank, ring and ratchet of the left half, and the full disc of the joint."""
    handle = kind.handle
    place = kind.ratchet_at * (handle.length - 0.5 * handle.hole[0] - 2.0 * handle.wire[0] - 8.0)
    shank = rings.shank(handle)
    slab = shank ^ box((-place - 0.5, -place + 0.5), (-40.0, 0.0), (-9.0, 9.0))
    gap = -float(slab.bounding_box()[4])
    return shank + rings.ratchet(-place, RATCHET_LENGTH, kind.handle.waist[1], gap)


def _jointed(kind: Clamp, left: Manifold, right: Manifold) -> tuple[Manifold, Manifold]:
    left, right = rings.boxed(left, right, kind.handle.pivot, kind.half_height)
    hole = rings.screw_hole(0.4 * kind.handle.pivot)
    return left - hole, right - hole


def _knurled(insert: Manifold, kind: Clamp, phase: float) -> Manifold:
    """The carbide insert with grooves across and along."""
    first, last, pitch, _ = kind.grooves
    across = wedges(np.arange(first, last, pitch) + phase * pitch, (-0.6, 0.0), (-4.0, 4.0), 0.9 * pitch, 0.2)
    profile = np.array([[-0.45 * pitch, -0.6], [0.45 * pitch, -0.6], [0.0, 0.22]])
    along = []
    for z in np.arange(-2.0, 2.01, pitch):
        prism = plate(profile, (first - 2.0, last + 2.0))
        along.append(prism.transform([[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, z]]))
    return insert - across - union(along)


def _gilt(side: str, body: Manifold, insert: Manifold, split: float) -> dict[str, tuple[Manifold, Material]]:
    steel, gold = body.split_by_plane([1.0, 0.0, 0.0], split)
    return {f"half_{side}": (steel, STEEL), f"ring_{side}": (gold, GOLD), f"insert_{side}": (insert, CARBIDE)}


def _allis_jaw(teeth: int) -> Manifold:
    """The left arm with its toothed end plate, 9 mm wide in z."""
    knots = [[0, 1.9, 0, 1.9, 1.9], [8, 2.0, 0, 1.8, 1.9], [16, 2.6, 0, 1.35, 1.8], [34, 4.6, 0, 1.0, 1.6]]
    knots += [[50, 5.2, 0, 0.85, 1.6], [57, 4.2, 0, 0.9, 2.6], [60.6, 2.6, 0, 0.8, 4.2]]
    arm = tapered(knots, 34, exponent=2.8)
    arm = arm.trim_by_plane([0.0, 1.0, 0.0], 0.5 * GAP)
    lip = box((59.2, 61.9), (0.95, 2.3), (-4.6, 4.6))
    pitch = 9.0 / 6.0
    first = -0.5 * (teeth - 1) * pitch
    row = [
        plate(np.array([[-0.46 * pitch, -0.2], [0.46 * pitch, -0.2], [0.0, 1.9]]), (60.6, 61.9)).transform(
            [[0.0, 0.0, 1.0, 0.1], [0.0, -1.0, 0.0, 1.1], [1.0, 0.0, 0.0, first + k * pitch]]
        )
        for k in range(teeth)
    ]
    return arm + lip + union(row)


def _clamp(
    kind: Clamp,
    left: dict[str, tuple[Manifold, Material]],
    right: dict[str, tuple[Manifold, Material]],
    tips: Sequence[NamedFrame],
    contact: tuple[float, float, float],
) -> InstrumentDesign:
    handle = kind.handle
    cuts = (-handle.length + 6, -handle.length + 16, handle.ring_center[0] + 8, -60, -40, -20, -6, 6, 20, 34, 50)
    pin = rings.screw(0.4 * handle.pivot, kind.half_height, 0.0)
    first, last, end = contact
    return design(
        kind.name,
        kind.instrument_class,
        [link("screw", {"screw": (pin, MATT_STEEL)}), link("jaw_left", left, cuts), link("jaw_right", right, cuts)],
        jaw_joints(kind.opening_deg, base="screw"),
        aliases=kind.aliases,
        sources=kind.sources,
        frames=(
            *tips,
            frame("pivot", "screw", (0, 0, 0)),
            frame("jaws", "screw", (0.5 * (first + last), 0, 0.4 * end)),
        ),
        regions=rings.ring_regions(handle),
        grasps=(rings.ring_grasp(handle),),
    )


def _lift(r: np.ndarray, kind: Clamp) -> np.ndarray:
    reach = kind.jaw[-1][0]
    start = 0.25 * reach
    return np.asarray(kind.bend * (np.maximum(r - start, 0.0) / (reach - start)) ** 2)
