"""Figures of one hand, two hands, one instrument and one grip, by the keys of `metrics.keys`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from hoi_perception.camera import project
from hoi_perception.evaluation.synthetic_bodies import Body
from hoi_perception.hands.hand_model import PosedHand
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.metrics import hand as errors
from hoi_perception.metrics.instrument import instrument_errors
from hoi_perception.metrics.object_shape import cd_cm, f5_obj, f10_obj
from hoi_perception.metrics.simulation import sim_disp_cm
from hoi_perception.metrics.two_hands import mrrpe_mm
from hoi_perception.types import Camera

Figures = dict[str, float]


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


def pose_figures(body: Body, found: InstrumentState, truth: InstrumentState) -> Figures:
    """Errors of an instrument's pose."""
    return asdict(instrument_errors(body.model, found, truth))


def shape_figures(body: Body, found: InstrumentState, truth: InstrumentState) -> Figures:
    """Errors of an instrument's surface."""
    here, there = body.spread(found), body.spread(truth)
    return {"cd_cm": cd_cm(here, there), "f5_obj": f5_obj(here, there), "f10_obj": f10_obj(here, there)}


def slip_figures(body: Body, hand: PosedHand, state: InstrumentState) -> Figures:
    """Simulated slip of a held instrument."""
    return {"sim_disp_cm": sim_disp_cm(body.closed_hand(hand), body.closed(state), body.convex(state))}
