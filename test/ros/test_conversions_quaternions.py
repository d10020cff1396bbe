"""Quaternions of messages against two other libraries."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.ros.conversions import pose_from_message
from hoi_perception.ros.conversions.poses import pose_message, quaternion_message
from hoi_perception.ros.messages import BagMessages
from hoi_perception.transforms import rotation_from_axis_angle

MESSAGES = BagMessages()
# Identity, tiny, half turns about axes and between them, nearly half turns, and anything.
AXIS_ANGLES = np.vstack(
    [
        np.zeros(3),
        np.full(3, 1e-9),
        np.pi * np.eye(3),
        np.pi * np.array([[1.0, 1, 0], [0, 1, -1], [1, 0, 1]]) / np.sqrt(2),
        (np.pi - 1e-7) * np.eye(3),
        np.random.default_rng(0).normal(size=(200, 3)) * 2.0,
    ]
)
ROTATIONS = rotation_from_axis_angle(AXIS_ANGLES)


def xyzw(R: np.ndarray) -> np.ndarray:
    q = quaternion_message(R, MESSAGES)
    return np.array([q.x, q.y, q.z, q.w])


def assert_same_rotation(ours: np.ndarray, theirs: np.ndarray) -> None:
    """q and -q are one rotation."""
    assert min(np.abs(ours - theirs).max(), np.abs(ours + theirs).max()) < 1e-7


def test_as_transforms3d() -> None:
    quaternions = pytest.importorskip("transforms3d.quaternions", reason="the extra [test] brings transforms3d")
    for R in ROTATIONS:
        ours = xyzw(R)
        assert_same_rotation(ours, np.roll(quaternions.mat2quat(R), -1))
        assert ours[3] >= 0.0
        np.testing.assert_allclose(quaternions.quat2mat(np.roll(ours, 1)), R, atol=1e-12)


def test_as_tf_transformations() -> None:
    tf = pytest.importorskip("tf_transformations", reason="tf_transformations comes with a ROS installation")
    for R in ROTATIONS:
        matrix = np.eye(4)
        matrix[:3, :3] = R
        ours = xyzw(R)
        assert_same_rotation(ours, tf.quaternion_from_matrix(matrix))
        np.testing.assert_allclose(tf.quaternion_matrix(ours)[:3, :3], R, atol=1e-12)


def test_there_and_back() -> None:
    for R in ROTATIONS:
        back, _ = pose_from_message(pose_message(R, np.zeros(3), MESSAGES))
        np.testing.assert_allclose(back, R, atol=1e-12)


def test_an_unnormalised_quaternion_is_read_as_its_direction() -> None:
    pose = pose_message(np.eye(3), np.zeros(3), MESSAGES)
    pose.orientation.z, pose.orientation.w = 3.0, 3.0
    back, _ = pose_from_message(pose)
    np.testing.assert_allclose(back, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)
