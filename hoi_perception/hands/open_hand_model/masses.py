"""The masses that make up the hand: digits, palm, thenar and hypothenar muscles, webs and wrist."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import FINGER_JOINTS, joint_frames
from hoi_perception.hands.open_hand_model import flesh
from hoi_perception.hands.open_hand_model.flesh import Distances, Field, Points, Tube
from hoi_perception.hands.open_hand_model.proportions import (
    FINGERS,
    INDEX,
    MIDDLE,
    PINKY,
    RING,
    THUMB_BREADTH_MM,
    THUMB_DEPTH_MM,
    Digit,
    rest_joints,
    thumb_joints,
)

Array = NDArray[np.float64]


def digit_frames(name: str) -> Float[Array, "3 3 3"]:
    """Frames (flexion axis, back, bone) of a digit's three bones at rest."""
    first = FINGER_JOINTS[name][0] - 1
    return joint_frames(rest_joints())[first : first + 3]


def finger_tube(digit: Digit) -> Tube:
    """A finger: base, soft pad of the first bone, middle joint, waist, last joint, fingertip pad."""
    one, two, three = digit.links
    pip, dip = digit.breadth[0] / 2.0, digit.breadth[1] / 2.0
    deep, shallow = digit.depth
    length = one + two + three
    rows = [
        (-14.0, 0.88 * pip, 0.50 * deep, 0.56 * deep),
        (0.0, 0.99 * pip, 0.52 * deep, 0.60 * deep),
        (0.35 * one, 1.01 * pip, 0.50 * deep, 0.58 * deep),
        (0.66 * one, 0.94 * pip, 0.455 * deep, 0.545 * deep),
        (one, 1.02 * pip, 0.51 * deep, 0.49 * deep),
        (one + 0.5 * two, 0.91 * pip, 0.43 * deep, 0.51 * deep),
        (one + two, 1.01 * dip, 0.475 * shallow, 0.51 * shallow),
        (one + two + 0.42 * three, 0.97 * dip, 0.41 * shallow, 0.57 * shallow),
        (length - 6.5, 0.89 * dip, 0.35 * shallow, 0.55 * shallow),
        (length, 0.70 * dip, 0.30 * shallow, 0.42 * shallow),
    ]
    table = np.array(rows)
    return Tube(digit.joints, digit_frames(digit.name), table[:, 0], table[:, 1:], cap=0.42 * digit.breadth[1])


def thumb_tube() -> Tube:
    """The thumb from its saddle joint on; its metacarpal lies deep in the thenar muscles."""
    joints = thumb_joints()
    one, two, three = np.linalg.norm(np.diff(joints, axis=0), axis=1)
    length = one + two + three
    mcp, ip = THUMB_BREADTH_MM[0] / 2.0, THUMB_BREADTH_MM[1] / 2.0
    deep, shallow = THUMB_DEPTH_MM
    rows = [
        (-6.0, 10.5, 9.5, 10.0),
        (0.5 * one, 10.5, 9.0, 11.0),
        (one, 1.00 * mcp, 0.49 * deep, 0.53 * deep),
        (one + 0.5 * two, 0.93 * mcp, 0.43 * deep, 0.50 * deep),
        (one + two, 1.00 * ip, 0.48 * shallow, 0.50 * shallow),
        (one + two + 0.42 * three, 1.02 * ip, 0.42 * shallow, 0.60 * shallow),
        (length - 8.5, 0.93 * ip, 0.34 * shallow, 0.58 * shallow),
        (length, 0.72 * ip, 0.28 * shallow, 0.42 * shallow),
    ]
    table = np.array(rows)
    return Tube(joints, digit_frames("thumb"), table[:, 0], table[:, 1:], cap=9.0)


@dataclass(frozen=True)
class Hand:
    """All masses, combined into one field."""

    fingers: tuple[Tube, ...]
    thumb: Tube
    palm: tuple[tuple[Field, float], ...]

    def palm_distance(self, points: Points) -> Distances:
        """Palm, muscles, webs and wrist without the digits."""
        total = self.palm[0][0](points)
        for mass, blend in self.palm[1:]:
            total = flesh.smooth_union(total, mass(points), blend)
        return total

    def distance(self, points: Points) -> Distances:
        """The whole hand."""
        total = flesh.smooth_union(self.palm_distance(points), self.thumb.distance(points), 7.0)
        fingers = np.min([finger.distance(points) for finger in self.fingers], axis=0)
        return flesh.smooth_union(total, fingers, 4.0)


def build_hand() -> Hand:
    """The mean adult hand."""
    masses = [*_metacarpals(), *_muscles(), *_webs(), *_knuckles(), *_pads(), (_wrist(), 8.0)]
    return Hand(tuple(finger_tube(digit) for digit in FINGERS), thumb_tube(), tuple(masses))


def _metacarpals() -> list[tuple[Field, float]]:
    """Four rods from the carpus to the knuckles; they are the palm's body and its transverse arch."""
    rows = [(INDEX, 10.5, -2.0, 11.5, 10.6), (MIDDLE, 4.0, -1.0, 12.0, 12.6), (RING, -5.0, -1.5, 12.0, 12.0)]
    rows.append((PINKY, -13.0, -4.0, 11.5, 8.8))
    rods: list[tuple[Field, float]] = []
    for digit, z, y, base, head in rows:
        end = np.array(digit.knuckle) + [0.0, -1.5, 0.0]
        rods.append((flesh.capsule(np.array([-8.0, y, z]), end, base, head, 0.95), 7.0))
    return rods


def _muscles() -> list[tuple[Field, float]]:
    thumb = thumb_joints()
    along = (thumb[1] - thumb[0]) / np.linalg.norm(thumb[1] - thumb[0])
    thenar = _axes(along)
    along = np.array(PINKY.knuckle) - [-8.0, -6.0, -13.0]
    hypothenar = _axes(along / np.linalg.norm(along))
    return [
        (flesh.ellipsoid(np.array([-33.0, -15.0, 28.0]), thenar, (29.0, 13.0, 15.0)), 9.0),
        (flesh.ellipsoid(np.array([-34.0, -9.5, -28.0]), hypothenar, (33.0, 13.5, 14.5)), 9.0),
    ]


def _axes(along: Array) -> Float[Array, "3 3"]:
    """Unit axes along a direction, upward from it and sideways."""
    side = np.cross(along, [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    return np.column_stack([along, np.cross(side, along), side])


def _webs() -> list[tuple[Field, float]]:
    """The skin between neighbouring digits; between thumb and index finger over the adductor muscle."""
    webs: list[tuple[Field, float]] = []
    for a, b in pairwise(FINGERS):
        ends = [np.array(d.joints[0] + web_place(d, -7.5) * d.direction + [0.0, -2.5, 0.0]) for d in (a, b)]
        webs.append((flesh.capsule(ends[0], ends[1], 6.8, 6.8, 0.95), 6.0))
    corners = np.array([[-44.0, -12.5, 46.0], [-72.0, -5.0, 22.0], [-24.0, -7.0, 20.0]])
    webs.append((flesh.plate(corners, 6.5), 9.0))
    return webs


def web_place(digit: Digit, beyond: float = 0.0) -> float:
    """Distance of the web's edge from the knuckle along a finger."""
    return 0.36 * digit.links[0] + beyond


def _pads() -> list[tuple[Field, float]]:
    """Cushions of the palm before the three clefts between the fingers."""
    pads: list[tuple[Field, float]] = []
    for a, b in pairwise(FINGERS):
        middle = np.mean([d.joints[0] + web_place(d, -13.0) * d.direction for d in (a, b)], axis=0)
        pads.append((flesh.ellipsoid(middle + [0.0, -10.5, 0.0], np.eye(3), (8.0, 5.5, 7.0)), 5.0))
    return pads


def _knuckles() -> list[tuple[Field, float]]:
    return [(flesh.ellipsoid(np.array(d.knuckle) + [2.0, 2.5, 0.0], np.eye(3), (9.5, 9.6, 7.6)), 5.0) for d in FINGERS]


def _wrist() -> Field:
    """Oval end of the forearm, about 58 by 40 mm."""
    section = np.array(
        [[-50.0, 25.0, 12.0, 16.0], [-14.0, 28.0, 15.0, 19.0], [14.0, 27.5, 17.5, 20.0], [40.0, 27.0, 18.5, 20.5]]
    )

    def distance(points: Points) -> Distances:
        breadth, back, front = (np.interp(points[:, 0], section[:, 0], section[:, i]) for i in (1, 2, 3))
        y = points[:, 1] + 3.0
        height = np.where(y > 0.0, back, front)
        p = 2.3
        ends = np.maximum(-points[:, 0] - 12.0, 0.0) / 22.0
        ratio = (np.abs((points[:, 2] + 1.0) / breadth) ** p + np.abs(y / height) ** p + ends**p) ** (1.0 / p)
        return np.asarray((ratio - 1.0) * np.minimum(breadth, height))

    return distance
