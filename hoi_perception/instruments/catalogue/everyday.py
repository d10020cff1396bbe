"""Everyday bodies for tests: a tapered cup, a mug, a cube."""

from __future__ import annotations

from manifold3d import Manifold

from hoi_perception.instruments.catalogue.assembly import design, frame, link, region
from hoi_perception.instruments.catalogue.holding import held
from hoi_perception.instruments.catalogue.materials import CERAMIC, RED_PLASTIC, WOOD
from hoi_perception.instruments.catalogue.shapes import box, spline, sweep, turned
from hoi_perception.instruments.description import Grasp, Symmetry
from hoi_perception.instruments.design import InstrumentDesign

CUP_HEIGHT, CUP_TOP, CUP_FOOT, CUP_WALL = 120.0, 46.5, 30.0, 0.45
MUG_HEIGHT, MUG_RADIUS, MUG_WALL = 95.0, 41.0, 4.0
CUBE_EDGE = 50.0


def cup() -> InstrumentDesign:
    """A 16 oz tapered drinking cup; origin in the middle of its foot, x up its axis to the rim."""
    h, top, foot, wall = CUP_HEIGHT, CUP_TOP, CUP_FOOT, CUP_WALL
    lip = [(h, top), (h - 0.6, top + 1.4), (h - 2.4, top + 1.6), (h - 3.4, top + 0.6), (h - 3.6, top - 0.5)]
    inside = [(2.0 + wall, 0.0), (2.0 + wall, foot - wall), (h, top - wall)]
    under = [(0.0, foot), (0.0, foot - 1.0), (2.0, foot - 1.4), (2.0, 0.0)]
    body = turned([*inside, *lip, *under], 64)
    return design(
        "cup_16oz",
        "cup",
        [link("body", {"cup": (body, RED_PLASTIC)})],
        aliases=("party cup", "tapered cup"),
        sources=("Typical of 16 oz (473 ml) polystyrene party cups: 120 mm high, rim 96 mm over the lip, foot 60 mm",),
        symmetries=(Symmetry("body", (1.0, 0.0, 0.0)),),
        frames=(frame("rim", "body", (h, 0, 0)),),
        regions=(
            region("side", "body", ("thumb", "index", "middle", "ring", "pinky"), (30, 90), (-50, 50), (-50, 50)),
        ),
        grasps=(_round_the_side("side", 38.0, 65.0),),
    )


def mug() -> InstrumentDesign:
    """A mug with a handle towards +y; origin in the middle of its foot, x up its axis to the rim."""
    h, r, wall = MUG_HEIGHT, MUG_RADIUS, MUG_WALL
    outside = [(h, r - wall + 0.8), (h, r - 0.8), (h - 1.0, r), (3.0, r), (0.6, r - 2.4), (0.0, r - 4.0)]
    body = turned([(6.0, 0.0), (6.0, r - wall - 3.0), (9.0, r - wall), *outside, (0.0, 0.0)], 64)
    knots = [(76.0, r - 2.5, 0.0), (80.0, r + 12.0, 0.0), (72.0, r + 27.0, 0.0), (50.0, r + 31.0, 0.0)]
    knots += [(30.0, r + 24.0, 0.0), (20.0, r + 9.0, 0.0), (18.0, r - 2.5, 0.0)]
    ear = sweep(spline(knots, 28), 4.2, 6.2, n=16)
    hollow = turned([(6.0, 0.0), (6.0, r - wall - 3.0), (9.0, r - wall), (h + 1.0, r - wall), (h + 1.0, 0.0)], 64)
    return design(
        "mug",
        "mug",
        [link("body", {"mug": (body + (ear - hollow), CERAMIC)}, (12, 24, 40, 58, 72, 84))],
        aliases=("coffee mug",),
        sources=("Typical of 11 oz (325 ml) ceramic mugs: 95 mm high, 82 mm across, wall 4 mm",),
        frames=(frame("rim", "body", (h, 0, 0)), frame("handle", "body", (50, r + 31, 0))),
        regions=(
            region("handle", "body", ("thumb", "index", "middle", "ring"), (15, 85), (r + 1, r + 38), (-8, 8)),
            region(
                "side", "body", ("thumb", "index", "middle", "ring", "pinky"), (20, 80), (-r - 1, r), (-r - 1, r + 1)
            ),
        ),
        grasps=(_round_the_side("side", r, 50.0),),
    )


def cube() -> InstrumentDesign:
    """A cube with its origin in its middle."""
    half = 0.5 * CUBE_EDGE
    body: Manifold = box((-half, half), (-half, half), (-half, half))
    places = {"thumb_pad": (0, 0, half + 2), "index_pad": (8, 6, -half - 2), "middle_pad": (-8, 6, -half - 2)}
    axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    return design(
        "cube",
        "cube",
        [link("body", {"cube": (body, WOOD)})],
        aliases=("block",),
        sources=("An exact cube of 50 mm, a test body of manipulation research",),
        symmetries=tuple(Symmetry("body", axis, 4) for axis in axes),
        regions=(region("sides", "body", ("thumb", "index", "middle"), (-20, 20), (-20, 20), (-26, 26)),),
        grasps=(held("palmar", "palmar", {**places, "wrist": (0, -105, 30)}),),
    )


def _round_the_side(name: str, radius: float, height: float) -> Grasp:
    out = radius + 8.0
    places = {
        "thumb_pad": (height + 15, 0.5 * out, 0.87 * out),
        "index_pad": (height + 25, 0.5 * out, -0.87 * out),
        "ring_pad": (height - 20, 0.5 * out, -0.87 * out),
        "middle_1": (height + 5, -out - 6, 0.0),
    }
    return held(name, "palmar", places)
