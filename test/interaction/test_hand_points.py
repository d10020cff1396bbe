"""Points of a hand as the joint solve moves them, against the hand model and the upsampled mesh."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.hands.anatomy import angle_prior, grasp_angles, pose_from_angles
from hoi_perception.hands.hand_model import HandModel, PosedHand
from hoi_perception.hands.joints import JOINT_LIMITS
from hoi_perception.hands.kinematics import HandState, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.mirroring import mirror_axis_angle, mirror_points
from hoi_perception.hands.upsampling import FingertipUpsampling
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.interaction.state import SceneState
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

LIMITS = JOINT_LIMITS.reshape(45, 2)
NAMED = np.array([angles.reshape(45) for angles in grasp_angles().values()])


def any_angles(n: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(LIMITS[:, 0], LIMITS[:, 1], size=(n, 45))


def likely_angles(n: int) -> np.ndarray:
    mean, covariance = angle_prior()
    return np.clip(np.random.default_rng(1).multivariate_normal(mean, covariance, n), LIMITS[:, 0], LIMITS[:, 1])


def placed(body: HandBody, shape: np.ndarray, state: HandState) -> np.ndarray:
    """(b, p, 3) all points of a hand."""
    engine = Engine(Bodies((body,)), [shape], len(state.wrist))
    engine.place(SceneState.of([state]), correct=True)
    return np.array(engine.hand_points()[:, 0])


def upright(angles: np.ndarray) -> HandState:
    n = len(angles)
    return HandState(np.tile([0.02, -0.01, 0.5], (n, 1)), np.tile(np.eye(3), (n, 1, 1)), angles)


def posed(model: HandModel, body: HandBody, shape: np.ndarray, angles: np.ndarray, wrist: np.ndarray) -> PosedHand:
    pose = np.zeros((len(angles), 16, 3))
    frames = body.points.landmark_model.frames
    pose[:, 1:] = pose_from_angles(angles.reshape(-1, 15, 3), frames).reshape(-1, 15, 3)
    return model.with_shape(shape).with_pose_at_wrist(pose, wrist)


@pytest.mark.parametrize("side", list(Side))
def test_vertices_are_the_models(hand_model: HandModel, hands: dict[Side, HandBody], side: Side) -> None:
    """Within 10 nm, what single precision of the pose's corrections leaves; a left hand against the left model."""
    rng = np.random.default_rng(0)
    shape, turn = rng.normal(size=10), rng.normal(size=3)
    angles = np.concatenate([NAMED, any_angles(10)])
    state = HandState(
        np.tile([0.02, -0.01, 0.5], (len(angles), 1)),
        np.tile(rotation_from_axis_angle(turn), (len(angles), 1, 1)),
        angles,
    )
    found = placed(hands[side], shape, state)[:, :778]
    pose = np.zeros((len(angles), 16, 3))
    pose[:, 0] = turn
    frames = hands[side].points.landmark_model.frames
    pose[:, 1:] = pose_from_angles(angles.reshape(-1, 15, 3), frames).reshape(-1, 15, 3)
    wrist = state.wrist
    model = hand_model
    if side is Side.LEFT:
        model, pose, wrist = HandModel.load(None, Side.LEFT), mirror_axis_angle(pose), mirror_points(wrist)
    expected = model.with_shape(shape).with_pose_at_wrist(pose, wrist).vertices
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def test_landmarks_are_those_of_the_fit(hand_model: HandModel, hands: dict[Side, HandBody]) -> None:
    shape = np.random.default_rng(2).normal(size=10)
    state = upright(any_angles(5))
    body = hands[Side.RIGHT]
    skeleton = LandmarkModel.of(hand_model).skeleton(np.tile(shape, (5, 1)))
    expected = pose_skeleton(skeleton, state).landmarks
    found = placed(body, shape, state)[:, body.points.first_landmark :]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("angles", "most"),
    [(np.zeros((1, 45)), 1e-9), (NAMED, 0.0003), (likely_angles(100), 0.0005), (any_angles(100), 0.0006)],
    ids=["flat", "named grasps", "likely", "anywhere within limits"],
)
def test_pad_points_are_nearly_those_of_the_upsampled_mesh(
    hand_model: HandModel, hands: dict[Side, HandBody], angles: np.ndarray, most: float
) -> None:
    body, shape = hands[Side.RIGHT], np.random.default_rng(3).normal(size=10)
    points, upsampling = body.points, FingertipUpsampling.of(hand_model)
    pads = slice(778, points.n_surface)
    fine_rest = upsampling.apply(hand_model.template)[778:]
    distance = np.linalg.norm(fine_rest[None] - points.rest[pads, None], axis=-1)
    row = 778 + distance.argmin(axis=1)
    assert len(row) > 200
    assert len(np.unique(row)) == len(row)
    state = upright(angles)
    fine = upsampling.apply(posed(hand_model, body, shape, angles, state.wrist).vertices)[:, row]
    deviation = np.linalg.norm(placed(body, shape, state)[:, pads] - fine, axis=-1)
    assert deviation.max() < most
    assert deviation.mean() < 0.00003


def test_weights_of_a_point_sum_to_one(hands: dict[Side, HandBody]) -> None:
    points = hands[Side.RIGHT].points
    np.testing.assert_allclose(np.add.reduceat(points.weights, points.first[:-1]), 1.0, rtol=0, atol=1e-12)


def test_without_upsampling_there_are_vertices_and_landmarks_only(hand_model: HandModel) -> None:
    points = HandPoints.of(hand_model, upsampled=False)
    assert len(points) == 778 + 21
    assert points.first_landmark == 778
