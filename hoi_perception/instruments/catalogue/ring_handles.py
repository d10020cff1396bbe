"""Shanks, finger rings, ratchets and pivots of scissors, haemostats and needle holders, in millimetres.

The left half has its jaw at +y and its ring at -y; the pivot is the z axis. Closed, the halves meet in the plane y = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from hoi_perception.instruments.catalogue.assembly import region
from hoi_perception.instruments.catalogue.holding import held
from hoi_perception.instruments.catalogue.shapes import box, plate, ring, rod, tapered, union
from hoi_perception.instruments.description import Grasp, GraspRegion

GAP = 0.03
"""Play between sliding faces; the halves of a closed instrument are this far apart."""


@dataclass(frozen=True)
class Handle:
    """A shank with its ring: lengths are from the pivot, hole sizes are full."""

    length: float
    hole: tuple[float, float]
    wire: tuple[float, float]
    neck: tuple[float, float]
    """Half width and half height where the shank leaves the pivot."""
    waist: tuple[float, float]
    """The same in the middle of the shank."""
    pivot: float
    """Radius of the disc in which the halves cross."""
    tilt_deg: float = 9.0
    bow: float = 0.0
    """How far the middle of the shank stands out from a straight line to the ring."""

    @property
    def ring_center(self) -> tuple[float, float]:
        """Middle of the left half's ring hole."""
        a, b = (0.5 * h for h in self.hole)
        turn = np.radians(self.tilt_deg)
        reach = np.hypot((a + 2 * self.wire[0]) * np.cos(turn), (b + 2 * self.wire[0]) * np.sin(turn))
        aside = np.hypot((a + 2 * self.wire[0]) * np.sin(turn), (b + 2 * self.wire[0]) * np.cos(turn))
        return float(reach - self.length), float(-aside - 0.6)


def shank(handle: Handle) -> Manifold:
    """Left shank and ring, from the pivot on, cut off at the middle plane; they join on the ring's inner side."""
    cx, cy = handle.ring_center
    a, b = (0.5 * h + handle.wire[0] for h in handle.hole)
    turn, attach = np.radians(handle.tilt_deg), np.radians(20.0)
    R = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    front = np.array([cx, cy]) + R @ [a * np.cos(attach), b * np.sin(attach)]
    aim = R @ [np.cos(0.5 * attach), np.sin(0.5 * attach)]
    neck_y = -handle.neck[0] - 0.5 * GAP
    start, middle = np.array([-0.9 * handle.pivot, neck_y]), np.array([0.5 * front[0], 0.5 * (front[1] + neck_y)])
    middle[1] -= handle.bow
    w, h = handle.wire
    knots = [
        [-0.15 * handle.pivot, neck_y, 0.0, *handle.neck],
        [*start, 0.0, *handle.neck],
        [*(0.55 * start + 0.45 * middle), 0.0, *(0.5 * np.add(handle.neck, handle.waist))],
        [*middle, 0.0, *handle.waist],
        [
            *(0.5 * middle + 0.5 * front + [0.0, 0.35 * handle.bow]),
            0.0,
            *(0.55 * np.array(handle.waist) + 0.45 * np.array([w, h])),
        ],
        [*(front + 2.5 * aim), 0.0, 1.08 * w, h],
        [*(front - 0.6 * aim), 0.0, 1.25 * w, 0.96 * h],
    ]
    bow = ring((cx, cy), 0.5 * handle.hole[0], 0.5 * handle.hole[1], handle.wire, handle.tilt_deg)
    whole = tapered(knots, 30) + bow
    hole = rod((0, 0, -9), (0, 0, 9), 1.0, n=40).scale([0.5 * handle.hole[0], 0.5 * handle.hole[1], 1.0])
    whole = whole - hole.rotate([0.0, 0.0, handle.tilt_deg]).translate([cx, cy, 0.0])
    return whole.trim_by_plane([0.0, -1.0, 0.0], 0.5 * GAP)


def ratchet(x: float, length: float, half_height: float, reach: float, pitch: float = 1.1) -> Manifold:
    """The left half's ratchet: a tongue above the middle plane from its shank across to the other, teeth below.

    Turned over it is the right half's, and the teeth of both interlock.
    """
    inner = -reach
    depth, count = 0.34, int((2 * reach - 1.2) / pitch)
    first = -0.5 * count * pitch
    lower = [(inner - 1.2, 0.5 * GAP)]
    for k in range(count):
        y = first + k * pitch
        lower += [(y, 0.5 * GAP + depth), (y + pitch, 0.5 * GAP - depth)]
    lower += [(reach - 0.45, 0.5 * GAP + 0.2)]
    outline = [*lower, (reach - 0.45, half_height - 0.5), (reach - 1.2, half_height), (inner - 1.2, half_height)]
    tongue = plate(np.array(outline), (0.0, length))
    return tongue.transform([[0.0, 0.0, 1.0, x - 0.5 * length], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])


def disc(radius: float, z: tuple[float, float]) -> Manifold:
    """A round plate about the pivot."""
    return rod([0, 0, z[0]], [0, 0, z[1]], radius, n=64)


def lapped(blade: Manifold, handle_body: Manifold, radius: float, half_height: float) -> Manifold:
    """The left half of a lap joint: blade and disc above the middle plane, the shank's full height outside the disc."""
    tall = 2.0 * half_height
    below = disc(radius + GAP, (-tall, 0.5 * GAP)) + box((0.0, 400.0), (-40.0, 40.0), (-tall, 0.5 * GAP))
    return union([blade, handle_body, disc(radius, (0.5 * GAP, half_height))]) - below


def boxed(left: Manifold, right: Manifold, radius: float, half_height: float) -> tuple[Manifold, Manifold]:
    """The halves of a box joint: the right half passes as a tongue through the slot of the left."""
    tongue = half_height / 3.0
    outer = disc(radius + GAP, (tongue - GAP, 20.0)) + disc(radius + GAP, (-20.0, GAP - tongue))
    left = left + disc(radius, (-half_height, half_height)) - disc(radius + 0.6 * GAP, (-tongue, tongue))
    right = (right - outer) + disc(radius - GAP, (GAP - tongue, tongue - GAP))
    return left, right


def screw(radius: float, half_height: float, head: float = 0.12) -> Manifold:
    """The pivot's screw with its slot, to be fixed in the base link."""
    top = half_height + head
    pin = rod([0, 0, -top], [0, 0, top], radius, n=32)
    slot = box((-radius, radius), (-0.14 * radius, 0.14 * radius), (top - 0.45, top + 1.0))
    return pin - slot.rotate([0.0, 0.0, 35.0])


def screw_hole(radius: float) -> Manifold:
    """What is taken out of the halves for the screw."""
    return rod([0, 0, -20], [0, 0, 20], radius + 0.5 * GAP, n=32)


def ring_regions(handle: Handle) -> tuple[GraspRegion, ...]:
    """Where thumb, ring finger, middle and index finger go; the right hand's thumb is in the ring at +y."""
    cx, cy = handle.ring_center
    a, b = (0.5 * h + 2 * handle.wire[0] + 1.0 for h in handle.hole)
    z = (-handle.wire[1] - 1.0, handle.wire[1] + 1.0)
    reach = cx + a
    return (
        region("thumb_ring", "jaw_right", ["thumb"], (cx - a, cx + a), (-cy - b, -cy + b), z),
        region("finger_ring", "jaw_left", ["ring", "middle"], (cx - a, cx + a), (cy - b, cy + b), z),
        region("shank", "jaw_left", ["index"], (reach, 0.25 * reach), (-12.0, 4.0), (-5.0, 5.0)),
    )


def ring_grasp(handle: Handle, driver: str = "jaw") -> Grasp:
    """Thumb and ring finger in the rings, index finger along the shank, opened by a few degrees."""
    cx, cy = handle.ring_center
    opening = np.radians(6.0)
    c, s = np.cos(opening), np.sin(opening)
    left = np.array([c * cx - s * cy, s * cx + c * cy, 0.0])
    right = left * [1.0, -1.0, 1.0]
    finger = 0.5 * left[0] - 4.0
    places = {"thumb_pad": right.tolist(), "ring_pad": left.tolist(), "index_pad": [finger, -6.0, -9.0]}
    return held("rings", "scissors_ring", places, {driver: round(float(opening), 4)})
