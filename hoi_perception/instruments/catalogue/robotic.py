"""A wristed needle driver of 8 mm, as surgical robots use: roll, pitch, yaw and two jaws."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold

from hoi_perception.instruments.catalogue.assembly import design, frame, jaw_joints, link, tip
from hoi_perception.instruments.catalogue.materials import BLACK_PLASTIC, CARBIDE, GREY_PLASTIC, STEEL
from hoi_perception.instruments.catalogue.ring_handles import GAP
from hoi_perception.instruments.catalogue.shapes import box, mirrored, plate, rod, tapered, turned, union, wedges
from hoi_perception.instruments.description import Symmetry
from hoi_perception.instruments.design import InstrumentDesign, JointDesign

SHAFT, RADIUS = 416.2, 4.0
PITCH_TO_YAW, YAW_TO_TIP = 9.1, 10.2
ROLL_DEG, WRIST_DEG, JAW_DEG = 260.0, 80.0, 30.0


def needle_driver() -> InstrumentDesign:
    """Large needle driver; origin on the pitch axis, x along the shaft to the tip, jaws open about z."""
    roll, wrist = float(np.radians(ROLL_DEG)), float(np.radians(WRIST_DEG))
    left, right, left_insert, right_insert = _jaws()
    joints = (
        JointDesign("roll", "housing", "shaft", axis=(1.0, 0.0, 0.0), lower=-roll, upper=roll),
        JointDesign("wrist_pitch", "shaft", "wrist", axis=(0.0, 1.0, 0.0), lower=-wrist, upper=wrist),
        JointDesign("wrist_yaw", "wrist", "yaw_pin", xyz=(0.001 * PITCH_TO_YAW, 0.0, 0.0), lower=-wrist, upper=wrist),
        *jaw_joints(JAW_DEG, base="yaw_pin"),
    )
    links = [
        link("housing", {"housing": (_housing(), GREY_PLASTIC)}),
        link("shaft", {"shaft": (_tube(), BLACK_PLASTIC), "fork": (_fork(), STEEL)}, (-7.0,)),
        link("wrist", {"wrist": (_wrist(), STEEL)}, (2.6, 5.4)),
        link("yaw_pin", {"yaw_pin": (rod((0, 0, -3.1), (0, 0, 3.1), 0.75, n=24), STEEL)}),
        link("jaw_left", {"jaw_left": (left, STEEL), "insert_left": (left_insert, CARBIDE)}, (1.8,)),
        link("jaw_right", {"jaw_right": (right, STEEL), "insert_right": (right_insert, CARBIDE)}, (1.8,)),
    ]
    return design(
        "large_needle_driver",
        "robotic_needle_driver",
        links,
        joints,
        aliases=("da Vinci large needle driver", "LND", "EndoWrist needle driver"),
        sources=(
            "Pitch axis 416.2 mm from the housing, yaw axis 9.1 mm on, control point 10.2 mm on: da Vinci Research Kit",
            "Roll 260 and wrist 80 degrees to each side: da Vinci Research Kit (instrument 400006)",
            "Shaft 8 mm: reviews of surgical robots; jaws open by 60 degrees, shapes of wrist and housing: typical",
        ),
        symmetries=(Symmetry("shaft", (1.0, 0.0, 0.0), 2), Symmetry("wrist", (1.0, 0.0, 0.0), 2)),
        frames=(
            tip("tip_left", "jaw_left", (YAW_TO_TIP, 0, 0)),
            tip("tip_right", "jaw_right", (YAW_TO_TIP, 0, 0)),
            frame("control_point", "yaw_pin", (YAW_TO_TIP, 0, 0)),
            frame("pitch_axis", "wrist", (0, 0, 0)),
        ),
    )


def _housing() -> Manifold:
    """The box at the rear with its release levers and the four discs that the robot turns."""
    rear = -SHAFT - 60.0
    corners = np.array(
        [(-24, -27), (24, -27), (26, -24), (26, 24), (24, 27), (-24, 27), (-26, 24), (-26, -24)], dtype=float
    )
    body = plate(corners, (0.0, 56.0)).transform([[0.0, 0.0, 1.0, rear], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, -6.0]])
    collar = turned([(rear + 55, 0), (rear + 55, 13), (rear + 60, 9), (rear + 70, 6.5), (rear + 70, 0)], 40)
    levers = [box((rear + 12, rear + 40), (s * 26 - 1.6, s * 26 + 1.6), (-14, 8)) for s in (-1, 1)]
    discs = [rod((rear + x, y, -34.5), (rear + x, y, -30), 8.0, n=32) for x in (16, 38) for y in (-12, 12)]
    crosses = [box((rear + x - 5, rear + x + 5), (y - 0.8, y + 0.8), (-36, -33.4)) for x in (16, 38) for y in (-12, 12)]
    bore = rod((rear + 50, 0, 0), (rear + 80, 0, 0), RADIUS + 0.05, n=40)
    return union([body, collar, *levers, *discs]) - union(crosses) - bore


def _tube() -> Manifold:
    return rod((-SHAFT - 9.0, 0, 0), (-14.0, 0, 0), RADIUS, n=40) - rod(
        (-SHAFT - 10.0, 0, 0), (-10.0, 0, 0), RADIUS - 0.9, n=28
    )


def _fork() -> Manifold:
    """The metal end of the shaft: a fork that bears the wrist on the pitch axis (y)."""
    round_end = rod((-13.98, 0, 0), (-5.0, 0, 0), RADIUS - 0.1, n=40) + rod((-5, 0, 0), (3.4, 0, 0), RADIUS - 0.1, n=40)
    side = union(
        [rod((0, -5, 0), (0, 5, 0), 3.0, n=36), box((-14, 0), (-5, 5), (-3.0, 3.0)), box((-14, -4.2), (-5, 5), (-5, 5))]
    )
    gap = box((-4.0, 5.0), (-2.1, 2.1), (-5, 5)) + rod((0, -2.1, 0), (0, 2.1, 0), 4.1, n=36)
    groove = rod((-12.0, 0, 0), (-11.3, 0, 0), 5.0, n=40) - rod((-13.0, 0, 0), (-10.0, 0, 0), RADIUS - 0.35, n=40)
    return ((round_end ^ side) - gap - groove) + rod((0, -3.2, 0), (0, 3.2, 0), 0.75, n=24)


def _wrist() -> Manifold:
    """From pitch to yaw axis: a lug between the fork's arms, then a fork across that bears the jaws."""
    lug = rod((0, -2.0, 0), (0, 2.0, 0), 2.95, n=36) - rod((0, -3, 0), (0, 3, 0), 0.78, n=24)
    neck = box((1.0, 5.6), (-2.0, 2.0), (-2.6, 2.6)) - rod((0, -3, 0), (0, 3, 0), 0.78, n=24)
    y = PITCH_TO_YAW
    head = rod((4.2, 0, 0), (y + 2.9, 0, 0), RADIUS - 0.25, n=40)
    shape = rod((y, 0, -5), (y, 0, 5), 2.6, n=36) + box((3.0, y), (-2.6, 2.6), (-5, 5))
    slot = rod((y, 0, -2.05), (y, 0, 2.05), 3.4, n=36) + box((y - 1.6, y + 6), (-5, 5), (-2.05, 2.05))
    pulley = rod((0, -2.02, 0), (0, 2.02, 0), 1.6, n=28) - rod((0, -3, 0), (0, 3, 0), 0.78, n=24)
    return union([lug, neck, (head ^ shape) - slot, pulley]) - rod((y, 0, -5), (y, 0, 5), 0.78, n=24)


def _jaws() -> tuple[Manifold, Manifold, Manifold, Manifold]:
    """Short, broad jaws with crossed grooves on a carbide face, and the discs by which cables turn them."""
    knots = [
        [1.2, 1.0, 0, 1.0, 1.7],
        [3.0, 1.15, 0, 1.15, 1.9],
        [6.0, 1.0, 0, 1.0, 1.75],
        [9.2, 0.72, 0, 0.72, 1.35],
        [10.2, 0.42, 0, 0.42, 0.9],
    ]
    raw = tapered(knots, 26, exponent=2.8, sides=18).trim_by_plane([0.0, 1.0, 0.0], 0.5 * GAP)
    raw = raw.trim_by_plane([-1.0, 0.0, 0.0], -YAW_TO_TIP)
    near = box((-4, 3.2), (-5, 5), (-5, 0.5 * GAP)) + box((-4, 3.2), (-5, 5), (1.95, 5))
    disc = rod((0, 0, 0.5 * GAP), (0, 0, 1.95), 2.5, n=40) - rod((0, 0, 0.6), (0, 0, 1.35), 3.0, n=40)
    core = rod((0, 0, 0.5 * GAP), (0, 0, 1.95), 2.1, n=40)
    web = box((0.6, 3.6), (0.2, 1.75), (0.5 * GAP, 1.7))
    body = union([raw - near, disc, core, web]) - rod((0, 0, -4), (0, 0, 4), 0.78, n=24)
    seat = box((3.9, 12.0), (-1.0, 0.45), (-3.0, 3.0))
    insert, metal = body ^ seat, body - seat

    def face(phase: float) -> Manifold:
        across = wedges(np.arange(4.3, 10.0, 0.5) + 0.5 * phase, (-0.6, 0.0), (-3, 3), 0.44, 0.16)
        profile = np.array([[-0.22, -0.6], [0.22, -0.6], [0.0, 0.13]])
        along = [
            plate(profile, (3.0, 12.0)).transform([[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, z]])
            for z in np.arange(-0.75, 0.76, 0.5)
        ]
        return insert - across - union(along)

    return metal, mirrored(metal), face(0.0), mirrored(face(0.5))
