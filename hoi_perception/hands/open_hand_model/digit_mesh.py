"""Rings, nail row and cap of a digit's mesh, placed on the flesh; ring vertices run from the radial back to the pad.

Places round a ring: 0 the corner of back and thumb's side, 1 to 3 the back, 4 and 5 the corners on the little finger's
side, 6 to 8 the pad, 9 the corner of pad and thumb's side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from hoi_perception.hands.open_hand_model import flesh
from hoi_perception.hands.open_hand_model.flesh import Field, Tube

Array = NDArray[np.float64]
RING = 10
_ANGLES_DEG = np.array([18.0, 52.0, 90.0, 128.0, 162.0, 198.0, 234.0, 270.0, 306.0, 342.0])


@dataclass(frozen=True)
class RingPlan:
    """One ring: place on the axis (mm from the first joint), lean of its rays toward the tip, slant of its plane.

    The slant moves the ring's vertices along the bone by `slant` times the cosine of the angle to `slant_at_deg`.
    """

    along: float
    lean_deg: float = 0.0
    slant: float = 0.0
    slant_at_deg: float = 0.0


@dataclass(frozen=True)
class DigitMesh:
    """Vertices of a digit and its faces; the first ten vertices are the base ring."""

    vertices: Float[Array, "n 3"]
    faces: Int[NDArray[np.int64], "m 3"]
    nail: tuple[int, ...]
    tip: int


def finger_plan(links: tuple[float, float, float], base: float) -> list[RingPlan]:
    """Ten rings beyond the base: three at each joint, the bones' middles, nail fold, nail and tip."""
    one, two, three = links
    length = one + two + three
    return [
        RingPlan(base + 0.36 * (one - 6.8 - base)),
        RingPlan(one - 6.8),
        RingPlan(one),
        RingPlan(one + 6.2),
        RingPlan(one + 0.5 * two + 0.4),
        RingPlan(one + two - 5.0),
        RingPlan(one + two),
        RingPlan(one + two + 4.0),
        RingPlan(length - 0.67 * three),
        RingPlan(length - 0.32 * three),
        RingPlan(length - 0.32 * three, lean_deg=45.0),
    ]


def thumb_plan(links: tuple[float, float, float]) -> list[RingPlan]:
    """The slanted base ring over the web, the MCP and IP joints, nail fold, nail and tip."""
    one, two, three = links
    length = one + two + three
    web = 240.0
    return [
        RingPlan(one - 4.0, slant=6.0, slant_at_deg=web),
        RingPlan(one + 2.0, slant=5.5, slant_at_deg=web),
        RingPlan(one + 8.5, slant=3.5, slant_at_deg=web),
        RingPlan(one + 15.0, slant=1.0, slant_at_deg=web),
        RingPlan(one + two - 6.5),
        RingPlan(one + two),
        RingPlan(one + two + 5.5),
        RingPlan(length - 0.60 * three),
        RingPlan(length - 0.30 * three),
        RingPlan(length - 0.30 * three, lean_deg=45.0),
    ]


def axis_point(tube: Tube, along: float) -> Float[Array, "3"]:
    """Point of the bent axis at a distance from its first joint."""
    starts = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(tube.axis, axis=0), axis=1))])
    bone = int(np.clip(np.searchsorted(starts, along) - 1, 0, len(tube.frames) - 1))
    return np.asarray(tube.axis[bone] + (along - starts[bone]) * tube.frames[bone][:, 2])


def ring_vertices(tube: Tube, field: Field, plan: RingPlan) -> Float[Array, "10 3"]:
    """Vertices where the ring's rays leave the flesh."""
    starts = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(tube.axis, axis=0), axis=1))])
    bone = int(np.clip(np.searchsorted(starts, plan.along + 1e-6) - 1, 0, len(tube.frames) - 1))
    frame = tube.frames[bone]
    if bone > 0 and abs(plan.along - starts[bone]) < 1e-6:
        frame = 0.5 * (tube.frames[bone - 1] + tube.frames[bone])
    angles = np.radians(_ANGLES_DEG)
    toward = np.cos(angles - np.radians(plan.slant_at_deg))
    lean = np.radians(plan.lean_deg)
    radial = np.cos(angles)[:, None] * frame[:, 0] + np.sin(angles)[:, None] * frame[:, 1]
    direction = np.cos(lean) * radial + np.sin(lean) * frame[:, 2]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    origins = axis_point(tube, plan.along) + plan.slant * toward[:, None] * frame[:, 2]
    return flesh.cast(field, origins, direction)


def build_digit(tube: Tube, field: Field, base: Float[Array, "10 3"], plans: list[RingPlan]) -> DigitMesh:
    """Mesh of a digit from its base ring on; the nail row lies behind the third ring from the end."""
    rings = [base, *(ring_vertices(tube, field, plan) for plan in plans)]
    nail_row = _nail_row(tube, field, rings[-3], rings[-2])
    cap = _cap(tube, field)
    vertices = np.vstack([*rings, nail_row, cap])
    count = len(rings)
    nail, cap_start = RING * count, RING * count + 3
    faces: list[tuple[int, int, int]] = []
    for ring in range(count - 1):
        faces += _ring_strip(RING * ring, RING * (ring + 1), nail if ring == count - 3 else None)
    faces += _cap_faces(RING * (count - 1), cap_start)
    last = RING * (count - 2)
    plate = (nail, nail + 1, nail + 2, last + 1, last + 2, last + 3, last + 11, last + 12, last + 13)
    return DigitMesh(vertices, np.array(faces, dtype=np.int64), plate, cap_start + 1)


def _ring_strip(near: int, far: int, nail: int | None) -> list[tuple[int, int, int]]:
    """Faces between two rings; diagonals mirror each other about the finger's middle plane."""
    faces: list[tuple[int, int, int]] = []
    for place in range(RING):
        a, b, c, d = near + place, near + (place + 1) % RING, far + place, far + (place + 1) % RING
        if nail is not None and place < 4:
            faces += _nail_strip(a, b, c, d, place, nail)
        elif place in (0, 1, 4, 5, 6):
            faces += [(a, b, d), (a, d, c)]
        else:
            faces += [(a, b, c), (b, d, c)]
    return faces


def _nail_strip(a: int, b: int, c: int, d: int, place: int, nail: int) -> list[tuple[int, int, int]]:
    """Quads of the back, split along the nail's near edge."""
    if place == 0:
        return [(a, b, nail), (a, nail, c), (nail, d, c)]
    if place == 3:
        return [(a, b, nail + 2), (nail + 2, b, d), (nail + 2, d, c)]
    left, right = nail + place - 1, nail + place
    if place == 1:
        return [(a, b, right), (a, right, left), (left, right, d), (left, d, c)]
    return [(a, b, left), (b, right, left), (left, right, c), (right, d, c)]


def _cap_faces(ring: int, cap: int) -> list[tuple[int, int, int]]:
    """Faces between the last ring and the row of three vertices over the tip."""
    back = [ring + i for i in (0, 1, 2, 3, 4)]
    pad = [ring + i for i in (9, 8, 7, 6, 5)]
    row = [cap, cap + 1, cap + 2]
    faces = [(back[0], back[1], row[0]), (row[0], pad[1], pad[0]), (back[0], row[0], pad[0])]
    faces += [(back[3], back[4], row[2]), (row[2], pad[4], pad[3]), (back[4], pad[4], row[2])]
    for i in (0, 1):
        faces += [(back[i + 1], back[i + 2], row[i + 1 - i]), (back[i + 1 + i], row[i + 1], row[i])]
        faces += [(row[i], row[i + 1], pad[i + 1 + i]), (row[1], pad[i + 2], pad[i + 1])]
    return faces


def _cap(tube: Tube, field: Field) -> Float[Array, "3 3"]:
    """Three vertices over the tip, radial to ulnar."""
    frame = tube.frames[-1]
    depth = 0.32 * float(np.linalg.norm(tube.axis[-1] - tube.axis[-2]))
    origin = tube.axis[-1] - depth * frame[:, 2] - 0.5 * frame[:, 1]
    lean = np.radians([64.0, 90.0, 116.0])
    directions = np.cos(lean)[:, None] * frame[:, 0] + np.sin(lean)[:, None] * frame[:, 2]
    return flesh.cast(field, np.repeat(origin[None], 3, axis=0), directions)


def _nail_row(tube: Tube, field: Field, fold: Float[Array, "10 3"], plate: Float[Array, "10 3"]) -> Float[Array, "3 3"]:
    """Near edge of the nail: three vertices just beyond the skin fold, a little below it."""
    share = np.array([0.30, 0.22, 0.30])[:, None]
    start = (1.0 - share) * fold[1:4] + share * plate[1:4]
    back = tube.frames[-1][:, 1]
    return np.asarray(flesh.project(field, start) - 0.55 * back)
