"""The fit recovers hands whose landmarks are made from known states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov, project
from hoi_perception.config import FittingConfig
from hoi_perception.hands.anatomy import JOINT_LIMITS, grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import MotionPrior
from hoi_perception.hands.mirroring import mirror_points
from hoi_perception.hands.right_form import fit_parameters, unmirror_covariance
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.interaction.hand_fitter import HandFitter
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Distortion, HandLandmarks, Side

Array = NDArray[np.float64]
CAMERA = camera_from_fov(1280, 720, 55.0)
NO_SHAPE = np.zeros((1, 10))
RIGHT = HandModel.load(None, Side.RIGHT)
MODEL = LandmarkModel.of(RIGHT)
GRASPS = {name: angles for name, angles in grasp_angles().items() if name != "flat"}


@pytest.fixture(scope="module")
def fitter() -> HandFitter:
    return HandFitter(dict.fromkeys(Side, RIGHT), FittingConfig())


def known_state(grasp: str, turn: tuple[float, float, float] = (0.4, -0.3, 1.2)) -> HandState:
    """A right hand half a metre away, its palm turned to the camera by `turn` (axis-angle)."""
    R = rotation_from_axis_angle(np.array([turn]))
    return HandState(np.array([[0.06, -0.03, 0.5]]), np.asarray(R, dtype=np.float64), GRASPS[grasp].reshape(1, 45))


def landmarks_of(state: HandState, side: Side, camera: Camera = CAMERA) -> HandLandmarks:
    """What a perfect network would see of a right-handed state, mirrored for a left hand."""
    points = pose_skeleton(MODEL.skeleton(NO_SHAPE), state).landmarks[0]
    if side is Side.LEFT:
        points = np.asarray(mirror_points(points))
    normalised = points[:, :2] / points[:, 2:]
    ray = np.append(normalised.mean(axis=0), 1.0)
    depth = (points - points[0]) @ (ray / np.linalg.norm(ray)) / points[0, 2]
    return HandLandmarks(project(points, camera), depth * camera.K[0, 0], 1.0, float(side is Side.RIGHT))


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("grasp", list(GRASPS))
def test_a_new_hand_is_recovered_from_its_landmarks(fitter: HandFitter, grasp: str, side: Side) -> None:
    truth = known_state(grasp)
    seen = fitter.observe([landmarks_of(truth, side)], [side], CAMERA)
    fit = fitter.start(fitter.problem(seen, [side], NO_SHAPE))
    expected = pose_skeleton(MODEL.skeleton(NO_SHAPE), truth).landmarks
    found = pose_skeleton(MODEL.skeleton(NO_SHAPE), fit.state).landmarks
    assert np.linalg.norm(found - expected, axis=-1).mean() < 0.008
    assert np.linalg.norm((found - found[:, :1]) - (expected - expected[:, :1]), axis=-1).mean() < 0.006


def test_hands_behind_a_distorting_lens_are_where_they_are(fitter: HandFitter) -> None:
    lens = replace(CAMERA, distortion=Distortion.PLUMB_BOB, D=np.array([-0.25, 0.08, 0.001, 0.0, 0.0]))
    truth = replace(known_state("tripod"), wrist=np.array([[0.16, 0.05, 0.5]]))
    seen = fitter.observe([landmarks_of(truth, Side.RIGHT, lens)], [Side.RIGHT], lens)
    fit = fitter.start(fitter.problem(seen, [Side.RIGHT], NO_SHAPE))
    np.testing.assert_allclose(fit.state.wrist, truth.wrist, atol=0.012)


def test_left_parameters_are_the_mirror_image_of_right_ones() -> None:
    left_hand = HandModel.load(None, Side.LEFT)
    state = known_state("pen")
    right = RIGHT.posed(fit_parameters(MODEL.frames, Side.RIGHT, state, np.zeros(10)))
    left = left_hand.posed(fit_parameters(MODEL.frames, Side.LEFT, state, np.zeros(10)))
    np.testing.assert_allclose(left.joints21(), mirror_points(right.joints21()), atol=1e-9)


def test_parameters_place_the_model_where_the_skeleton_is() -> None:
    state = known_state("scissors_ring")
    posed = RIGHT.posed(fit_parameters(MODEL.frames, Side.RIGHT, state, np.zeros(10)))
    np.testing.assert_allclose(posed.joints16, pose_skeleton(MODEL.skeleton(NO_SHAPE), state).joints[0], atol=1e-9)


def test_an_outlier_does_not_drag_the_hand_along(fitter: HandFitter) -> None:
    truth = known_state("palmar")
    landmarks = landmarks_of(truth, Side.RIGHT)
    points = landmarks.points_px.copy()
    points[8] += [90.0, -70.0]
    seen = fitter.observe([replace(landmarks, points_px=points)], [Side.RIGHT], CAMERA)
    fit = fitter.start(fitter.problem(seen, [Side.RIGHT], NO_SHAPE))
    found = pose_skeleton(MODEL.skeleton(NO_SHAPE), fit.state).landmarks
    expected = pose_skeleton(MODEL.skeleton(NO_SHAPE), truth).landmarks
    others = np.arange(21) != 8
    assert np.linalg.norm(found - expected, axis=-1)[0, others].mean() < 0.010


def test_landmarks_without_confidence_and_unknown_depths_have_no_say(fitter: HandFitter) -> None:
    landmarks = landmarks_of(known_state("pinch"), Side.RIGHT)
    confidence = np.ones(21)
    confidence[4] = 0.0
    wild = landmarks.points_px.copy()
    wild[4] = 5000.0
    seen = fitter.observe(
        [replace(landmarks, points_px=wild, confidence=confidence, depth_relative=np.full(21, np.nan))],
        [Side.RIGHT],
        CAMERA,
    )
    assert np.isfinite(seen.depth).all() and not seen.depth_weight.any()
    problem = fitter.problem(seen, [Side.RIGHT], NO_SHAPE)
    figures = fitter.figures(problem, fitter.start(problem), None, 4, CAMERA.K[0, 0])
    assert figures.residual_px < 3.0 and figures.residuals_px[4] == 0.0


def test_left_out_landmarks_do_not_help_themselves(fitter: HandFitter) -> None:
    """A landmark moved away shows its whole error where it is left out, and hardly moves the fit of the others."""
    truth = known_state("tripod")
    landmarks = landmarks_of(truth, Side.RIGHT)
    points = landmarks.points_px.copy()
    points[20] += [40.0, 0.0]
    seen = fitter.observe([replace(landmarks, points_px=points)], [Side.RIGHT], CAMERA)
    problem = fitter.problem(seen, [Side.RIGHT], NO_SHAPE)
    fit = fitter.start(problem)
    with_it, without = (fitter.figures(problem, fit, truth, fold, CAMERA.K[0, 0]).heldout_px for fold in (0, 1))
    assert with_it > 40.0 / 5 - 3.0
    assert without < with_it


def test_points_beyond_the_lens_model_have_no_weight(fitter: HandFitter) -> None:
    fisheye = replace(CAMERA, distortion=Distortion.EQUIDISTANT, D=np.array([0.05, -0.01, 0.003, -0.001]))
    landmarks = landmarks_of(known_state("pen"), Side.RIGHT, fisheye)
    points = landmarks.points_px.copy()
    points[12] = [9000.0, 400.0]
    seen = fitter.observe([replace(landmarks, points_px=points)], [Side.RIGHT], fisheye)
    assert seen.point_weight[0, 12] == 0.0 and np.count_nonzero(seen.point_weight) == 20


def test_the_fit_repeats_exactly(fitter: HandFitter) -> None:
    seen = fitter.observe([landmarks_of(known_state("power"), Side.RIGHT)], [Side.RIGHT], CAMERA)
    problem = fitter.problem(seen, [Side.RIGHT], NO_SHAPE)
    first, second = fitter.start(problem), fitter.start(problem)
    assert np.array_equal(first.state.angles, second.state.angles)
    assert np.array_equal(first.matrix, second.matrix)


def test_a_batch_gives_what_its_hands_give_alone(fitter: HandFitter) -> None:
    states = [known_state("pen"), known_state("tripod", (1.0, 0.2, -0.4))]
    sides = [Side.RIGHT, Side.LEFT]
    marks = [landmarks_of(state, side) for state, side in zip(states, sides, strict=True)]
    both = fitter.start(fitter.problem(fitter.observe(marks, sides, CAMERA), sides, np.zeros((2, 10))))
    for i in range(2):
        seen = fitter.observe([marks[i]], [sides[i]], CAMERA)
        alone = fitter.start(fitter.problem(seen, [sides[i]], NO_SHAPE))
        np.testing.assert_allclose(both.state.wrist[i], alone.state.wrist[0], atol=1e-9)


def test_limits_hold_against_impossible_landmarks(fitter: HandFitter) -> None:
    """Fingers bent backwards by 80 degrees are not believed."""
    angles = np.zeros((15, 3))
    angles[[1, 4, 7, 10], 0] = np.radians(-80.0)
    impossible = replace(known_state("pen"), angles=angles.reshape(1, 45))
    seen = fitter.observe([landmarks_of(impossible, Side.RIGHT)], [Side.RIGHT], CAMERA)
    fit = fitter.start(fitter.problem(seen, [Side.RIGHT], NO_SHAPE))
    lower = JOINT_LIMITS.reshape(45, 2)[:, 0]
    assert (fit.state.angles[0] > lower - np.radians(12.0)).all()


def test_expected_motion_holds_a_hand_that_is_not_seen(fitter: HandFitter) -> None:
    truth = known_state("tripod")
    blind = replace(landmarks_of(truth, Side.RIGHT), confidence=np.full(21, 1e-9))
    seen = fitter.observe([blind], [Side.RIGHT], CAMERA)
    motion = MotionPrior(truth, np.full((1, 51), 1e3))
    fit = fitter.follow(fitter.problem(seen, [Side.RIGHT], NO_SHAPE, motion), truth)
    np.testing.assert_allclose(fit.state.wrist, truth.wrist, atol=1e-4)
    np.testing.assert_allclose(fit.state.angles, truth.angles, atol=1e-2)


def test_shape_follows_longer_fingers_and_leaves_size_to_its_prior(fitter: HandFitter) -> None:
    """Landmarks of a hand with fingers two standard deviations longer move that coefficient most."""
    names = list(np.load(_open_hand_file())["shape_names"])
    fingers = names.index("finger length")
    true_shape = np.zeros((1, 10))
    true_shape[0, fingers] = 2.0
    estimate = ShapeEstimate()
    rng = np.random.default_rng(0)
    for _ in range(40):
        state = known_state("palmar", tuple(rng.normal(scale=0.5, size=3)))
        points = pose_skeleton(MODEL.skeleton(true_shape), state).landmarks[0]
        marks = HandLandmarks(project(points, CAMERA), np.full(21, np.nan), 1.0, 1.0)
        seen = fitter.observe([marks], [Side.RIGHT], CAMERA)
        problem = fitter.problem(seen, [Side.RIGHT], estimate.shape[None])
        estimate = fitter.refine_shape(estimate, Side.RIGHT, seen, fitter.start(problem).state)
    assert estimate.frozen
    assert estimate.shape[fingers] > 0.5
    assert np.abs(estimate.shape).max() <= 2.0


def _open_hand_file() -> str:
    from importlib.resources import files

    return str(files("hoi_perception.hands") / "open_hand.npz")


def test_covariance_of_a_left_hand_is_mirrored() -> None:
    covariance = np.arange(36.0).reshape(6, 6)
    covariance = covariance + covariance.T
    mirrored = unmirror_covariance(covariance, Side.LEFT)
    assert mirrored[0, 1] == -covariance[0, 1] and mirrored[1, 2] == covariance[1, 2]
    assert mirrored[0, 4] == covariance[0, 4] and mirrored[1, 4] == -covariance[1, 4]
    assert np.array_equal(unmirror_covariance(covariance, Side.RIGHT), covariance)


def test_after_warming_up_no_engine_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """For one hand or two, new or followed, with relative depths or without, and with measured depth."""
    warm = HandFitter(dict.fromkeys(Side, RIGHT), FittingConfig())
    warm.warm_up()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an engine is made")

    monkeypatch.setattr("hoi_perception.interaction.hand_descent.Engine", refuse)
    monkeypatch.setattr("hoi_perception.interaction.hand_depth.Engine", refuse)
    states = [known_state("pen"), known_state("tripod", (1.0, 0.2, -0.4))]
    for sides in ([Side.LEFT], [Side.RIGHT, Side.LEFT]):
        marks = [landmarks_of(state, side) for state, side in zip(states, sides, strict=False)]
        for known in (True, False):
            told = marks if known else [replace(m, depth_relative=np.full(21, np.nan)) for m in marks]
            problem = warm.problem(warm.observe(told, sides, CAMERA), sides, np.zeros((len(sides), 10)))
            fit = warm.start(problem)
            warm.follow(problem, fit.state)
            x = pose_skeleton(MODEL.skeleton(NO_SHAPE), states[0]).landmarks[0]
            one = np.array([0])
            points = np.asarray(mirror_points(x)) if sides[0] is Side.LEFT else x
            assert warm.with_depth(problem.take(one), states[0], sides[0], np.zeros(10), points) is not None
    with pytest.raises(AssertionError, match="an engine is made"):
        sides = [Side.RIGHT] * 3
        marks = [landmarks_of(states[0], Side.RIGHT)] * 3
        warm.start(warm.problem(warm.observe(marks, sides, CAMERA), sides, np.zeros((3, 10))))
