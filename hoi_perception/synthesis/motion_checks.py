"""What every moment of a sequence must be: no hand in a tool that it does not hold by more than skin gives, people's
hands and tools clear of each other and of the ground."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instruments.field_lookup import FieldQuery, InstrumentFields
from hoi_perception.synthesis.gripping import maker_of, surface_of
from hoi_perception.synthesis.surgery_tracks import HandTrack, InstrumentTrack
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import Side

Array = NDArray[np.float64]
EVERY = 4
"""Every so many frames are looked at."""
_BATCH = 8
IN_TOOL_M = 0.0006
APART_M = 0.003
IN_GROUND_M = 0.0065
TOOL_IN_GROUND_M = 0.0065
_ARM_M = 0.036


def in_order(hands: Sequence[HandTrack], tools: Sequence[InstrumentTrack], sink: float = IN_GROUND_M) -> bool:
    """Whether all looked-at moments are; hands may sink in the ground by `sink` (m)."""
    rows = np.arange(0, len(hands[0].t), EVERY)
    skins = [hand_vertices(hand, rows) for hand in hands]
    bodies = [_placed(tool, rows) for tool in tools]
    if any(skin[..., 2].min() < -sink for skin in skins):
        return False
    if any(body[..., 2].min() < -TOOL_IN_GROUND_M for body in bodies):
        return False
    if any(
        in_tool_m(skin, hand, tool, rows) > IN_TOOL_M for skin, hand in zip(skins, hands, strict=True) for tool in tools
    ):
        return False
    if len(hands) == 2 and not _hands_apart(hands, skins, rows):
        return False
    return len(tools) < 2 or all(nearest_m(a, b) > APART_M for a, b in zip(bodies[0], bodies[1], strict=True))


def nearest_m(a: Float64[Array, "n 3"], b: Float64[Array, "m 3"]) -> float:
    """Smallest distance between two sets of points."""
    middle = a.mean(axis=0)
    a, b = a - middle, b - middle
    squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2.0 * a @ b.T
    return float(np.sqrt(max(float(squared.min()), 0.0)))


def hand_vertices(hand: HandTrack, rows: NDArray[np.int64]) -> Float64[Array, "n 778 3"]:
    """Vertices in the table's frame (m) at some frames."""
    turns = np.asarray(axis_angle_from_rotation(hand.R[rows]))
    pose = np.concatenate([turns[:, None], hand.articulation[rows]], axis=1)
    shaped = _model(hand.side).with_shape(hand.shape)
    return np.asarray(shaped.with_pose_at_wrist(pose, hand.t[rows]).vertices)


def in_tool_m(
    skin: Float64[Array, "n 778 3"], hand: HandTrack, tool: InstrumentTrack, rows: NDArray[np.int64]
) -> float:
    """How deep the hand's surface comes to lie in a tool at most, m, by vertices and middles of faces."""
    faces = _model(hand.side).faces
    points = np.concatenate([skin, skin[:, faces].mean(axis=2)], axis=1)
    query, deepest = _query(tool.name, points.shape[1]), 0.0
    for first in range(0, len(rows), _BATCH):
        part = np.minimum(np.arange(first, first + _BATCH), len(rows) - 1)
        at = rows[part]
        distance = query(points[part], tool.R[at], tool.t[at], tool.joint_positions[at]).distance
        deepest = max(deepest, -float(distance.min()))
    return deepest


def _hands_apart(
    hands: Sequence[HandTrack], skins: Sequence[Float64[Array, "n 778 3"]], rows: NDArray[np.int64]
) -> bool:
    for a, b in zip(skins[0], skins[1], strict=True):
        if nearest_m(a, b) < APART_M:
            return False
    for one, other in ((0, 1), (1, 0)):
        wrist, elbow = hands[one].t[rows], hands[one].elbow[rows]
        for share in (0.25, 0.5, 0.75, 1.0):
            arm = (1.0 - share) * wrist + share * elbow
            if np.linalg.norm(skins[other] - arm[:, None], axis=2).min() < _ARM_M:
                return False
    return True


def _placed(tool: InstrumentTrack, rows: NDArray[np.int64]) -> Float64[Array, "n m 3"]:
    return np.asarray(surface_of(tool.name) @ np.swapaxes(tool.R[rows], 1, 2) + tool.t[rows][:, None])


@lru_cache(maxsize=2)
def _model(side: Side) -> HandModel:
    return HandModel.load(None, side)


@lru_cache(maxsize=64)
def _query(name: str, n_points: int) -> FieldQuery:
    return FieldQuery(InstrumentFields.of(maker_of(name).model), n_points, _BATCH)
