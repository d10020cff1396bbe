"""Letting go and taking: fingers that open off an instrument, and a free way of the open hand away from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS, JOINT_LIMITS
from hoi_perception.instruments.field_lookup import FieldQuery, InstrumentFields
from hoi_perception.synthesis.gripping import Grip, maker_of
from hoi_perception.synthesis.working_pose import forearm_axis

Array = NDArray[np.float64]
RETREAT_M = 0.07
_BATCH = 8
_FREE_M = -0.0002
_STYLES = ((0.65, 1.1, 0.8), (0.45, 1.1, 0.7), (0.75, 0.75, 0.6), (0.5, 0.5, 0.3), (0.35, 0.35, 0.6))
"""Shares of flexion that knuckles, the fingers' outer joints and the thumb keep."""
_THUMB_AWAY = np.radians(7.0)
_DIRECTIONS = 40


@dataclass(frozen=True, eq=False)
class Opening:
    """Open angles (rad), and the unit direction in the wrist's frame in which the open hand leaves the instrument."""

    angles: Float64[Array, "15 3"]
    way: Float64[Array, "3"]


def opening(grip: Grip, wanted: Float64[Array, "3"] | None = None) -> Opening | None:
    """How a grip is let go; `wanted` is the preferred way in the wrist's frame, else back along arm and hand's back.

    None where fingers cannot open, or no way is free of the instrument.
    """
    wish = forearm_axis(grip.side) + np.array([0.0, 1.0, 0.0]) if wanted is None else wanted
    ways = _sphere()
    ways = ways[np.argsort(-(ways @ wish))][: _DIRECTIONS // 2]
    shares = np.linspace(0.0, 1.0, _BATCH)
    for style in _STYLES:
        angles = _opened(grip.closed.angles, *style)
        postures = (1.0 - shares)[:, None, None] * grip.closed.angles + shares[:, None, None] * angles
        if not _free(grip, _surface(grip, postures[1:])).all():
            continue
        points = _surface(grip, angles[None])[0]
        for way in ways:
            if _free(grip, points + (RETREAT_M * shares[1:] ** 1.5)[:, None, None] * way).all():
                return Opening(angles, way)
    return None


def _opened(angles: Float64[Array, "15 3"], knuckles: float, outer: float, thumb: float) -> Float64[Array, "15 3"]:
    out = angles.copy()
    for finger, joints in FINGER_JOINTS.items():
        rows = [j - 1 for j in joints]
        out[rows, 0] *= (thumb, thumb, thumb) if finger == "thumb" else (knuckles, outer, outer)
    out[12, 1] += _THUMB_AWAY
    return np.asarray(np.clip(out, JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1]))


def _surface(grip: Grip, postures: Float64[Array, "b 15 3"]) -> Float64[Array, "b n 3"]:
    """Vertices and middles of faces in the wrist's frame."""
    vertices = grip.hand.vertices(postures, grip.side)
    return np.concatenate([vertices, vertices[:, grip.hand.model.faces].mean(axis=2)], axis=1)


def _free(grip: Grip, points: Float64[Array, "b n 3"]) -> NDArray[np.bool_]:
    """Which of at most `_BATCH` hands are clear of the held instrument."""
    b, held = len(points), grip.closed.held
    padded = np.concatenate([points, np.repeat(points[-1:], _BATCH - b, axis=0)])
    R, t = np.repeat(held.R[None], _BATCH, axis=0), np.repeat(held.t[None], _BATCH, axis=0)
    joints = np.repeat(held.joint_positions[None], _BATCH, axis=0)
    distance = _query(grip.instrument, points.shape[1])(padded, R, t, joints).distance
    return np.asarray(distance[:b].min(axis=1) > _FREE_M)


@lru_cache(maxsize=32)
def _query(name: str, n_points: int) -> FieldQuery:
    return FieldQuery(InstrumentFields.of(maker_of(name).model), n_points, _BATCH)


@lru_cache(maxsize=1)
def _sphere() -> Float64[Array, "n 3"]:
    """Directions spread evenly (a Fibonacci lattice)."""
    k = np.arange(_DIRECTIONS) + 0.5
    z, turn = 1.0 - 2.0 * k / _DIRECTIONS, np.pi * (1.0 + np.sqrt(5.0)) * k
    r = np.sqrt(1.0 - z * z)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=-1)
