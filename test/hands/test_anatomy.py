"""Frames, angles, limits and grasps of the hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import (
    FINGER_JOINTS,
    FINGERS,
    JOINT_LIMITS,
    JOINT_NAMES,
    OPENPOSE_FROM_21,
    PARENTS,
    Fingertips,
    angle_prior,
    angles_from_pose,
    angles_from_rotations,
    gesture_angles,
    grasp_angles,
    joint_frames,
    palm_normal,
    pose_from_angles,
    rotations_from_angles,
)
from hoi_perception.hands.open_hand_model.proportions import rest_joints

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def frames() -> Array:
    return joint_frames(rest_joints())


def turned_tip(finger: str, joint: int, angles: tuple[float, float, float], frames: Array) -> Array:
    """Displacement of a finger's tip when one of its joints (0 to 2) alone is turned, degrees."""
    rest = rest_joints()
    chosen = np.zeros((15, 3))
    first = FINGER_JOINTS[finger][0]
    chosen[first - 1 + joint] = np.radians(angles)
    rotation = rotations_from_angles(chosen, frames)[first - 1 + joint]
    tip = rest[16 + ("thumb", "index", "middle", "ring", "pinky").index(finger)]
    arm = tip - rest[first + joint]
    return np.asarray(rotation @ arm - arm)


def test_joint_order_is_manos() -> None:
    assert JOINT_NAMES[0] == "wrist"
    assert [JOINT_NAMES[i] for i in (1, 4, 7, 10, 13)] == ["index_1", "middle_1", "pinky_1", "ring_1", "thumb_1"]
    assert PARENTS.tolist() == [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14]
    assert OPENPOSE_FROM_21.tolist() == [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]


def test_published_fingertips() -> None:
    sets = sorted(tips.value for tips in Fingertips)
    assert sets == sorted(
        [
            (744, 320, 443, 554, 671),
            (744, 320, 443, 555, 672),
            (745, 317, 444, 556, 673),
            (728, 353, 442, 576, 694),
        ]
    )


def test_frames_are_right_handed_and_follow_bones(frames: Array) -> None:
    np.testing.assert_allclose(frames @ np.swapaxes(frames, 1, 2), np.broadcast_to(np.eye(3), (15, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(frames), 1.0)
    rest = rest_joints()
    bone = rest[2] - rest[1]
    np.testing.assert_allclose(frames[0][:, 2], bone / np.linalg.norm(bone))


def test_frames_ignore_size_and_turn_with_the_hand(frames: Array) -> None:
    turn = rotations_from_angles(np.full((15, 3), 0.7), np.broadcast_to(np.eye(3), (15, 3, 3)))[0]
    moved = 1.3 * rest_joints() @ turn.T + [0.1, -0.2, 0.5]
    np.testing.assert_allclose(joint_frames(moved), turn @ frames, atol=1e-12)


def test_back_of_the_hand_is_up() -> None:
    assert palm_normal(rest_joints())[1] > 0.9


@pytest.mark.parametrize("finger", ["index", "middle", "ring", "pinky"])
@pytest.mark.parametrize("joint", [0, 1, 2])
def test_flexion_curls_to_the_palm(finger: str, joint: int, frames: Array) -> None:
    move = turned_tip(finger, joint, (30.0, 0.0, 0.0), frames)
    assert move[1] < 0.0
    assert abs(move[1]) > abs(move[2])


@pytest.mark.parametrize("finger", ["index", "middle", "ring", "pinky"])
def test_abduction_goes_to_the_thumbs_side(finger: str, frames: Array) -> None:
    move = turned_tip(finger, 0, (0.0, 15.0, 0.0), frames)
    assert move[2] > 0.01


def test_thumb_flexes_across_the_palm_and_abducts_away_from_it(frames: Array) -> None:
    across = turned_tip("thumb", 0, (30.0, 0.0, 0.0), frames)
    assert across[2] < -0.01  # toward the little finger
    away = turned_tip("thumb", 0, (0.0, 30.0, 0.0), frames)
    assert away[1] < -0.02  # out of the palm


def test_thumbs_nail_is_square_to_the_others(frames: Array) -> None:
    angle = np.degrees(np.arccos(frames[14][:, 1] @ frames[5][:, 1]))
    assert 50.0 < angle < 100.0


def test_angles_and_rotations_are_inverse(frames: Array) -> None:
    angles = np.random.default_rng(1).uniform(JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1], (50, 15, 3))
    np.testing.assert_allclose(angles_from_rotations(rotations_from_angles(angles, frames), frames), angles, atol=1e-9)
    np.testing.assert_allclose(angles_from_pose(pose_from_angles(angles, frames), frames), angles, atol=1e-9)


def test_rotation_is_flexion_then_abduction_then_twist() -> None:
    frames = np.broadcast_to(np.eye(3), (15, 3, 3))
    quarter = np.zeros((15, 3))
    quarter[0, 0] = np.pi / 2
    rotation = rotations_from_angles(quarter, frames)[0]
    np.testing.assert_allclose(rotation @ [0.0, 0.0, 1.0], [0.0, -1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(pose_from_angles(quarter, frames)[:3], [np.pi / 2, 0.0, 0.0], atol=1e-12)


def test_grasps_are_within_limits() -> None:
    for name, angles in {**grasp_angles(), **gesture_angles()}.items():
        assert (angles >= JOINT_LIMITS[..., 0] - 1e-9).all(), name
        assert (angles <= JOINT_LIMITS[..., 1] + 1e-9).all(), name


def test_named_grasps() -> None:
    assert set(grasp_angles()) == {"flat", "tripod", "pen", "scissors_ring", "palmar", "pinch", "power"}
    assert not grasp_angles()["flat"].any()


def test_prior_couples_last_joint_to_middle_joint() -> None:
    mean, covariance = angle_prior()
    assert np.linalg.eigvalsh(covariance).min() > 0.0
    assert (mean.reshape(15, 3) >= JOINT_LIMITS[..., 0]).all()
    assert (mean.reshape(15, 3) <= JOINT_LIMITS[..., 1]).all()
    for finger in FINGERS[:4]:
        pip, dip = (3 * (FINGER_JOINTS[finger][k] - 1) for k in (1, 2))
        slope = covariance[dip, pip] / covariance[pip, pip]
        assert slope == pytest.approx(0.6, abs=0.1)


def test_limits_have_room_about_the_rest_pose() -> None:
    assert (JOINT_LIMITS[..., 0] < 0.0).all()
    assert (JOINT_LIMITS[..., 1] > 0.0).all()
    assert np.degrees(JOINT_LIMITS[1, 0, 1]) >= 100.0
