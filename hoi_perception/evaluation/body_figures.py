"""Figures of one instrument and of one grip, by the keys of `metrics.keys`."""

from __future__ import annotations

from dataclasses import asdict

from hoi_perception.evaluation.bodies import Body, Skin
from hoi_perception.evaluation.records import Figures
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.metrics.grasp_frame import GraspFrame
from hoi_perception.metrics.instrument import instrument_errors
from hoi_perception.metrics.object_shape import add_mm, adds_mm, cd_cm2, shape_scores
from hoi_perception.metrics.simulation import sim_disp_cm


def pose_figures(body: Body, found: InstrumentState, truth: InstrumentState) -> Figures:
    """Errors of an instrument's pose."""
    return asdict(instrument_errors(body.model, found, truth))


def shape_figures(body: Body, found: InstrumentState, truth: InstrumentState) -> Figures:
    """Errors of an instrument's surface."""
    return asdict(shape_scores(body.spread(found), body.spread(truth)))


def model_point_figures(body: Body, found: InstrumentState, truth: InstrumentState) -> Figures:
    """Errors of points of an instrument's surface: corresponding ones, nearest ones, and squared distances."""
    here, there = body.spread(found), body.spread(truth)
    return {"cd_cm2": cd_cm2(here, there), "add_mm": add_mm(here, there), "adds_mm": adds_mm(here, there)}


def grip_figures(measured: GraspFrame, truth: GraspFrame, *, exact: bool) -> Figures:
    """How a hand and an instrument touch and penetrate; `exact` adds the exact volume."""
    return measured.metrics(exact=exact) | measured.metrics_against(truth)


def motion_figures(own: float, truth: float) -> Figures:
    """How little hand and instrument moved as one, beside the same of the truth."""
    return {"ho_motion_mm2": own, "ho_motion_true_mm2": truth, "ho_motion_excess_mm2": own - truth}


def slip_figures(body: Body, hand: Skin, state: InstrumentState) -> Figures:
    """Simulated slip of a held instrument."""
    return {"sim_disp_cm": sim_disp_cm(body.closed_hand(hand), body.closed(state), body.convex(state))}
