"""Every Jacobian of the hand fit against central differences in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.hands import lifting_terms as terms
from hoi_perception.hands.kinematics import (
    N_STATE,
    HandState,
    Skeleton,
    landmark_jacobian,
    pose_skeleton,
    shape_jacobian,
)
from hoi_perception.transforms import rotation_from_axis_angle

Array = NDArray[np.float64]
BATCH = 3


def random_rotations(rng: np.random.Generator, *shape: int) -> Array:
    return np.asarray(rotation_from_axis_angle(rng.normal(size=(*shape, 3))))


@pytest.fixture
def skeleton() -> Skeleton:
    rng = np.random.default_rng(1)
    joints = rng.normal(scale=0.05, size=(BATCH, 16, 3))
    return Skeleton(joints, rng.normal(scale=0.01, size=(BATCH, 21, 3)), random_rotations(rng, BATCH, 15))


@pytest.fixture
def state() -> HandState:
    rng = np.random.default_rng(2)
    wrist = np.array([0.05, -0.02, 0.6]) + rng.normal(scale=0.02, size=(BATCH, 3))
    return HandState(wrist, random_rotations(rng, BATCH), rng.normal(scale=0.4, size=(BATCH, 45)))


@pytest.fixture
def seen() -> terms.Observation:
    rng = np.random.default_rng(3)
    return terms.Observation(
        rng.normal(scale=0.1, size=(BATCH, 21, 2)),
        rng.normal(scale=0.1, size=(BATCH, 21)),
        rng.uniform(10.0, 100.0, size=(BATCH, 21)),
        rng.uniform(1.0, 10.0, size=(BATCH, 21)),
    )


def numeric_jacobian(f: Callable[[HandState], Array], state: HandState, step: float = 1e-6) -> Array:
    columns = []
    for i in range(N_STATE):
        delta = np.zeros((BATCH, N_STATE))
        delta[:, i] = step
        columns.append((f(state.plus(delta)) - f(state.plus(-delta))) / (2 * step))
    return np.stack(columns, axis=-1)


def test_landmark_jacobian(skeleton: Skeleton, state: HandState) -> None:
    numeric = numeric_jacobian(lambda s: pose_skeleton(skeleton, s).landmarks, state)
    np.testing.assert_allclose(landmark_jacobian(pose_skeleton(skeleton, state)), numeric, atol=1e-8)


@pytest.mark.parametrize("term", [terms.reprojection, terms.relative_depth])
def test_image_terms(
    term: Callable[..., terms.Residual], skeleton: Skeleton, state: HandState, seen: terms.Observation
) -> None:
    def residual(s: HandState) -> Array:
        posed = pose_skeleton(skeleton, s)
        return term(posed, landmark_jacobian(posed), seen)[0]

    posed = pose_skeleton(skeleton, state)
    J = term(posed, landmark_jacobian(posed), seen)[1]
    np.testing.assert_allclose(J, numeric_jacobian(residual, state), rtol=1e-5, atol=1e-4)


def test_shape_jacobian(skeleton: Skeleton, state: HandState) -> None:
    rng = np.random.default_rng(6)
    joint_directions = rng.normal(scale=0.01, size=(16, 3, 10))
    joint_directions[0] = 0.0
    point_directions = rng.normal(scale=0.01, size=(21, 3, 10))

    def landmarks(beta: Array) -> Array:
        grown = Skeleton(
            skeleton.joints + joint_directions @ beta, skeleton.points + point_directions @ beta, skeleton.frames
        )
        return pose_skeleton(grown, state).landmarks

    J = shape_jacobian(pose_skeleton(skeleton, state), joint_directions, point_directions)
    numeric = np.stack([(landmarks(e) - landmarks(-e)) / 2 for e in np.eye(10)], axis=-1)
    np.testing.assert_allclose(J, numeric, atol=1e-12)


def test_limits_of_known_angles() -> None:
    prior = terms.AnglePrior(np.zeros(45), np.eye(45), np.full(45, -0.1), np.full(45, 0.2), 10.0)
    angles = np.zeros((1, 45))
    angles[0, 3], angles[0, 7] = 0.5, -0.3
    excess = prior.excess(angles)
    assert excess[0, 3] == pytest.approx(0.3) and excess[0, 7] == pytest.approx(-0.2)
    assert np.count_nonzero(excess) == 2


def test_geman_mcclure_halves_at_its_scale() -> None:
    cost, root = terms.geman_mcclure(np.array([[3.0, 4.0, 0.0, 0.0]]), 2, 5.0)
    assert cost[0] == pytest.approx(12.5)
    np.testing.assert_allclose(root, [[0.5, 0.5, 1.0, 1.0]])
