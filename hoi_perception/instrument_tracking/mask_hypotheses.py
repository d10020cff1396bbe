"""Where an instrument may be if a mask shows its pixels: from the direction, the ends and the length of what is shown.

Of one camera a mask tells the direction of a long instrument in the image, and its distance where its length is known
and its tilt assumed: so there are several tilts, both directions, and several turns about the length.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.instrument_tracking.hand_view import HandView
from hoi_perception.instrument_tracking.look import Look
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.transforms import rotation_from_axis_angle

Array = NDArray[np.float64]
LEAST_PIXELS = 25
"""Pixels of a mask (as it is looked at) below which it says nothing of an attitude."""
TILTS_DEG = (-55.0, -35.0, -15.0, 0.0, 15.0, 35.0, 55.0)
"""Angles between the instrument and the plane across the view."""
ROLLS_DEG = (0.0, 60.0, 120.0, 180.0, 240.0, 300.0)
APERTURES = (0.05, 0.35, 0.8)
"""Angles of joints, as shares of the way from the lower to the upper limit."""
ROUND = 0.6
"""Ratio of both spreads of a mask from which on it tells no direction."""
_ENDS = (0.01, 0.99)


@dataclass(frozen=True, eq=False)
class Shown:
    """What a mask shows of a long instrument, on the plane z = 1: its middle, its direction (unit), its ends along that
    from the middle, and whether it is about as wide as long."""

    middle: Float64[Array, "2"]
    along: Float64[Array, "2"]
    ends: tuple[float, float]
    round: bool


def shown_by(look: Look, mask: Bool[NDArray[np.bool_], "h w"]) -> Shown | None:
    """Of the pixels of a mask that are alike in one instrument; several parts, with a hand between, are taken as one.

    None where there are too few of them.
    """
    rows, columns = np.nonzero(mask)
    if len(rows) < LEAST_PIXELS:
        return None
    pixels = np.column_stack([columns, rows]).astype(np.float64)
    points = np.asarray(undistort(pixels, look.camera), dtype=np.float64)
    middle = points.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov((points - middle).T))
    along = axes[:, 1]
    low, high = (float(q) for q in np.quantile((points - middle) @ along, _ENDS))
    return Shown(middle, along, (low, high), bool(spread[0] > ROUND**2 * spread[1]))


def one_part(mask: Bool[NDArray[np.bool_], "h w"], rng: np.random.Generator) -> Bool[NDArray[np.bool_], "h w"]:
    """A connected part of a mask, long ones more likely; none of it where all are too small."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = boxes[1:, cv2.CC_STAT_AREA] >= LEAST_PIXELS
    lengths = large * np.hypot(boxes[1:, cv2.CC_STAT_WIDTH], boxes[1:, cv2.CC_STAT_HEIGHT])
    if not large.any():
        return np.zeros_like(mask)
    return np.asarray(labels == 1 + rng.choice(len(lengths), p=lengths / lengths.sum()))


def long_extent(model: ContourModel) -> tuple[Float64[Array, "3"], Float64[Array, "3"], float, float]:
    """Middle and direction (base link's frame) of the greatest extent, and its ends along that (m), joints at zero."""
    still = InstrumentState(np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, model.tree.n_joints)))
    s = (model.placed(pose_links(model.tree, still)) - model.middle) @ model.long_axis
    return model.middle, model.long_axis, float(s.min()), float(s.max())


def mask_poses(model: ContourModel, shown: Shown, hands: tuple[HandView, ...] = ()) -> InstrumentState:
    """Hypotheses: by the length that the mask shows, and at the distance of each hand from the end that is farther
    away from it."""
    middle, axis, low, high = long_extent(model)
    poses: list[tuple[Float64[Array, "3 3"], Float64[Array, "3"]]] = []
    angles = [0.0] if not shown.round else [0.0, 0.25 * np.pi, 0.5 * np.pi, 0.75 * np.pi]
    for angle in angles:
        c, s = np.cos(angle), np.sin(angle)
        along = np.array([c * shown.along[0] - s * shown.along[1], s * shown.along[0] + c * shown.along[1]])
        for way in (1.0, -1.0):
            for tilt in np.radians(TILTS_DEG):
                poses += _placed(shown, way * along, way, tilt, (low, high), axis, middle, hands)
    R = np.stack([pose[0] for pose in poses])
    t = np.stack([pose[1] for pose in poses])
    tree = model.tree
    joints = [tree.lower + share * (tree.upper - tree.lower) for share in APERTURES] if tree.n_joints else [tree.lower]
    n = len(joints)
    every = np.tile(np.stack(joints), (len(R), 1))
    return InstrumentState(np.repeat(R, n, axis=0), np.repeat(t, n, axis=0), every)


def _placed(
    shown: Shown,
    along: Float64[Array, "2"],
    way: float,
    tilt: float,
    ends: tuple[float, float],
    axis: Float64[Array, "3"],
    middle: Float64[Array, "3"],
    hands: tuple[HandView, ...],
) -> list[tuple[Float64[Array, "3 3"], Float64[Array, "3"]]]:
    """Poses with the long axis pointing `along` in the image and tilted away from the eye, at each roll."""
    low, high = shown.ends if way > 0.0 else (-shown.ends[1], -shown.ends[0])
    length = ends[1] - ends[0]
    centre = np.array([*(shown.middle + 0.5 * (low + high) * along), 1.0])
    ray = centre / np.linalg.norm(centre)
    across = np.array([*along, 0.0])
    across -= (across @ ray) * ray
    across /= np.linalg.norm(across)
    direction = np.cos(tilt) * across + np.sin(tilt) * ray
    depth = length * float(np.cos(tilt)) / max(high - low, 1e-6)
    anchors = [(0.5 * (ends[0] + ends[1]), depth * centre)]
    for hand in hands:
        z = float(np.median(hand.vertices[:, 2]))
        wrist = hand.vertices.mean(axis=0)
        seen = wrist[:2] / wrist[2] - shown.middle
        far_end, at = (high, ends[1]) if seen @ along < 0.5 * (low + high) else (low, ends[0])
        tip = np.array([*(shown.middle + far_end * along), 1.0])
        anchors.append((at, (z + (at - 0.5 * sum(ends)) * float(direction[2])) * tip))
    out = []
    for roll in np.radians(ROLLS_DEG):
        R = np.asarray(rotation_from_axis_angle(roll * direction), dtype=np.float64) @ _turned(axis, direction)
        out += [(R, place - R @ (middle + s * axis)) for s, place in anchors]
    return out


def _turned(a: Float64[Array, "3"], b: Float64[Array, "3"]) -> Float64[Array, "3 3"]:
    """A rotation that brings one unit vector to another one."""
    first, second = (_frame(v) for v in (a, b))
    return np.asarray(second @ first.T)


def _frame(v: Float64[Array, "3"]) -> Float64[Array, "3 3"]:
    """Three unit columns, right-handed, the first along v."""
    side = np.cross(v, np.eye(3)[np.abs(v).argmin()])
    side /= np.linalg.norm(side)
    return np.column_stack([v, side, np.cross(v, side)])
