"""Trocar and laparoscopic grasper."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold

from hoi_perception.instruments.catalogue.assembly import design, frame, jaw_joints, link, region, tip
from hoi_perception.instruments.catalogue.holding import held
from hoi_perception.instruments.catalogue.materials import BLACK_PLASTIC, GREY_PLASTIC, STEEL, WHITE_PLASTIC
from hoi_perception.instruments.catalogue.ring_handles import GAP
from hoi_perception.instruments.catalogue.shapes import ball, box, mirrored, ring, rod, tapered, turned, union, wedges
from hoi_perception.instruments.description import Symmetry
from hoi_perception.instruments.design import InstrumentDesign, JointDesign

SHAFT_LENGTH, SHAFT_RADIUS = 330.0, 2.5
JAW, SPLIT = 20.0, 8.0
TRIGGER_PER_JAW = 0.6
"""The thumb ring turns by this for each radian of a jaw."""
TRIGGER_AT = np.array([-SHAFT_LENGTH - 34.0, -9.0, 0.0])


def trocar() -> InstrumentDesign:
    """Bladeless trocar: a cannula for 12 mm instruments with its obturator; origin at the top, x down to the tip."""
    r_out, r_in, tube_end = 6.85, 6.05, 140.0
    head = turned(
        [(0, 0), (0, 16.5), (1.5, 18.0), (14, 18.0), (18, 15.5), (34, 13.5), (40, 9.0), (42, r_out), (42, 0)], 48
    )
    tube = turned([(38, 0), (38, r_out), (tube_end, r_out), (tube_end, 0)], 36)
    lean = tube.trim_by_plane([-1.0, 0.45, 0.0], -tube_end + 4.0)
    threads = [
        turned([(x, r_out - 0.3), (x + 1.2, r_out + 0.45), (x + 1.5, r_out - 0.3)], 24) for x in range(70, 122, 5)
    ]
    port = union(
        [
            rod((24, 0, 10), (24, 0, 25), 3.2),
            rod((24, 0, 25), (24, 0, 32), 2.4, 2.1),
            rod((24, -7, 19), (24, 7, 19), 3.6),
            box((22, 26), (5, 8), (10, 28)),
        ]
    )
    bore = turned([(-1, 0), (-1, 9.0), (6, r_in), (tube_end + 5, r_in), (tube_end + 5, 0)], 32)
    cannula = union([head, lean, *threads, port]) - bore
    knob = turned([(-24, 0), (-24, 13), (-21, 16.5), (-8, 17.5), (-3, 17.5), (-0.1, 16.0), (-0.1, 0)], 48)
    waist = [ball((-13, s * 27, 0), 14.0, 32) for s in (-1, 1)]
    core = rod((-1, 0, 0), (tube_end + 2, 0, 0), r_in - 0.1, n=40)
    cone = turned(
        [(tube_end + 2, 0), (tube_end + 2, r_in - 0.1), (tube_end + 9, 4.2), (tube_end + 17, 1.0), (tube_end + 18, 0)],
        40,
    )
    fins = box((tube_end + 1, tube_end + 15), (-0.5, 0.5), (-5.2, 5.2)) ^ rod(
        (tube_end, 0, 0), (tube_end + 18, 0, 0), 6.0, 1.4
    )
    obturator = union([knob, core, cone, fins]) - union(waist)
    palm = {"middle_curl": (-8, 0, -4), "wrist": (-92, -14, 0), "index_3": (18, 15, 10), "thumb_pad": (10, -21, 6)}
    return design(
        "trocar",
        "trocar",
        [
            link("cannula", {"cannula": (cannula, WHITE_PLASTIC)}, (14, 40)),
            link("obturator", {"obturator": (obturator, GREY_PLASTIC)}, (0,)),
        ],
        [JointDesign("obturator_seat", "cannula", "obturator", "fixed")],
        aliases=("12 mm trocar", "bladeless trocar", "port"),
        sources=(
            "For instruments of 12 mm, working length 100 mm: typical, not checked",
            "Cannula 13.7 mm outside and 12.1 mm inside with a slanted end, housing 36 mm, tip 18 mm: typical",
        ),
        symmetries=(Symmetry("obturator", (1.0, 0.0, 0.0), 2),),
        frames=(tip("tip", "obturator", (tube_end + 18, 0, 0)), frame("cannula_end", "cannula", (tube_end, 0, 0))),
        regions=(
            region("knob", "obturator", ("palm", "thumb", "ring", "pinky"), (-25, 0), (-18, 18), (-18, 18)),
            region("housing", "cannula", ("index", "middle", "thumb"), (0, 40), (-19, 19), (-19, 19)),
        ),
        grasps=(held("palm", "power", palm),),
    )


def grasper() -> InstrumentDesign:
    """Laparoscopic grasper, 5 mm by 330 mm, double action, ring handle; origin at the jaws' pivot, x to the tip.

    The handle is in the plane of the jaws, its fixed ring towards -y.
    """
    jaw_left, jaw_right = _jaws()
    body = {
        "shaft": (_shaft(), BLACK_PLASTIC),
        "clevis": (_clevis(), STEEL),
        "handle": (_handle(), GREY_PLASTIC),
    }
    x, y, _ = 0.001 * TRIGGER_AT
    driver, mirror = jaw_joints(30.0, base="body")
    trigger = JointDesign(
        "trigger",
        "body",
        "trigger",
        xyz=(float(x), float(y), 0.0),
        axis=(0.0, 0.0, -1.0),
        upper=TRIGGER_PER_JAW * driver.upper,
        mimic=("jaw", TRIGGER_PER_JAW, 0.0),
    )
    hx = TRIGGER_AT[0]
    places = {
        "thumb_pad": (hx - 42, -62, 0),
        "ring_2": (hx + 16, -74, 0),
        "middle_2": (hx + 24, -54, 0),
        "index_pad": (hx + 34, 6, 12),
    }
    return design(
        "laparoscopic_grasper",
        "grasper",
        [
            link("body", body, (-SHAFT_LENGTH - 45, -SHAFT_LENGTH - 25, -SHAFT_LENGTH - 10, -SHAFT_LENGTH + 20, -9)),
            link("jaw_left", {"jaw_left": (jaw_left, STEEL)}, (-2, 4, 12)),
            link("jaw_right", {"jaw_right": (jaw_right, STEEL)}, (-2, 4, 12)),
            link("trigger", {"trigger": (_trigger(), GREY_PLASTIC)}, (-40, -28, -12)),
        ],
        (driver, mirror, trigger),
        aliases=("laparoscopic forceps", "5 mm grasper", "fenestrated grasper"),
        sources=(
            "Shaft 5 mm, 330 mm long, double-action fenestrated jaws: typical, not checked",
            "Jaws 20 mm, opening 60 degrees, ring handle, trigger 0.6 degrees a degree of a jaw: typical",
        ),
        frames=(
            tip("tip_left", "jaw_left", (JAW, 0, 0)),
            tip("tip_right", "jaw_right", (JAW, 0, 0)),
            frame("shaft_end", "body", (-SHAFT_LENGTH, 0, 0)),
        ),
        regions=(
            region("finger_ring", "body", ("middle", "ring"), (hx - 6, hx + 40), (-100, -30), (-6, 6)),
            region("thumb_ring", "trigger", ("thumb",), (-70, -20), (-90, -25), (-6, 6)),
            region("knob", "body", ("index",), (-SHAFT_LENGTH - 4, -SHAFT_LENGTH + 24), (-13, 13), (-13, 13)),
        ),
        grasps=(held("rings", "scissors_ring", places, {"jaw": 0.2}),),
    )


def _jaws() -> tuple[Manifold, Manifold]:
    """Fenestrated, grooved jaws that share the clevis, one above the other at the pivot."""
    knots = [
        [2.5, 1.05, 0, 1.05, 1.9],
        [5, 1.15, 0, 1.15, 2.3],
        [14, 1.05, 0, 1.05, 2.3],
        [18.6, 0.8, 0, 0.8, 1.9],
        [20.0, 0.45, 0, 0.45, 1.0],
    ]
    flat = tapered(knots, 30, exponent=2.8).trim_by_plane([0.0, 1.0, 0.0], 0.5 * GAP)
    window = (rod((8, -1, 0), (8, 4, 0), 0.85, n=20) + rod((15, -1, 0), (15, 4, 0), 0.75, n=20)).hull()
    upper = rod((0, 0, 0.5 * GAP), (0, 0, 1.25), 1.75, n=32)
    tail = _tang().translate([0.0, 0.0, 0.5 * GAP])
    neck = box((0.0, 4.2), (0.1, 1.7), (0.5 * GAP, 1.25))
    blade = flat - box((-3.0, 3.4), (-4, 4), (-4, 0.5 * GAP)) - box((-3.0, 3.4), (-4, 4), (1.25, 4))
    pin = rod((0, 0, -3), (0, 0, 3), 0.62, n=20)
    body = union([blade, upper, tail, neck]) - pin - window
    places = np.arange(6.2, 19.0, 0.9)
    left = body - wedges(places, (-0.6, 0.0), (-3, 3), 0.78, 0.3)
    right = body - wedges(places + 0.45, (-0.6, 0.0), (-3, 3), 0.78, 0.3)
    return left, mirrored(right)


def _tang() -> Manifold:
    """What the rod inside the shaft pulls: an arm behind the pivot."""
    return union([rod((0, 0, 0), (0, 0, 1.2), 1.1, n=20), rod((-3.6, -0.9, 0), (-3.6, -0.9, 1.2), 0.75, n=20)]).hull()


def _shaft() -> Manifold:
    tube = rod((-SHAFT_LENGTH, 0, 0), (-SPLIT, 0, 0), SHAFT_RADIUS, n=32)
    profile = [(0, 0), (0, 9.0), (2, 11.5), (12, 10.5), (20, 6.0), (24, 4.2), (24, 0)]
    knob = turned([(-SHAFT_LENGTH - 2 + x, r) for x, r in profile], 40)
    flutes = []
    for k in range(8):
        a = 2 * np.pi * k / 8
        y, z = 13.4 * np.cos(a), 13.4 * np.sin(a)
        flutes.append(rod((-SHAFT_LENGTH - 3, y, z), (-SHAFT_LENGTH + 17, 0.85 * y, 0.85 * z), 3.2, n=16))
    return tube + (knob - union(flutes))


def _clevis() -> Manifold:
    """The fork that bears the jaws, open in their plane, with its pin."""
    outer = rod((-SPLIT, 0, 0), (-0.4, 0, 0), SHAFT_RADIUS - 0.02, n=32)
    nose = rod((-0.4, 0, 0), (2.0, 0, 0), SHAFT_RADIUS - 0.02, SHAFT_RADIUS - 0.5, n=32)
    slot = box((-6.0, 3.0), (-4, 4), (-1.3, 1.3))
    return (outer + nose - slot) + rod((0, 0, -2.2), (0, 0, 2.2), 0.6, n=20)


def _handle() -> Manifold:
    """Fixed half of the handle with the ring for middle and ring finger."""
    x0 = -SHAFT_LENGTH - 2.05
    hx, hy, _ = TRIGGER_AT
    barrel = tapered(
        [
            [x0, 0, 0, 8.5, 6.5],
            [x0 - 10, -0.5, 0, 9.5, 6.8],
            [hx + 6, -3.0, 0, 10, 6.6],
            [hx - 4, -6, 0, 9, 6.4],
            [hx - 10, -8.0, 0, 6, 6.0],
        ],
        26,
    )
    grip = tapered(
        [
            [hx + 12, -6, 0, 7.0, 4.8],
            [hx + 11, -22, 0, 5.2, 4.4],
            [hx + 10, -38, 0, 3.6, 4.0],
            [hx + 10, -44, 0, 3.2, 3.8],
        ],
        22,
        exponent=2.4,
    )
    loop = ring((hx + 10, -66), 21.0, 10.5, (3.0, 3.6), 82.0)
    rest = tapered(
        [[hx + 13, -88, 0, 2.6, 3.2], [hx + 21, -95, 0, 2.4, 3.0], [hx + 30, -96, 0, 1.6, 2.4]], 14, exponent=2.2
    )
    slot = box((hx - 30, hx + 9.5), (hy - 16, hy + 6.0), (-2.6, 2.6))
    return union([barrel, grip, loop, rest]) - slot


def _trigger() -> Manifold:
    """The moving half with the thumb ring, about its own pivot; at zero the jaws are closed."""
    hub = rod((0, 0, -2.5), (0, 0, 2.5), 4.6, n=32)
    arm = tapered(
        [[0, 0, 0, 4.4, 2.5], [-8, -8, 0, 3.6, 2.5], [-15, -20, 0, 3.1, 2.9], [-20.5, -34, 0, 3.0, 3.3]],
        22,
        exponent=2.6,
    )
    loop = ring((-25.5, -51), 13.5, 10.0, (3.0, 3.6), 76.0)
    return hub + arm + loop
