"""Hands that were found, put to the annotated ones of a published data set, and their errors under the usual keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.datasets.sample import HandTruth, Tips
from hoi_perception.hands.hand_model import JointOrder
from hoi_perception.hands.joints import OPENPOSE_FROM_21
from hoi_perception.metrics import hand as errors
from hoi_perception.metrics.detection import Box, iou
from hoi_perception.types import Camera, Hand

Array = NDArray[np.float64]
IN_PICTURE = 0.6
"""Share of its joints that has to project into the picture for a hand to count."""
VISIBLE = 0.1
"""Share of a hand that has to be seen, where a data set states it."""
TIP_ROWS = (4, 8, 12, 16, 20)
JOINT_ROWS = [row for row in range(21) if row not in TIP_ROWS]
_OF_JOINTS: dict[str, Callable[[Array, Array], float]] = {
    "mpjpe_mm": errors.mpjpe_mm,
    "mpjpe_xyz_mm": errors.mpjpe_xyz_mm,
    "mpjpe_xy_mm": errors.mpjpe_xy_mm,
    "mpjpe_z_mm": errors.mpjpe_z_mm,
    "pa_mpjpe_mm": errors.pa_mpjpe_mm,
    "pa_mpjpe_reflect_mm": errors.pa_mpjpe_reflect_mm,
}
_OF_ALL_JOINTS: dict[str, Callable[[Array, Array], float]] = {
    "scale_trans_mpjpe_mm": partial(errors.scale_trans_mpjpe_mm, order=JointOrder.OPENPOSE),
}
_OF_VERTICES: dict[str, Callable[[Array, Array], float]] = {
    "pve_xyz_mm": errors.pve_xyz_mm,
    "pa_pve_mm": errors.pa_pve_mm,
    "pa_pve_reflect_mm": errors.pa_pve_reflect_mm,
    "f5": errors.f5,
    "f15": errors.f15,
    "pa_f5": errors.pa_f5,
    "pa_f15": errors.pa_f15,
}
_AREAS: dict[str, Callable[[Array, Array], float]] = {"auc_j": errors.auc_j, "pa_auc_j": errors.pa_auc_j}
_AREAS_OF_VERTICES: dict[str, Callable[[Array, Array], float]] = {"auc_v": errors.auc_v, "pa_auc_v": errors.pa_auc_v}
NEED_VERTICES = frozenset({"pve_mm", *_OF_VERTICES, *_AREAS_OF_VERTICES})
"""Figures of MANO's vertices: they mean nothing for another hand."""


@dataclass(frozen=True, eq=False)
class Points:
    """Joints (OpenPose order, the data set's own fingertips) and vertices of a hand that was found."""

    joints: Float64[Array, "21 3"]
    vertices: Float64[Array, "778 3"]

    @staticmethod
    def of(hand: Hand, tips: Tips | None, regressor: Float64[Array, "16 778"] | None = None) -> Points:
        """The hand's points; without `tips` its own fingertips stay, without `regressor` its own joints."""
        joints, vertices = hand.joints_camera.copy(), np.asarray(hand.vertices_camera, dtype=np.float64)
        if tips is not None:
            joints[list(TIP_ROWS)] = vertices[list(tips)]
        if regressor is not None:
            joints[JOINT_ROWS] = (regressor @ vertices)[OPENPOSE_FROM_21[JOINT_ROWS]]
        return Points(joints, vertices)


def hand_figures(
    points: Points, truth: HandTruth, camera: Camera, keys: Iterable[str], *, mano: bool
) -> dict[str, float]:
    """The asked-for errors that are defined: over the joints that were measured, over vertices only where both are
    MANO's. A mean of the areas (`auc_…`) over hands is the area over all of them."""
    if truth.joints_camera is None:
        return {}
    valid = np.ones(21, dtype=np.bool_) if truth.joints_valid is None else truth.joints_valid
    predicted, stated = points.joints[valid], truth.joints_camera[valid]
    found: dict[str, float] = {}
    for key in keys:
        if key in _OF_JOINTS:
            found[key] = _OF_JOINTS[key](predicted, stated)
        elif key in _OF_ALL_JOINTS and valid.all():
            found[key] = _OF_ALL_JOINTS[key](predicted, stated)
        elif key in _AREAS:
            found[key] = _AREAS[key](predicted[None], stated[None])
        elif key == "p2d_px":
            found[key] = errors.p2d_px(project(predicted, camera), project(stated, camera))
    if mano and truth.vertices_camera is not None:
        found |= _vertex_figures(points, truth.vertices_camera, truth.joints_camera, keys)
    return found


def _vertex_figures(
    points: Points, stated: Float64[Array, "778 3"], joints: Float64[Array, "21 3"], keys: Iterable[str]
) -> dict[str, float]:
    found: dict[str, float] = {}
    for key in keys:
        if key in _OF_VERTICES:
            found[key] = _OF_VERTICES[key](points.vertices, stated)
        elif key in _AREAS_OF_VERTICES:
            found[key] = _AREAS_OF_VERTICES[key](points.vertices[None], stated[None])
        elif key == "pve_mm":
            found[key] = errors.pve_mm(points.vertices, stated, points.joints[0], joints[0])
    return found


def counts(truth: HandTruth, camera: Camera) -> bool:
    """Whether a hand has to be found: most of it in the picture, and seen as far as that is stated."""
    if truth.visibility is not None and truth.visibility < VISIBLE:
        return False
    known = _known_points(truth)
    if known is None:
        return False
    return share_inside(np.asarray(project(known, camera), dtype=np.float64), camera) >= IN_PICTURE


def share_inside(px: Float64[Array, "n 2"], camera: Camera) -> float:
    """Share of the points that are in the picture."""
    return float(((px >= 0.0) & (px < [camera.width, camera.height])).all(axis=1).mean())


def match_hands(
    hands: Sequence[Hand], truths: Sequence[HandTruth], camera: Camera
) -> tuple[list[Hand | None], list[Hand]]:
    """For each annotated hand the one of its side that was found there, and the hands that are nobody's.

    One to one, best overlap of the boxes round the joints first; boxes that do not meet are no match. Where only the
    wrist is known, the nearest wrist wins.
    """
    given = [hand for hand in hands if hand.state.measured and np.isfinite(hand.vertices_camera).all()]
    pairs = sorted(
        (
            (_closeness(hand, truth, camera), j, i)
            for j, truth in enumerate(truths)
            for i, hand in enumerate(given)
            if hand.side is truth.side
        ),
        reverse=True,
    )
    taken: dict[int, int] = {}
    for closeness, j, i in pairs:
        if closeness > 0.0 and j not in taken and i not in taken.values():
            taken[j] = i
    found = [given[taken[j]] if j in taken else None for j in range(len(truths))]
    return found, [hand for i, hand in enumerate(given) if i not in taken.values()]


def _closeness(hand: Hand, truth: HandTruth, camera: Camera) -> float:
    known = _known_points(truth)
    if known is None:
        return 0.0
    if len(known) == 1:
        return 1.0 / (1.0 + float(np.linalg.norm(hand.joints_camera[0] - known[0])))
    ours, theirs = (_box(np.asarray(project(points, camera))) for points in (hand.joints_camera, known))
    return iou(ours, theirs) if ours is not None and theirs is not None else 0.0


def _known_points(truth: HandTruth) -> Float64[Array, "n 3"] | None:
    if truth.joints_camera is not None:
        valid: Bool[NDArray[np.bool_], "21"] | slice = slice(None) if truth.joints_valid is None else truth.joints_valid
        return truth.joints_camera[valid]
    return None if truth.wrist_camera is None else truth.wrist_camera[None]


def _box(pixels: Float[NDArray[np.floating], "n 2"]) -> Box | None:
    seen = pixels[np.isfinite(pixels).all(axis=1)]
    if len(seen) == 0:
        return None
    (x0, y0), (x1, y1) = seen.min(axis=0), seen.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)
