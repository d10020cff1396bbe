"""Starts of the fit: of the right number, about the right place, and turned both ways out of the image."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.config import FittingConfig
from hoi_perception.hands.anatomy import grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, Skeleton, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import AnglePrior, Observation
from hoi_perception.hands.starts import n_starts, starting_states
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
MODEL = LandmarkModel.of(HandModel.load(None, Side.RIGHT))
PRIOR = AnglePrior.of(FittingConfig())
CURLED = grasp_angles()["power"].reshape(45)
FACING = (0.5 * np.pi, 0.0, 0.0)
"""Palm to the camera, fingers to the left."""


def seen(turn: tuple[float, float, float], *, with_depth: bool) -> tuple[Skeleton, Observation, Array]:
    """A hand of mean posture 0.5 m away, what shows of it, and its rotation."""
    R = np.asarray(rotation_from_axis_angle(np.array([turn])), dtype=np.float64)
    skeleton = MODEL.skeleton(np.zeros((1, 10)))
    state = HandState(np.array([[0.02, -0.03, 0.5]]), R, PRIOR.mean[None])
    points = pose_skeleton(skeleton, state).landmarks[0]
    depth = (points[:, 2] - points[0, 2]) / points[0, 2]
    weight = np.ones((1, 21))
    return (
        skeleton,
        Observation((points[:, :2] / points[:, 2:])[None], depth[None] * with_depth, weight, weight * with_depth),
        R[0],
    )


def turns_from(states: HandState, R: Array) -> Array:
    return np.asarray(np.linalg.norm(axis_angle_from_rotation(states.rotation @ R.T), axis=-1))


def test_with_depths_there_are_four_and_one_is_as_the_hand_is() -> None:
    skeleton, observed, R = seen(FACING, with_depth=True)
    states = starting_states(skeleton, observed, PRIOR, CURLED)
    assert n_starts(observed) == len(states.wrist) == 4
    assert np.degrees(turns_from(states, R)).min() < 15.0
    np.testing.assert_allclose(states.wrist[0], [0.02, -0.03, 0.5], atol=0.04)


@pytest.mark.parametrize("tilt", [-40.0, 40.0])
@pytest.mark.parametrize("axis", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)])
def test_without_depths_one_of_eight_is_tilted_as_the_hand_is(axis: tuple[float, float, float], tilt: float) -> None:
    flat, turned = rotation_from_axis_angle(np.array([FACING, np.radians(tilt) * np.array(axis)]))
    turn = axis_angle_from_rotation((turned @ flat)[None])[0]
    skeleton, observed, R = seen((turn[0], turn[1], turn[2]), with_depth=False)
    states = starting_states(skeleton, observed, PRIOR, CURLED)
    assert n_starts(observed) == len(states.wrist) == 8
    assert np.degrees(turns_from(states, R)).min() < 30.0


def test_a_batch_has_the_same_number_for_each_hand() -> None:
    (skeleton, known, _), (_, unknown, _) = seen(FACING, with_depth=True), seen(FACING, with_depth=False)
    both = Observation(
        np.concatenate([known.points, unknown.points]),
        np.concatenate([known.depth, unknown.depth]),
        np.concatenate([known.point_weight, unknown.point_weight]),
        np.concatenate([known.depth_weight, unknown.depth_weight]),
    )
    states = starting_states(Skeleton.stack([skeleton, skeleton]), both, PRIOR, CURLED)
    assert n_starts(both) == 8 and len(states.wrist) == 16
    alone = starting_states(skeleton, known, PRIOR, CURLED)
    np.testing.assert_allclose(states.rotation[:4], alone.rotation)
