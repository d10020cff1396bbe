"""Rigid instruments of one link: Senn and Army-Navy retractors, bone curette, Frazier and Yankauer suction."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold

from hoi_perception.instruments.catalogue.assembly import design, frame, link, region, tip
from hoi_perception.instruments.catalogue.holding import held
from hoi_perception.instruments.catalogue.materials import CLEAR_PLASTIC, STEEL
from hoi_perception.instruments.catalogue.shapes import ball, box, plate, rod, spline, sweep, tapered, turned, union
from hoi_perception.instruments.description import Grasp
from hoi_perception.instruments.design import InstrumentDesign

ACROSS = np.array([0.0, 1.0, 0.0])
FRAZIER_RADIUS, FRAZIER_LUMEN = 1.667, 1.25
ALL_FINGERS = ("thumb", "index", "middle", "ring", "pinky", "palm")


def senn() -> InstrumentDesign:
    """Senn retractor, 160 mm: a rake of three prongs ahead (+x), a blade behind, both towards -z."""
    half = 80.0
    strap = _strap(
        [(-half + 1, -1.2), (-70, 0.0), (-40, 0.35), (40, 0.35), (66, 0.0), (70, -0.3)],
        0.95,
        [3.6, 3.8, 5.2, 5.2, 3.4, 3.2],
    )
    blade = _strap(
        [(-70, 0.0), (-76, -0.6), (-79, -3.6), (-79.1, -12), (-78.6, -20), (-77.0, -23.0)],
        0.6,
        [3.8, 3.6, 3.5, 3.5, 3.5, 3.0],
    )
    prongs = []
    for y in (-3.4, 0.0, 3.4):
        knots = [
            [64, 0.35 * y, 0, 1.0, 1.0],
            [70, 0.9 * y, -0.2, 0.9, 0.9],
            [76, y, -0.8, 0.8, 0.85],
            [79.1, y, -3.4, 0.75, 0.75],
        ]
        knots += [[78.6, y, -6.4, 0.5, 0.5], [76.6, y, -8.6, 0.08, 0.08]]
        prongs.append(tapered(knots, 22, exponent=2.1, sides=12))
    body = union([strap, blade, *prongs]) - _holes(((-34, -18), (18, 34)), 2.6)
    return design(
        "senn_retractor",
        "retractor",
        [link("retractor", {"retractor": (body, STEEL)}, (-77, -60, -30, 0, 30, 62, 74))],
        aliases=("Senn rake retractor", "Senn-Mueller retractor", "cat's paw"),
        sources=(
            "Double-ended, rake of three prongs and an L-shaped blade: Wikipedia, Senn retractor",
            "Length 160 mm (6.25 in), blade 7 mm wide: typical",
            "Blade 22 mm deep, rake 8 mm deep and 8 mm wide: typical",
        ),
        frames=(
            tip("rake", "retractor", (76.6, 0, -8.6), (0, 90, 0)),
            tip("blade", "retractor", (-77.0, 0, -23.0), (0, 90, 0)),
        ),
        regions=(region("handle", "retractor", ALL_FINGERS, (-60, 60), (-6, 6), (-3, 3)),),
        grasps=(_grasp_bar("fist", 0.0),),
    )


def army_navy() -> InstrumentDesign:
    """Army-Navy retractor, 220 mm: blades at both ends towards -z, the longer one ahead (+x), a fenestrated handle."""
    strap = _strap([(-107, -0.3), (-90, 0.0), (90, 0.0), (107, -0.3)], 1.1, [7.5, 7.6, 7.6, 7.5])
    front = _strap(
        [(104, 0.0), (107.3, -0.9), (108.8, -4), (108.9, -20), (108.6, -38), (106.6, -43.4)], 0.95, [7.5] * 5 + [7.2]
    )
    back = _strap(
        [(-104, 0.0), (-107.3, -0.9), (-108.8, -4), (-108.9, -14), (-108.6, -21), (-106.8, -25.4)],
        0.95,
        [7.5] * 5 + [7.2],
    )
    body = union([strap, front, back]) - _holes(((-78, -34), (-22, 22), (34, 78)), 3.6)
    return design(
        "army_navy_retractor",
        "retractor",
        [link("retractor", {"retractor": (body, STEEL)}, (-106, -80, -30, 30, 80, 106))],
        aliases=("US Army retractor", "Army retractor", "Navy retractor"),
        sources=(
            "21 to 25 cm, blades 13 to 25 mm wide, 26 and 44 mm deep: fizzasurgical.com, Army Navy Retractor",
            "Here 220 mm, 15 mm wide; fenestrated handle: as usually described",
            "Blades 43 and 25 mm deep, 1.9 mm thick: typical",
        ),
        frames=(
            tip("long", "retractor", (106.6, 0, -43.4), (0, 90, 0)),
            tip("short", "retractor", (-106.8, 0, -25.4), (0, 90, 0)),
        ),
        regions=(region("handle", "retractor", ALL_FINGERS, (-90, 90), (-9, 9), (-3, 3)),),
        grasps=(_grasp_bar("fist", 0.0),),
    )


def bone_curette() -> InstrumentDesign:
    """Spratt type bone curette, 170 mm, oval cup of 5 mm; origin at the handle's rear end, the cup opens towards +z."""
    profile = [
        (0, 0),
        (0, 2.6),
        (1.2, 3.9),
        (10, 4.4),
        (40, 4.2),
        (75, 3.6),
        (92, 3.3),
        (99, 3.9),
        (103, 3.4),
        (108, 2.3),
        (108, 0),
    ]
    grip = turned(profile, 8).rotate([22.5, 0, 0])
    rows = [
        [104, 0, 0, 2.3, 2.3],
        [120, 0, 0, 1.75, 1.75],
        [145, 0, 0.0, 1.25, 1.25],
        [158, 0, -0.5, 1.0, 1.0],
        [163.5, 0, -0.9, 1.25, 0.9],
    ]
    neck = tapered(rows, 26, exponent=2.0)
    outer = ball((0, 0, 0), 1.0, 40).scale([4.0, 2.75, 2.35]).translate([166.0, 0.0, 0.0])
    inner = ball((0, 0, 0), 1.0, 40).scale([3.5, 2.25, 2.0]).translate([166.0, 0.0, 0.25])
    cup = (outer + neck.trim_by_plane([-1.0, 0.0, 0.0], -165.0)) - inner
    cup = cup - box((162.0, 172.0), (-4, 4), (0.25, 6.0))
    body = grip + cup
    return design(
        "bone_curette",
        "curette",
        [link("curette", {"curette": (body, STEEL)}, (50, 100, 112, 135, 160))],
        aliases=("Spratt curette", "Bruns curette", "bone curette"),
        sources=("Length 170 mm (6.75 in), oval cup 5.5 x 8 mm, handle 8 to 9 mm across: typical, from pictures",),
        frames=(tip("tip", "curette", (170, 0, 0)), frame("cup", "curette", (166, 0, -1.0), (0, -90, 0))),
        regions=(region("grip", "curette", ("thumb", "index", "middle"), (60, 108), (-5, 5), (-5, 5)),),
        grasps=(_pen(90.0, 4.0), _grasp_bar("fist", 60.0)),
    )


def frazier() -> InstrumentDesign:
    """Frazier suction tube, 10 Fr, with finger cut-off; origin at the hose end, x along the handle."""
    path = spline(
        [
            [0, 0, 0],
            [30, 0, 0],
            [58, 0, 0],
            [72, -1.2, 0],
            [84, -6.5, 0],
            [100, -15.6, 0],
            [140, -38.6, 0],
            [168.0, -54.7, 0],
        ],
        60,
    )
    lumen_path = spline(
        [
            [-1, 0, 0],
            [30, 0, 0],
            [58, 0, 0],
            [72, -1.2, 0],
            [84, -6.5, 0],
            [100, -15.6, 0],
            [140, -38.6, 0],
            [170, -55.85, 0],
        ],
        60,
    )
    tube = sweep(path, FRAZIER_RADIUS, FRAZIER_RADIUS, exponent=2.0, n=24)
    barb = [
        (0, 0),
        (0, 2.6),
        (5, 3.6),
        (5.3, 3.0),
        (9, 2.7),
        (13, 3.6),
        (13.3, 3.0),
        (17, 2.7),
        (21, 3.6),
        (21.3, 3.0),
        (29, 3.0),
        (33, 1.6),
        (33, 0),
    ]
    pad = plate(
        np.array([(30, -2.2), (36, -5.0), (58, -5.0), (66, -3.2), (66, 1.8), (58, 5.0), (36, 5.0), (30, 2.2)]),
        (-1.9, 1.9),
    )
    body = union([tube, turned(barb, 28), pad])
    drop = union([rod((46, 0, 0), (46, 0, 5), 2.0, 2.6, n=24), rod((51, 0, 0), (51, 0, 5), 1.1, 1.5, n=24)]).hull()
    lumen = sweep(lumen_path, FRAZIER_LUMEN, FRAZIER_LUMEN, exponent=2.0, n=16)
    body = body - lumen - drop
    end = path[-1]
    angle = float(np.degrees(np.arctan2(path[-1][1] - path[-2][1], path[-1][0] - path[-2][0])))
    places = {"index_pad": (48, 0, 5), "thumb_pad": (56, -7, -4), "middle_pad": (60, 4, -6), "index_1": (-14, 17, 6)}
    return design(
        "frazier_suction",
        "suction",
        [link("tube", {"tube": (body, STEEL)}, (20, 34, 60, 72, 86, 100, 120, 145))],
        aliases=("Frazier suction tube", "Frazier tip", "Ferguson suction"),
        sources=(
            "10 Fr is 3.33 mm outside; finger cut-off on a flat handle, angled tube: as usually described",
            "Handle 60 mm, tube 115 mm beyond the bend of 30 degrees, lumen 2.5 mm: typical",
        ),
        frames=(tip("tip", "tube", end.tolist(), (0, 0, angle)), frame("cut_off", "tube", (47, 0, 1.9), (0, -90, 0))),
        regions=(
            region("handle", "tube", ("thumb", "index", "middle"), (30, 70), (-6, 6), (-3, 3)),
            region("cut_off", "tube", ("index",), (42, 54), (-3, 3), (1, 3)),
        ),
        grasps=(held("pen", "pen", places),),
    )


def yankauer() -> InstrumentDesign:
    """Yankauer suction tube with bulb tip, plastic; origin at the hose end, x along the handle, bent towards -y."""
    knots = [
        [0, 0, 0, 6.2],
        [4, 0, 0, 6.6],
        [40, 0, 0, 6.4],
        [100, 0, 0, 5.9],
        [128, 0, 0, 5.3],
        [150, -1.8, 0, 4.8],
        [180, -9.0, 0, 4.5],
    ]
    knots += [[210, -20.5, 0, 4.2], [236, -33.0, 0, 4.0], [256, -43.4, 0, 4.1]]
    rows = spline(np.array(knots), 48)
    tube = sweep(rows[:, :3], rows[:, 3], rows[:, 3], exponent=2.0, n=24)
    aim = rows[-1, :3] - rows[-2, :3]
    aim /= np.linalg.norm(aim)
    side = np.array([-aim[1], aim[0], 0.0])
    center = rows[-1, :3] + 2.5 * aim
    round_end = [(6.0 * np.sin(a), 6.0 * np.cos(a)) for a in np.radians(np.arange(-40.0, 76.0, 11.5))]
    bulb = turned([(-7.0, 0.0), (-7.0, 3.4), (-5.6, 4.0), *round_end, (6.0, 1.2), (6.0, 0.0)], 40)
    bulb = bulb.rotate([0.0, 0.0, float(np.degrees(np.arctan2(aim[1], aim[0])))]).translate(center)
    ribs = [turned([(x, 4.0), (x, 6.9), (x + 1.6, 6.9), (x + 1.6, 4.0)], 36) for x in (26, 34, 42, 50, 58)]
    lumen_rows = rows.copy()
    lumen_rows[0, 0] = -1.0
    lumen = sweep(
        np.vstack([lumen_rows[:, :3], center]),
        np.append(rows[:, 3] - 1.6, 2.6),
        np.append(rows[:, 3] - 1.6, 2.6),
        exponent=2.0,
        n=14,
    )
    chamber = ball(center, 4.2, 28)
    out = [
        rod(center, center + 9 * direction, 1.2, n=20)
        for direction in (aim, side, -side, np.array([0, 0, 1.0]), np.array([0, 0, -1.0]))
    ]
    body = union([tube, bulb, *ribs]) - union([lumen, chamber, *out])
    end = center + 6.0 * aim
    angle = float(np.degrees(np.arctan2(aim[1], aim[0])))
    return design(
        "yankauer_suction",
        "suction",
        [link("tube", {"tube": (body, CLEAR_PLASTIC)}, (60, 128, 150, 175, 200, 225, 245))],
        aliases=("Yankauer", "tonsil suction", "rigid suction tip"),
        sources=(
            "Rigid, bent tube with a bulb that has one opening ahead and four round it: as usually described",
            "Length 265 mm along x, handle 13 mm, bulb 12 mm, openings 2.4 mm: typical of disposable ones",
        ),
        frames=(tip("tip", "tube", end.tolist(), (0, 0, angle)), frame("hose", "tube", (0, 0, 0), (0, 0, 180))),
        regions=(region("handle", "tube", ALL_FINGERS, (20, 130), (-8, 8), (-8, 8)),),
        grasps=(_pen(105.0, 6.0), _grasp_bar("fist", 70.0)),
    )


def _strap(line: list[tuple[float, float]], half_thickness: float, half_widths: list[float]) -> Manifold:
    """A flat strap along a line in x and z."""
    rows = spline(np.array([[x, 0.0, z, w] for (x, z), w in zip(line, half_widths, strict=True)]), 26)
    return sweep(rows[:, :3], half_thickness, rows[:, 3], exponent=5.0, n=24, up=ACROSS)


def _holes(spans: tuple[tuple[float, float], ...], half_width: float) -> Manifold:
    """Long holes through a strap, each from x to x."""

    def end(at: float) -> Manifold:
        return rod((at, 0, -9), (at, 0, 9), half_width, n=24)

    return union((end(a + half_width) + end(b - half_width)).hull() for a, b in spans)


def _pen(grip: float, radius: float) -> Grasp:
    places = {
        "thumb_pad": (grip, -radius - 2, 2),
        "index_pad": (grip + 6, radius + 2, 3),
        "middle_pad": (grip - 2, 1, -radius - 3),
    }
    return held("pen", "pen", {**places, "index_1": (grip - 62, 8, -16)})


def _grasp_bar(hand: str, middle: float) -> Grasp:
    """A bar in the fist, its x axis towards the thumb's side."""
    curls = {"index_curl": 30.0, "middle_curl": 10.0, "ring_curl": -11.0, "pinky_curl": -31.0}
    places = {name: (middle + x, 0.0, 0.0) for name, x in curls.items()}
    return held("fist", hand, {**places, "middle_1": (middle + 10.0, 0.0, 26.0)})
