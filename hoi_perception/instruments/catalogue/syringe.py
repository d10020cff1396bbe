"""Syringe of 10 ml with a needle of 21 gauge."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold

from hoi_perception.instruments.catalogue.assembly import design, frame, link, region, tip
from hoi_perception.instruments.catalogue.holding import held
from hoi_perception.instruments.catalogue.materials import CLEAR_PLASTIC, GREEN_PLASTIC, RUBBER, STEEL, WHITE_PLASTIC
from hoi_perception.instruments.catalogue.shapes import box, ellipse, plate, rod, turned, union
from hoi_perception.instruments.description import Symmetry
from hoi_perception.instruments.design import InstrumentDesign, JointDesign

BORE, OUTSIDE, BARREL = 7.25, 8.0, 80.0
FILLED_ML = 4.0
NEEDLE_OUT, NEEDLE_IN, NEEDLE_LENGTH = 0.4095, 0.255, 40.0


def syringe() -> InstrumentDesign:
    """Syringe with the plunger fixed at 4 ml; origin in the middle of the barrel's flange, x along it to the needle.

    The format knows no sliding joints: the plunger is a link of its own, fixed by a joint that may be changed.
    """
    tip_at = BARREL + 12.0 + 6.0 + NEEDLE_LENGTH
    stopper = BARREL - 2.0 - 1000.0 * FILLED_ML / (np.pi * BORE**2)
    end = stopper - 84.0
    barrel = {
        "barrel": (_barrel(), CLEAR_PLASTIC),
        "hub": (_hub(), GREEN_PLASTIC),
        "needle": (_needle(), STEEL),
    }
    plunger = {"rod": (_plunger(), WHITE_PLASTIC), "stopper": (_stopper(), RUBBER)}
    return design(
        "syringe",
        "syringe",
        [link("barrel", barrel, (2, 80, 93, 98)), link("plunger", plunger, (-82, -12, -2))],
        [JointDesign("plunger_slide", "barrel", "plunger", "fixed", xyz=(0.001 * float(stopper), 0.0, 0.0))],
        aliases=("10 ml syringe", "10 cc syringe", "Luer lock syringe"),
        sources=(
            "10 ml: ISO 7886-1, 6 % Luer taper: ISO 80369-7, needle 21 G, 0.8 x 40 mm, green: ISO 9626, ISO 6009",
            "Barrel 16 mm outside and 14.5 mm inside, flange and plunger: typical of disposable syringes",
        ),
        symmetries=(Symmetry("barrel", (1.0, 0.0, 0.0), 2),),
        frames=(
            tip("tip", "barrel", (tip_at, 0, 0)),
            frame("thumb_rest", "plunger", (end - stopper, 0, 0), (0, 0, 180)),
        ),
        regions=(
            region("barrel", "barrel", ("thumb", "index", "middle"), (5, 78), (-9, 9), (-9, 9)),
            region("flange", "barrel", ("index", "middle"), (-1, 4), (-18, 18), (-11, 11)),
            region("thumb_rest", "plunger", ("thumb",), (end - stopper - 1, end - stopper + 4), (-11, 11), (-11, 11)),
        ),
        grasps=(
            held(
                "pen",
                "pen",
                {
                    "thumb_pad": (40, -9, 2),
                    "index_pad": (46, 9, 4),
                    "middle_pad": (38, 2, -10),
                    "index_1": (-22, 12, 18),
                },
            ),
            held(
                "inject", "palmar", {"thumb_pad": (end - 4, 0, 0), "index_pad": (6, 13, 4), "middle_pad": (6, -13, 4)}
            ),
        ),
    )


def _barrel() -> Manifold:
    lock = [(BARREL + 1.5, 0), (BARREL + 1.5, 4.0), (BARREL + 9.5, 4.0), (BARREL + 9.5, 0)]
    taper = turned([(BARREL + 1, 0), (BARREL + 1, 2.25), (BARREL + 11.0, 1.97), (BARREL + 11.0, 0)], 28)
    outside = turned(
        [(0, 0), (0, OUTSIDE), (BARREL, OUTSIDE), (BARREL + 2.0, 5.4), (BARREL + 9.5, 5.2), (BARREL + 9.5, 0)], 48
    )
    bore = turned([(-1, 0), (-1, BORE), (BARREL - 1.5, BORE), (BARREL, 4.5), (BARREL, 0)], 48)
    flange = plate(ellipse(17.0, 10.0, 48, 2.6), (0.0, 2.0)).rotate([90.0, 0.0, 90.0])
    channel = rod((BARREL - 3, 0, 0), (BARREL + 12, 0, 0), 1.0, n=16)
    return (outside + flange - bore - turned(lock, 28)) + taper - channel


def _hub() -> Manifold:
    outside = turned(
        [
            (BARREL + 2.5, 0),
            (BARREL + 2.5, 3.4),
            (BARREL + 10, 3.2),
            (BARREL + 15, 2.0),
            (BARREL + 18, 1.5),
            (BARREL + 18, 0),
        ],
        28,
    )
    fins = box((BARREL + 10, BARREL + 16.5), (-2.9, 2.9), (-0.35, 0.35)) + box(
        (BARREL + 10, BARREL + 16.5), (-0.35, 0.35), (-2.9, 2.9)
    )
    socket = turned(
        [(BARREL + 1, 0), (BARREL + 1, 2.27), (BARREL + 11.05, 1.99), (BARREL + 12, 1.0), (BARREL + 12, 0)], 28
    )
    return outside + fins - socket - rod((BARREL + 11, 0, 0), (BARREL + 20, 0, 0), NEEDLE_OUT, n=20)


def _needle() -> Manifold:
    start, end = BARREL + 12.5, BARREL + 18.0 + NEEDLE_LENGTH
    tube = rod((start, 0, 0), (end, 0, 0), NEEDLE_OUT, n=20) - rod((start - 1, 0, 0), (end + 1, 0, 0), NEEDLE_IN, n=16)
    bevel = np.radians(12.0)
    normal = np.array([-np.sin(bevel), 0.0, -np.cos(bevel)])
    return tube.trim_by_plane(normal, float(normal @ [end, 0.0, -NEEDLE_OUT]))


def _plunger() -> Manifold:
    rest = turned([(-84, 0), (-84, 10.3), (-83.3, 10.8), (-82.4, 10.8), (-81.8, 10.3), (-81.8, 0)], 40)
    cross = box((-82, -9), (-6.6, 6.6), (-0.7, 0.7)) + box((-82, -9), (-0.7, 0.7), (-6.6, 6.6))
    plates = [turned([(x, 0), (x, 6.8), (x + 1.4, 6.8), (x + 1.4, 0)], 36) for x in (-20.0, -10.0)]
    return union([rest, cross, *plates])


def _stopper() -> Manifold:
    r = BORE - 0.02
    profile = [
        (-8.6, 0),
        (-8.6, 6.4),
        (-8.0, r),
        (-6.2, r),
        (-5.8, 6.5),
        (-3.2, 6.5),
        (-2.8, r),
        (-1.2, r),
        (-0.4, 5.6),
        (1.0, 3.6),
        (1.0, 0),
    ]
    return turned(profile, 40)
