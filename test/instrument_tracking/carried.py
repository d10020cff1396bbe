"""A hand that carries a curette, and how a camera sees it that takes the hand for too small."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import project, undistort
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.mirroring import mirror_points
from hoi_perception.instrument_tracking.hand_view import HandForms, HandView
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.synthesis.grasp_sequences import sample_sequences
from hoi_perception.synthesis.grasp_truth import GraspSequence, GraspTruth
from hoi_perception.types import Hand, HandLandmarks, HandParameters, ScaleSource, Side, TrackState

NAME, SMALLER = "bone_curette", 0.95


@lru_cache(maxsize=1)
def forms() -> HandForms:
    """The open hand as the joint solve takes it."""
    return HandForms(dict.fromkeys(Side, HandModel.load(None, Side.RIGHT)))


@lru_cache(maxsize=1)
def whole_sequence() -> GraspSequence:
    """Ten frames."""
    return sample_sequences(1, 10, 0, instruments=(NAME,))[0]


def sequence(frames: int = 10) -> GraspSequence:
    """The first frames of it."""
    whole = whole_sequence()
    return GraspSequence(whole.frames[:frames])


def taken_for(truth: GraspTruth) -> HandParameters:
    """The hand as one that is too small, and nearer for that: it looks the same."""
    shape = forms().resized(truth.side, truth.hand.shape, SMALLER)
    ratio = forms().size(truth.side, shape) / forms().size(truth.side, truth.hand.shape)
    return HandParameters(truth.hand.pose, shape, ratio * truth.hand.wrist_camera)


def landmarks_px(truth: GraspTruth) -> Float64[NDArray[np.float64], "21 2"]:
    """Where the true hand's landmarks are in the image."""
    right = LandmarkModel.of(HandModel.load(None, Side.RIGHT))
    points = pose_skeleton(right.skeleton(truth.hand.shape[None]), forms().state(truth.side, truth.hand)).landmarks[0]
    points = np.asarray(mirror_points(points)) if truth.side is Side.LEFT else points
    return np.asarray(project(points, truth.camera), dtype=np.float64)


def view_of(truth: GraspTruth, track: int = 1) -> HandView:
    """The hand as the tracker of instruments gets it."""
    taken, px = taken_for(truth), landmarks_px(truth)
    term = LandmarkTerm(0, np.asarray(undistort(px, truth.camera)), np.full(21, truth.camera.focal_px / 2.0))
    vertices = np.asarray(HandModel.load(None, truth.side).posed(taken).vertices, dtype=np.float64)
    return HandView(truth.side, track, taken, term, px, vertices)


def hand_of(truth: GraspTruth, track: int = 1) -> Hand:
    """The hand as the pipeline tells it."""
    posed = HandModel.load(None, truth.side).posed(taken_for(truth))
    right = float(truth.side is Side.RIGHT)
    return Hand(
        side=truth.side,
        track_id=track,
        state=TrackState.TRACKED,
        score=1.0,
        parameters=taken_for(truth),
        translation_mano=np.zeros(3),
        joints_camera=posed.joints21(),
        joint_confidence=np.ones(21),
        vertices_camera=posed.vertices.astype(np.float32),
        covariance_wrist=1e-4 * np.eye(6),
        scale_source=ScaleSource.HAND_PRIOR,
        landmarks=HandLandmarks(landmarks_px(truth), np.full(21, np.nan), 1.0, right),
        residual_px=0.0,
        heldout_residual_px=0.0,
        limit_violation_deg=0.0,
    )


def true_state(truth: GraspTruth) -> InstrumentState:
    """Where the instrument is."""
    return InstrumentState(
        truth.R_camera_instrument[None], truth.t_camera_instrument[None], truth.joint_positions[None]
    )
