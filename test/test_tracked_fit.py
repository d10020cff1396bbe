"""Hands whose landmarks stop making sense: told as such, never bent out of shape, given up in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import Config
from hoi_perception.hands.anatomy import grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.proposals import FoundHand
from hoi_perception.interaction.hand_fitter import HandFitter
from hoi_perception.tracked_fit import SolvedHand, expectation, solve_tracks
from hoi_perception.tracking import HandTrack, hand_state, new_track, update_seen
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import HandLandmarks, Side, TrackState

CAMERA = camera_from_fov(1280, 720, 55.0)
CONFIG = Config()
PERIOD_S = 1.0 / 30.0


@pytest.fixture(scope="module")
def fitter() -> HandFitter:
    right = HandModel.load(None, Side.RIGHT)
    return HandFitter(dict.fromkeys(Side, right), CONFIG.fitting)


def seen_at(fitter: HandFitter, x: float) -> HandLandmarks:
    """Landmarks of a hand half a metre away, x to the right of the optical axis."""
    R = np.asarray(rotation_from_axis_angle(np.array([[0.3, 0.2, 1.0]])), dtype=np.float64)
    truth = HandState(np.array([[x, 0.0, 0.5]]), R, grasp_angles()["tripod"].reshape(1, 45))
    return HandLandmarks(fitter.project(Side.RIGHT, truth, np.zeros(10), CAMERA), np.full(21, np.nan), 1.0, 1.0)


def shuffled(landmarks: HandLandmarks) -> HandLandmarks:
    order = np.random.default_rng(0).permutation(21)
    return replace(landmarks, points_px=landmarks.points_px[order])


def step(fitter: HandFitter, track: HandTrack, landmarks: HandLandmarks | None = None) -> SolvedHand | None:
    """One frame of one track."""
    if landmarks is not None:
        track = update_seen(track, landmarks, 4.0, CONFIG.tracking)
    hands = solve_tracks(fitter, [track], CAMERA, 0, PERIOD_S, CONFIG)
    return hands[0] if hands else None


def followed(fitter: HandFitter, frames: int = 8) -> SolvedHand:
    solved = step(fitter, new_track(1, FoundHand(seen_at(fitter, 0.0)), (), CONFIG.tracking))
    for i in range(1, frames):
        assert solved is not None
        solved = step(fitter, solved.track, seen_at(fitter, 0.004 * i))
    assert solved is not None
    return solved


def test_a_followed_hand_is_where_its_landmarks_are(fitter: HandFitter) -> None:
    solved = followed(fitter)
    assert solved.figures is not None and solved.figures.residual_px < 3.0
    assert hand_state(solved.track, 1.0, CONFIG.tracking) is TrackState.TRACKED
    points, regions = expectation(fitter, solved.track, CAMERA)
    ahead = seen_at(fitter, 0.004 * 8)
    assert np.linalg.norm(points - ahead.points_px, axis=1).mean() < 6.0
    assert len(regions) == 3


def test_a_hand_that_is_not_explained_keeps_its_posture_and_is_given_up(fitter: HandFitter) -> None:
    solved = followed(fitter)
    before = solved.track.state_right
    assert before is not None
    frames = 0
    current: SolvedHand | None = solved
    while current is not None and frames < 60:
        last, current = current, step(fitter, current.track, shuffled(seen_at(fitter, 0.03)))
        frames += current is not None
    assert frames == CONFIG.tracking.predict_frames
    assert last.figures is None and last.track.state_right is not None
    assert hand_state(last.track, 1.0, CONFIG.tracking) is TrackState.OCCLUDED
    np.testing.assert_array_equal(last.track.state_right.angles, before.angles)
    assert last.track.state_right.wrist[0, 2] == pytest.approx(before.wrist[0, 2])


def test_a_jump_of_posture_is_not_told_as_tracked_at_once(fitter: HandFitter) -> None:
    solved = followed(fitter)
    marks = seen_at(fitter, 0.03)
    center = marks.points_px.mean(axis=0)
    turned = replace(marks, points_px=center + (marks.points_px - center) @ np.array([[-1.0, 0.0], [0.0, -1.0]]))
    jumped = step(fitter, solved.track, turned)
    assert jumped is not None
    assert hand_state(jumped.track, 1.0, CONFIG.tracking) is not TrackState.TRACKED
    settled = step(fitter, jumped.track, turned)
    assert settled is not None
    assert hand_state(settled.track, 1.0, CONFIG.tracking) is TrackState.TRACKED


def test_a_stiffer_prior_makes_no_fit_surer(fitter: HandFitter) -> None:
    solved = followed(fitter)
    calm = step(fitter, solved.track, seen_at(fitter, 0.032))
    assert calm is not None and calm.figures is not None
    sigma = np.sqrt(np.diag(calm.figures.covariance)[:3])
    assert (sigma > 5e-4).all()


def test_no_tracks_no_hands(fitter: HandFitter) -> None:
    assert solve_tracks(fitter, [], CAMERA, 0, PERIOD_S, CONFIG) == ()
