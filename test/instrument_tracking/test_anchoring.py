"""Poses that other sources tell: how they are weighed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.anchoring import combined, information, spread_px, term_of, together, without
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.terms.pose import point_rows
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import ToldPose


def pose(
    t: tuple[float, float, float], covariance: NDArray[np.float64], turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> ToldPose:
    R = np.asarray(rotation_from_axis_angle(np.array(turn)), dtype=np.float64)
    return ToldPose(1, R, np.array(t), covariance, "a robot")


def state() -> InstrumentState:
    return InstrumentState(np.eye(3)[None], np.array([[0.0, 0.0, 0.5]]), np.zeros((1, 1)))


def test_two_that_are_equally_sure_meet_half_way() -> None:
    told = pose((0.02, 0.0, 0.5), 1e-4 * np.eye(6), (0.0, 0.2, 0.0))
    found = combined(state(), np.full(6, 0.01), (told,))
    np.testing.assert_allclose(found.t[0], [0.01, 0.0, 0.5], atol=1e-9)
    np.testing.assert_allclose(found.R[0], rotation_from_axis_angle(np.array([0.0, 0.1, 0.0])), atol=1e-9)


def test_a_sure_one_is_met_however_far_it_is_turned() -> None:
    told = pose((0.3, 0.1, 0.9), 1e-8 * np.eye(6), (2.5, 0.0, 1.0))
    found = combined(state(), np.full(6, np.inf), (told,))
    np.testing.assert_allclose(found.R[0], told.R_camera_instrument, atol=1e-9)
    np.testing.assert_allclose(found.t[0], told.t_camera_instrument, atol=1e-9)


def test_angles_are_those_of_the_source() -> None:
    told = pose((0.0, 0.0, 0.5), np.eye(6))
    knows = ToldPose(1, told.R_camera_instrument, told.t_camera_instrument, np.eye(6), "b", np.array([0.3]))
    assert combined(state(), np.ones(6), (told, knows)).angles.tolist() == [[0.3]]
    assert combined(state(), np.ones(6), (told,)).angles.tolist() == [[0.0]]


def test_what_poses_added_can_be_taken_out_again() -> None:
    rng = np.random.default_rng(1)
    A = rng.normal(size=(6, 6)) * 0.01
    image, poses = A @ A.T + 1e-6 * np.eye(6), (pose((0.0, 0.0, 1.0), 1e-5 * np.eye(6)),) * 2
    np.testing.assert_allclose(without(together(image, poses), poses), image, rtol=1e-3, atol=1e-9)


def test_where_only_poses_speak_nothing_is_left_without_them() -> None:
    poses = (pose((0.0, 0.0, 1.0), 1e-6 * np.eye(6)),)
    rest = without(np.linalg.inv(information(poses)), poses)
    assert np.sqrt(np.diag(rest)).min() > 0.9, "standard deviations of a metre and of any angle"
    np.testing.assert_allclose(together(rest, poses), 1e-6 * np.eye(6), rtol=1e-3, atol=1e-12)


def information_of_rows(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    arms, directions, weights = point_rows(covariance)
    rows = weights[:, None] * np.hstack([directions, np.cross(arms, directions)])
    return np.asarray(rows.T @ rows)


def test_a_term_tells_what_its_pose_does() -> None:
    """Of a place 8 cm beside the base link, known better than the base link."""
    J = np.eye(6)
    J[:3, 3:] = np.cross(np.eye(3), np.array([0.08, -0.01, 0.02]))
    C = J @ np.diag([1e-8, 4e-8, 1e-6, 1e-4, 1e-4, 1e-2]) @ J.T
    term = term_of(pose((0.0, 0.0, 1.0), C))
    np.testing.assert_allclose(term.covariance, C)
    scale = np.sqrt(np.outer(np.diag(C), np.diag(C)))
    np.testing.assert_allclose(
        information_of_rows(term.covariance) * scale, np.linalg.inv(C) * scale, rtol=1e-4, atol=1e-2
    )


@pytest.mark.parametrize("tie", [0.9, -0.99])
def test_shifts_tied_to_turns_about_the_same_axis_never_make_a_term_too_sure(tie: float) -> None:
    C = np.eye(6)
    C[:3, 3:] = C[3:, :3] = tie * np.eye(3)
    told = information_of_rows(term_of(pose((0.0, 0.0, 1.0), C)).covariance)
    assert np.linalg.eigvalsh(np.linalg.inv(C) - told).min() > -1e-9
    assert np.linalg.eigvalsh(told).min() > 0.2


def test_spread_is_that_of_the_farthest_end() -> None:
    """0.02 rad at 0.1 m from the base link, 0.5 m away, 1 000 px."""
    turns = np.diag([1e-12, 1e-12, 1e-12, 0.0004, 0.0004, 0.0004])
    points = np.array([[0.0, 0.0, 0.5], [0.1, 0.0, 0.5]])
    across = 0.02 * 0.1 / np.sqrt(2.0)  # one of the two directions across the view moves
    assert spread_px(pose((0.0, 0.0, 0.5), turns), points, 1000.0) == pytest.approx(across * 2000.0, rel=1e-3)
