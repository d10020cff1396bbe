"""What is told of a hand: covariance about the camera's fixed axes, confidences, share in the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import Config, FittingConfig, TrackingConfig
from hoi_perception.hands.anatomy import grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.proposals import FoundHand
from hoi_perception.interaction.hand_fitter import HandFitter
from hoi_perception.telling import SIZE_SIGMA, share_inside, tell_hand
from hoi_perception.tracked_fit import FRESH, SolvedHand, attempt, fitter_figures, told
from hoi_perception.tracking import depth_prior, new_track, update_missed
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Frame, Hand, HandLandmarks, Side, TrackState

CAMERA = camera_from_fov(1280, 720, 55.0)
FRAME = Frame(np.zeros((720, 1280, 3), dtype=np.uint8), CAMERA, 0)
RIGHT = HandModel.load(None, Side.RIGHT)
CONFIG = TrackingConfig()


@pytest.fixture(scope="module")
def fitter() -> HandFitter:
    return HandFitter(dict.fromkeys(Side, RIGHT), FittingConfig())


def solved(fitter: HandFitter, roll: float) -> SolvedHand:
    """A fitted right hand on the optical axis, the picture rolled about that axis by `roll`."""
    R = rotation_from_axis_angle(np.array([[0.0, 0.0, roll]])) @ rotation_from_axis_angle(np.array([[0.3, 0.2, 1.0]]))
    start = HandState(
        np.array([[0.0, 0.0, 0.5]]), np.asarray(R, dtype=np.float64), grasp_angles()["pen"].reshape(1, 45)
    )
    points = fitter.project(Side.RIGHT, start, np.zeros(10), CAMERA)
    track = new_track(1, FoundHand(HandLandmarks(points, np.full(21, np.nan), 1.0, 1.0)), (), CONFIG)
    made = attempt(fitter, [track], CAMERA, [depth_prior(track)], FRESH)[0]
    return told(fitter, made, fitter_figures(fitter, [made], CAMERA, 0)[1], Config())


def tell(fitter: HandFitter, hand: SolvedHand) -> Hand:
    return tell_hand(hand, FRAME, RIGHT, fitter.frames(Side.RIGHT), CONFIG)


def test_covariance_turns_with_the_scene(fitter: HandFitter) -> None:
    """Rolling the scene by a quarter turn exchanges the variances of x and y, of place and of rotation."""
    straight = tell(fitter, solved(fitter, 0.0)).covariance_wrist
    rolled = tell(fitter, solved(fitter, np.pi / 2)).covariance_wrist
    R = rotation_from_axis_angle(np.array([0.0, 0.0, np.pi / 2]))
    T = np.zeros((6, 6))
    T[:3, :3] = T[3:, 3:] = R
    np.testing.assert_allclose(rolled, T @ straight @ T.T, rtol=0.25, atol=2e-5)


def test_one_camera_does_not_know_the_distance_better_than_the_size(fitter: HandFitter) -> None:
    hand = tell(fitter, solved(fitter, 0.0))
    assert np.sqrt(hand.covariance_wrist[2, 2]) >= SIZE_SIGMA * hand.parameters.wrist_camera[2]
    assert np.sqrt(hand.covariance_wrist[0, 0]) < 0.01


def test_a_predicted_hand_claims_no_measurement(fitter: HandFitter) -> None:
    made = solved(fitter, 0.0)
    known = tell(fitter, made)
    missed = update_missed(replace(made.track, frames=10), CONFIG)
    assert missed is not None
    hand = tell(fitter, SolvedHand(missed, None))
    assert hand.state is TrackState.PREDICTED
    assert hand.score == 0.0 and hand.landmarks is None and not hand.joint_confidence.any()
    assert np.isnan(hand.residual_px)
    assert hand.covariance_wrist[0, 0] > known.covariance_wrist[0, 0]


def test_share_inside_counts_landmarks() -> None:
    points = np.tile([100.0, 100.0], (21, 1))
    points[:7, 0] = -5.0
    assert share_inside(HandLandmarks(points, np.zeros(21), 1.0, 1.0), FRAME) == pytest.approx(14 / 21)
