"""Smooth, plausible motion of two open hands over a table, in anatomical angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import FINGER_JOINTS, JOINT_LIMITS, gesture_angles, grasp_angles
from hoi_perception.synthesis.table import Table
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moment:
    """A hand at one moment: shares of named grasps, its wrist over the table and its attitude.

    `wrist` is right, forward, up in metres. The attitude starts from palm down, fingers forward: `yaw_deg` turns the
    fingers to the left, `pitch_deg` raises them, `supination_deg` turns the palm up, thumb outward.
    """

    grasp: tuple[tuple[str, float], ...]
    wrist: tuple[float, float, float]
    yaw_deg: float
    pitch_deg: float
    supination_deg: float


@dataclass(frozen=True)
class HandMotion:
    """A hand over n frames: angles of its 15 joints (rad), attitude and wrist in the camera's frame (m)."""

    angles: Float64[Array, "n 15 3"]
    R_camera_hand: Float64[Array, "n 3 3"]
    wrist_camera: Float64[Array, "n 3"]


_RIGHT = (
    Moment((("power", 0.30),), (0.135, -0.10, 0.075), 14.0, 6.0, 8.0),
    Moment((("spread", 1.0),), (0.125, -0.06, 0.090), 10.0, 12.0, -2.0),
    Moment((("pinch", 0.9),), (0.118, -0.07, 0.095), 18.0, 4.0, 34.0),
    Moment((("power", 0.22),), (0.130, -0.08, 0.100), 6.0, 18.0, 62.0),
    Moment((("tripod", 0.9),), (0.116, -0.05, 0.090), 20.0, 2.0, 30.0),
    Moment((("power", 0.80),), (0.130, -0.10, 0.080), 12.0, 8.0, 14.0),
)
_LEFT = (
    Moment((("power", 0.20),), (-0.130, -0.09, 0.080), -12.0, 8.0, 6.0),
    Moment((("tripod", 0.7),), (-0.130, -0.10, 0.085), -14.0, 6.0, 14.0),
    Moment((("power", 0.70),), (-0.130, -0.08, 0.085), -14.0, 10.0, 22.0),
    Moment((("spread", 1.0),), (-0.140, -0.05, 0.095), -8.0, 12.0, 2.0),
    Moment((("pinch", 0.9),), (-0.125, -0.08, 0.090), -14.0, 10.0, 8.0),
    Moment((("ok", 0.9),), (-0.130, -0.07, 0.095), -4.0, 26.0, 12.0),
)


def demo_motion(side: Side, n_frames: int, table: Table, seed: int) -> HandMotion:
    """One round through the side's moments in `n_frames` frames, closed, with small differences between seeds."""
    moments = _RIGHT if side is Side.RIGHT else _LEFT
    rng = np.random.RandomState(seed * 2 + int(side))
    phase = np.arange(n_frames) / n_frames
    wander = _wander(rng, phase)
    wrist = closed_spline(np.array([m.wrist for m in moments]), phase) + 0.006 * wander[:, :3]
    attitude = closed_spline(np.array([[m.yaw_deg, m.pitch_deg, m.supination_deg] for m in moments]), phase)
    R_table_hand = hand_attitude(side, np.radians(attitude + 2.5 * wander[:, 3:]))
    return HandMotion(
        angles=_finger_motion(np.stack([mixed_grasp(m.grasp) for m in moments]), phase),
        R_camera_hand=table.R_camera_table @ R_table_hand,
        wrist_camera=table.to_camera(wrist),
    )


def mixed_grasp(shares: tuple[tuple[str, float], ...]) -> Float64[Array, "15 3"]:
    """Sum of named grasps by share (the flat hand is zero); `spread` is a flat hand with its fingers apart."""
    known = {**grasp_angles(), **gesture_angles(), "spread": _spread()}
    return np.asarray(sum(share * known[name] for name, share in shares))


def hand_attitude(side: Side, yaw_pitch_supination: Float[Array, "*b 3"]) -> Float64[Array, "*b 3 3"]:
    """Rotation from the hand's rest frame to the table's for turns in radians, as in `Moment`."""
    right = 1.0 if side is Side.RIGHT else -1.0
    x_hand, y_hand = np.array([0.0, -right, 0.0]), np.array([0.0, 0.0, 1.0])
    palm_down = np.column_stack([x_hand, y_hand, np.cross(x_hand, y_hand)])
    yaw, pitch, supination = np.moveaxis(yaw_pitch_supination, -1, 0)
    turn = rotation_from_axis_angle(yaw[..., None] * np.array([0.0, 0.0, 1.0]))
    raise_ = rotation_from_axis_angle(pitch[..., None] * np.array([1.0, 0.0, 0.0]))
    roll = rotation_from_axis_angle(right * supination[..., None] * np.array([0.0, 1.0, 0.0]))
    return np.asarray(turn @ raise_ @ roll @ palm_down)


def closed_spline(knots: Float[Array, "k *s"], phase: Float[Array, " n"]) -> Float64[Array, "n *s"]:
    """Closed cubic spline (Catmull-Rom) through knots at equal steps of a phase in [0, 1)."""
    count = len(knots)
    place = np.mod(phase, 1.0) * count
    index = np.floor(place).astype(int)
    t = (place - index).reshape(-1, *([1] * (knots.ndim - 1)))
    p0, p1, p2, p3 = (knots[(index + offset) % count] for offset in (-1, 0, 1, 2))
    linear, square, cube = p2 - p0, 2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3, 3.0 * (p1 - p2) + p3 - p0
    return np.asarray(p1 + 0.5 * t * (linear + t * (square + t * cube)))


def _finger_motion(knots: Float[Array, "k 15 3"], phase: Float[Array, " n"]) -> Float64[Array, "n 15 3"]:
    """Angles along a closed spline, within the limits; the little finger leads and the thumb follows a little."""
    angles = np.empty((len(phase), 15, 3))
    for finger, lead in (("pinky", 0.012), ("ring", 0.008), ("middle", 0.004), ("index", 0.0), ("thumb", -0.006)):
        first, _, last = FINGER_JOINTS[finger]
        rows = slice(first - 1, last)
        angles[:, rows] = closed_spline(knots[:, rows], phase + lead)
    margin = np.radians(1.0)
    return np.clip(angles, JOINT_LIMITS[..., 0] + margin, JOINT_LIMITS[..., 1] - margin)


def _spread() -> Float64[Array, "15 3"]:
    """Fingers apart and nearly straight, thumb away from the palm."""
    angles = np.zeros((15, 3))
    for finger, abduction in (("index", 10.0), ("middle", 1.0), ("ring", -8.0), ("pinky", -18.0)):
        first = FINGER_JOINTS[finger][0] - 1
        angles[first] = 4.0, abduction, 0.0
        angles[first + 1 : first + 3, 0] = 8.0, 4.0
    angles[12] = -6.0, 22.0, -6.0
    angles[13:, 0] = 4.0, 2.0
    return np.radians(angles)


def _wander(rng: np.random.RandomState, phase: Float[Array, " n"]) -> Float64[Array, "n 6"]:
    """Slow closed wandering of six numbers, each about 0.7 in standard deviation."""
    total = np.zeros((len(phase), 6))
    for turns in (1, 2, 3):
        shift = rng.uniform(0.0, 2.0 * np.pi, 6)
        total += np.sin(2.0 * np.pi * turns * phase[:, None] + shift) / turns**0.5 * 0.75
    return total
