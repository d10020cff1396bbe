"""Scalpel handle no. 3 with blades 10, 11 and 15."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from manifold3d import Manifold
from numpy.typing import NDArray

from hoi_perception.instruments.catalogue.assembly import design, frame, link, region, tip
from hoi_perception.instruments.catalogue.holding import held
from hoi_perception.instruments.catalogue.materials import MATT_STEEL, STEEL
from hoi_perception.instruments.catalogue.shapes import blade, box, plate, skin, spline, union
from hoi_perception.instruments.design import InstrumentDesign

HANDLE_LENGTH = 121.0
BLADE_START, BLADE_THICKNESS = 108.0, 0.4
OVERLAP = HANDLE_LENGTH - BLADE_START

_SOURCES = (
    "Handle no. 3 takes blades 10, 11 and 15, about 5 in long: C. Reyes, Basic Surgical Instruments",
    "Handle 121 mm: typical, not checked",
    "Blade 0.4 mm thick, slot for the handle's lug in the manner of ISO 7740: sizes and outlines typical",
)
_OUTLINES: dict[str, tuple[list[tuple[float, float]], list[tuple[float, float]], float]] = {
    "10": (
        [(0, 3.0), (3, 3.3), (16, 3.3), (25, 3.3), (33, 3.1), (36.6, 2.4), (38.0, 1.35)],
        [
            (0, -2.6),
            (14, -3.0),
            (17.0, -3.1),
            (20, -3.9),
            (24, -4.1),
            (29, -3.6),
            (33, -2.4),
            (36.2, -0.6),
            (38.0, 1.2),
        ],
        17.0,
    ),
    "11": (
        [(0, 3.0), (3, 3.3), (14, 3.3), (17, 3.0), (28, 0.5), (39.6, -2.95)],
        [(0, -2.6), (14, -3.0), (20, -3.05), (30, -3.05), (39.6, -3.05)],
        17.0,
    ),
    "15": (
        [(0, 3.0), (3, 3.3), (14, 3.3), (20, 2.5), (26, 2.0), (33.0, 1.75), (35.3, 1.2), (36.2, 0.35)],
        [
            (0, -2.6),
            (14, -3.0),
            (18, -2.5),
            (23.5, -1.2),
            (26, -1.5),
            (29, -1.95),
            (32, -1.75),
            (34.6, -0.9),
            (36.2, 0.2),
        ],
        24.0,
    ),
}
"""Back and edge (x from the blade's rear end, y) of each blade, and where the edge is ground from, mm."""


def scalpel_10() -> InstrumentDesign:
    """Scalpel with the broad, bellied blade no. 10."""
    return scalpel("10")


def scalpel_11() -> InstrumentDesign:
    """Scalpel with the straight, pointed blade no. 11."""
    return scalpel("11")


def scalpel_15() -> InstrumentDesign:
    """Scalpel with the small, bellied blade no. 15."""
    return scalpel("15")


def scalpel(number: str) -> InstrumentDesign:
    """Handle no. 3 with a blade; origin at the handle's rear end, x to the tip, the edge towards -y."""
    spine, edge, _ = _OUTLINES[number]
    reach = BLADE_START + spine[-1][0]
    tip_y = 0.5 * (spine[-1][1] + edge[-1][1])
    fingers = {"thumb_pad": (88, 0, 3.5), "index_pad": (96, 5.5, 0), "middle_pad": (86, -2, -5)}
    return design(
        f"scalpel_{number}",
        "scalpel",
        [
            link(
                "handle",
                {"handle": (handle(), MATT_STEEL), "blade": (fitted_blade(number), STEEL)},
                (30, 60, 98, 108, 121, 132, 140),
            )
        ],
        aliases=(f"scalpel no. {number}", f"#{number} blade on #3 handle", "Bard-Parker scalpel"),
        sources=_SOURCES,
        frames=(
            tip("tip", "handle", (reach, tip_y, 0)),
            frame("edge", "handle", (reach - 8, edge[-3][1], 0), (0, 0, -90)),
        ),
        regions=(
            region("grip", "handle", ["thumb", "index", "middle"], (72, 106), (-6, 6), (-3, 3)),
            region("rear", "handle", ["palm"], (0, 50), (-6, 6), (-3, 3)),
        ),
        grasps=(
            held("pen", "pen", {**fingers, "index_1": (28, 7, -16)}),
            held("tripod", "tripod", {**fingers, "index_1": (24, 7, -16)}),
        ),
    )


def handle() -> Manifold:
    """The flat handle: waisted, grooved where the fingers hold, with the lug that the blade slides over."""
    knots = [[0, 2.6, 0.9], [0.8, 3.9, 1.35], [5, 4.6, 1.6], [25, 4.9, 1.6], [50, 4.9, 1.6], [70, 4.3, 1.6]]
    knots += [[80, 4.1, 1.6], [92, 5.0, 1.6], [100, 5.2, 1.6], [105, 4.6, 1.55], [108.2, 3.6, 1.3]]
    rows = spline(np.array(knots), 44)
    body = _slab(rows)
    grooves = []
    for x in np.arange(74.0, 102.1, 2.0):
        for side in (-1.0, 1.0):
            groove = box((-0.45, 0.45), (-7, 7), (-0.45, 0.45)).rotate([0.0, 45.0, 0.0])
            grooves.append(groove.translate([x, 0.0, side * 1.72]))
    window = box((14, 46), (-1.6, 1.6), (1.25, 3.0)) + box((14, 46), (-1.6, 1.6), (-3.0, -1.25))
    half = 0.5 * BLADE_THICKNESS + 0.02
    neck = plate(
        np.array([(106, -2.6), (109.5, -1.95), (119.5, -1.3), (120.8, -0.7), (121, 0.9), (120.5, 1.55), (106, 2.7)]),
        (-1.1, 1.1),
    )
    slot = box((BLADE_START - 0.02, 130.0), (-9, 9), (-half, half))
    lug = plate(_slot_outline(-0.12), (-half - 0.2, half + 0.2))
    return (
        (body - union(grooves) - window + (neck - slot))
        + lug
        - box((BLADE_START - 0.02, BLADE_START + 0.2), (-9, 9), (-half, half))
    )


def _slab(rows: Float[NDArray[np.float64], "n 3"]) -> Manifold:
    """A flat bar along x through (x, half width, half height) with rounded edges."""
    unit = np.array(
        [
            (1, -0.5),
            (1, 0.5),
            (0.93, 0.86),
            (0.8, 1),
            (-0.8, 1),
            (-0.93, 0.86),
            (-1, 0.5),
            (-1, -0.5),
            (-0.93, -0.86),
            (-0.8, -1),
            (0.8, -1),
            (0.93, -0.86),
        ]
    )
    sections = [np.column_stack([np.full(12, x), unit[:, 0] * w, unit[:, 1] * h]) for x, w, h in rows]
    return skin(np.array(sections))


def _slot_outline(margin: float) -> Float[NDArray[np.float64], "n 2"]:
    """The blade's slot, wide behind and narrow ahead, `margin` mm larger all round; x from the handle's rear end."""
    m = margin
    left = BLADE_START + 2.4
    corners = [
        (left - m, -1.35 - m),
        (left + 4.4 + m, -1.35 - m),
        (left + 5.6 + m, -0.95 - m),
        (left + 10.0 + m, -0.95 - m),
    ]
    return np.array([*corners, *((x, -y) for x, y in reversed(corners))])


def fitted_blade(number: str) -> Manifold:
    """A blade with its slot, ground to an edge from where its cutting part begins."""
    spine, edge, ground_from = _OUTLINES[number]
    x = np.unique(np.concatenate([np.linspace(0.0, spine[-1][0], 56), [p[0] for p in spine], [p[0] for p in edge]]))
    back, front = (_through(points, x) for points in (spine, edge))
    bevel = np.interp(x, [ground_from - 1.0, ground_from + 2.0], [0.02, 1.25])
    thick = 0.5 * BLADE_THICKNESS
    sharp = x > ground_from - 1.0
    rear = blade(
        x[~sharp | (x < ground_from)], back[~sharp | (x < ground_from)], front[~sharp | (x < ground_from)], 0.02, thick
    )
    ahead = blade(x[sharp], back[sharp], front[sharp], bevel[sharp], thick)
    body = (rear + ahead).translate([BLADE_START, 0.0, 0.0])
    heel = plate(np.array([(BLADE_START - 1, 3.4), (BLADE_START - 1, -0.2), (BLADE_START + 3.4, 3.4)])[::1], (-1, 1))
    return body - heel - plate(_slot_outline(0.0), (-1.0, 1.0))


def _through(
    points: list[tuple[float, float]], x: Float[NDArray[np.float64], " n"]
) -> Float[NDArray[np.float64], " n"]:
    """A smooth curve through points (monotone between them), at x."""
    px, py = np.array(points).T
    slopes = np.gradient(py, px)
    k = np.clip(np.searchsorted(px, x, side="right") - 1, 0, len(px) - 2)
    h = px[k + 1] - px[k]
    t = (x - px[k]) / h
    chord = (py[k + 1] - py[k]) / h
    a, b = (np.where(np.abs(s) > 3.0 * np.abs(chord), 3.0 * chord, s) for s in (slopes[k], slopes[k + 1]))
    return np.asarray(
        (2 * t**3 - 3 * t**2 + 1) * py[k]
        + (t**3 - 2 * t**2 + t) * h * a
        + (3 * t**2 - 2 * t**3) * py[k + 1]
        + (t**3 - t**2) * h * b
    )
