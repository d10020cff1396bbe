"""Hands with registered depth, rendered: how far off they are no longer hangs on their size."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov, project
from hoi_perception.config import Config
from hoi_perception.hands.grasps import grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.mirroring import mirror_points
from hoi_perception.hands.proposals import FoundHand
from hoi_perception.hands.right_form import fit_parameters
from hoi_perception.interaction.hand_depth import FEWEST, MOST, measured_points
from hoi_perception.interaction.hand_fitter import HandFitter
from hoi_perception.rendering import rasterise
from hoi_perception.telling import tell_hand
from hoi_perception.tracked_fit import SolvedHand, solve_tracks
from hoi_perception.tracking import HandTrack, new_track, update_seen
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Frame, Hand, HandLandmarks, ScaleSource, Side

Array = NDArray[np.float64]
Depth = NDArray[np.float32]
CAMERA = camera_from_fov(640, 480, 60.0)
CONFIG = Config()
WALL_M = 0.9
RIGHT = HandModel.load(None, Side.RIGHT)
TURNS = ((0.4, -0.3, 1.2), (-0.9, 0.4, 0.3))


@pytest.fixture(scope="module")
def fitter() -> HandFitter:
    return HandFitter(dict.fromkeys(Side, RIGHT), CONFIG.fitting)


@cache
def left() -> HandModel:
    return HandModel.load(None, Side.LEFT)


def truth_of(turn: tuple[float, float, float], grasp: str = "tripod") -> HandState:
    """A right hand half a metre away."""
    R = np.asarray(rotation_from_axis_angle(np.array([turn])), dtype=np.float64)
    return HandState(np.array([[0.03, -0.02, 0.5]]), R, grasp_angles()[grasp].reshape(1, 45))


def large() -> Array:
    """The shape of a hand larger than the mean one by two standard deviations."""
    shape = np.zeros(10)
    shape[0] = 2.0
    return shape


def seen(state: HandState, shape: Array, side: Side, noise_m: float = 0.001) -> tuple[HandLandmarks, Depth]:
    """Landmarks, and the depth of the hand before a wall with noise and holes."""
    model = LandmarkModel.of(RIGHT)
    x = pose_skeleton(model.skeleton(shape[None]), state).landmarks[0]
    hand = RIGHT if side is Side.RIGHT else left()
    posed = hand.posed(fit_parameters(model.frames, side, state, shape))
    points = x if side is Side.RIGHT else np.asarray(mirror_points(x))
    raster = rasterise(posed.vertices.astype(np.float32), hand.faces, CAMERA)
    depth = np.where(raster.mask, raster.depth, WALL_M).astype(np.float32)
    rng = np.random.default_rng(0)
    depth += rng.normal(size=depth.shape).astype(np.float32) * noise_m
    depth[rng.random(depth.shape) < 0.1] = np.nan
    return HandLandmarks(project(points, CAMERA), np.full(21, np.nan), 1.0, float(side is Side.RIGHT)), depth


def told(fitter: HandFitter, track: HandTrack, depth: Depth | None) -> tuple[SolvedHand, Hand]:
    """One frame of one track."""
    solved = solve_tracks(fitter, [track], CAMERA, 0, 1.0 / 30.0, CONFIG, depth)[0]
    frame = Frame(np.zeros((480, 640, 3), dtype=np.uint8), CAMERA, 0, depth_m=depth)
    model = RIGHT if track.side is Side.RIGHT else left()
    return solved, tell_hand(solved, frame, model, fitter.frames(track.side), CONFIG.tracking)


def born(marks: HandLandmarks) -> HandTrack:
    return new_track(1, FoundHand(marks), (), CONFIG.tracking)


def depth_error(solved: SolvedHand) -> float:
    assert solved.track.state_right is not None
    return abs(float(solved.track.state_right.wrist[0, 2]) - 0.5)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("turn", TURNS)
def test_depth_tells_how_far_off_a_large_hand_is(
    fitter: HandFitter, side: Side, turn: tuple[float, float, float]
) -> None:
    marks, depth = seen(truth_of(turn), large(), side)
    without, plain = told(fitter, born(marks), None)
    with_it, measured = told(fitter, born(marks), depth)
    assert depth_error(without) > 0.04
    assert depth_error(with_it) < 0.25 * depth_error(without)
    assert (plain.scale_source, measured.scale_source) == (ScaleSource.HAND_PRIOR, ScaleSource.DEPTH)
    assert measured.covariance_wrist[2, 2] < 0.1 * plain.covariance_wrist[2, 2]


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("larger", [-2.0, 0.0, 2.0])
def test_the_wrist_is_as_sure_as_the_size_of_the_hand_allows(
    fitter: HandFitter, side: Side, turn: tuple[float, float, float], larger: float
) -> None:
    """Within three standard deviations for a hand whose size is two off."""
    truth, shape = truth_of(turn), np.zeros(10)
    shape[0] = larger
    marks, depth = seen(truth, shape, side)
    _, hand = told(fitter, born(marks), depth)
    wrist = truth.wrist[0] if side is Side.RIGHT else np.asarray(mirror_points(truth.wrist[0]))
    off = hand.parameters.wrist_camera - wrist
    assert off @ np.linalg.solve(hand.covariance_wrist[:3, :3], off) < 3.0**2


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("turn", TURNS)
def test_a_hand_of_known_shape_is_where_depth_and_landmarks_say(
    fitter: HandFitter, side: Side, turn: tuple[float, float, float]
) -> None:
    truth = truth_of(turn)
    marks, depth = seen(truth, np.zeros(10), side)
    solved, _ = told(fitter, born(marks), depth)
    assert solved.by_depth and solved.track.state_right is not None
    np.testing.assert_allclose(solved.track.state_right.wrist, truth.wrist, atol=0.002)


def test_depth_that_begins_late_corrects_a_followed_hand(fitter: HandFitter) -> None:
    marks, depth = seen(truth_of(TURNS[0]), large(), Side.RIGHT)
    solved, _ = told(fitter, born(marks), None)
    for late in (None, None, depth, depth):
        solved, hand = told(fitter, update_seen(solved.track, marks, 4.0, CONFIG.tracking), late)
    assert hand.scale_source is ScaleSource.DEPTH
    assert depth_error(solved) < 0.015


def test_depth_without_the_hand_is_left_alone(fitter: HandFitter) -> None:
    """Nothing measured, or only the wall behind: the fit to the landmarks stays as it is."""
    marks, depth = seen(truth_of(TURNS[0]), np.zeros(10), Side.RIGHT)
    plain, _ = told(fitter, born(marks), None)
    for bad in (np.full_like(depth, np.nan), np.full_like(depth, np.float32(WALL_M)), np.zeros_like(depth)):
        solved, hand = told(fitter, born(marks), bad)
        assert hand.scale_source is ScaleSource.HAND_PRIOR
        assert plain.track.state_right is not None and solved.track.state_right is not None
        np.testing.assert_array_equal(solved.track.state_right.wrist, plain.track.state_right.wrist)


def test_points_lie_on_the_hand_and_are_always_the_same() -> None:
    marks, depth = seen(truth_of(TURNS[0]), np.zeros(10), Side.RIGHT, noise_m=0.0)
    points = measured_points(depth, CAMERA, marks)
    assert len(points) > FEWEST
    assert np.array_equal(points, measured_points(depth, CAMERA, marks))
    assert (points[:, 2] < 0.65).all()


@pytest.mark.parametrize("share", [0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 2.0])
def test_points_are_few_however_large_the_hand_is_in_the_image(share: float) -> None:
    """Before a depth without holes or steps, of which every pixel could be taken."""
    marks, _ = seen(truth_of(TURNS[0]), np.zeros(10), Side.RIGHT)
    about = marks.points_px.mean(axis=0)
    resized = replace(marks, points_px=about + share * (marks.points_px - about))
    points = measured_points(np.full((480, 640), 0.5, dtype=np.float32), CAMERA, resized)
    assert FEWEST < len(points) <= MOST


def test_landmarks_that_are_not_seen_or_finite_mark_no_points() -> None:
    marks, depth = seen(truth_of(TURNS[0]), np.zeros(10), Side.RIGHT)
    assert len(measured_points(depth, CAMERA, replace(marks, confidence=np.zeros(21)))) == 0
    lost = replace(marks, points_px=np.full((21, 2), np.nan))
    assert len(measured_points(depth, CAMERA, lost)) == 0
    outside = replace(marks, points_px=marks.points_px + 1e7)
    assert len(measured_points(depth, CAMERA, outside)) == 0
