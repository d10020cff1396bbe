"""Figures of one hand and of two hands of the synthetic benchmark, by the keys of `metrics.keys`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hoi_perception.camera import project
from hoi_perception.evaluation.records import Figures
from hoi_perception.hands.hand_model import PosedHand
from hoi_perception.metrics import hand as errors
from hoi_perception.metrics.two_hands import mrrpe_mm
from hoi_perception.types import Camera


def hand_figures(found: PosedHand, right: PosedHand, camera: Camera) -> Figures:
    """Errors of one hand."""
    joints, truth = found.joints21(), right.joints21()
    return {
        "p2d_px": errors.p2d_px(np.asarray(project(joints, camera)), np.asarray(project(truth, camera))),
        "mpjpe_mm": errors.mpjpe_mm(joints, truth),
        "pve_mm": errors.pve_mm(found.vertices, right.vertices, joints[0], truth[0]),
        "mpjpe_xyz_mm": errors.mpjpe_xyz_mm(joints, truth),
        "pa_mpjpe_mm": errors.pa_mpjpe_mm(joints, truth),
        "pa_pve_mm": errors.pa_pve_mm(found.vertices, right.vertices),
    }


def two_hand_figures(found: Sequence[PosedHand], right: Sequence[PosedHand]) -> Figures:
    """Errors of a left and a right hand: of one relative to the other, and means of each by itself."""
    wrists = [hand.joints21()[:1] for hand in (*found, *right)]
    each = [_split_figures(one, truth) for one, truth in zip(found, right, strict=True)]
    means = {key: 0.5 * (each[0][key] + each[1][key]) for key in each[0]}
    return {"mrrpe_mm": mrrpe_mm(*wrists), **means}


def _split_figures(found: PosedHand, right: PosedHand) -> Figures:
    """Errors in the image plane and along the optical axis."""
    joints, truth = found.joints21(), right.joints21()
    roots = joints[0], truth[0]
    return {
        "mpjpe_mm": errors.mpjpe_mm(joints, truth),
        "pve_mm": errors.pve_mm(found.vertices, right.vertices, *roots),
        "mpjpe_xy_mm": errors.mpjpe_xy_mm(joints, truth),
        "mpjpe_z_mm": errors.mpjpe_z_mm(joints, truth),
        "pve_xy_mm": errors.pve_xy_mm(found.vertices, right.vertices, *roots),
        "pve_z_mm": errors.pve_z_mm(found.vertices, right.vertices, *roots),
    }
