"""Single hands on the joint solver: the kernels against NumPy, each hand with its own shape and side's model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plain_hand_fit
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, Skeleton, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import AnglePrior, MotionPrior, Observation
from hoi_perception.interaction.hand_descent import HandDescent, HandProblem
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
BATCH = 6


@pytest.fixture(scope="module")
def models() -> tuple[LandmarkModel, LandmarkModel]:
    """Two hands that are not alike, as those of a left and a right file may be."""
    model = HandModel.load(None, Side.RIGHT)
    own = LandmarkModel.of(model)
    turned = rotation_from_axis_angle(np.array([0.0, 0.0, 0.1]))
    return own, replace(own, joints=own.joints * 1.1, points=own.points * 1.1, frames=own.frames @ turned)


@pytest.fixture(scope="module")
def descent(models: tuple[LandmarkModel, LandmarkModel], posture: AnglePrior) -> HandDescent:
    return HandDescent(models[0], posture)


def problem_near(
    models: tuple[LandmarkModel, LandmarkModel], posture: AnglePrior, seed: int, *, noise: float = 0.003
) -> tuple[HandProblem, HandState]:
    """Hands of random shapes and states, landmarks with noise, outliers, points left out; and the truth."""
    rng = np.random.default_rng(seed)
    skeleton = Skeleton.stack([models[b % 2].skeleton(rng.normal(size=(1, 10))) for b in range(BATCH)])
    wrist = np.array([0.0, 0.0, 0.5]) + rng.normal(size=(BATCH, 3)) * 0.05
    turn = rotation_from_axis_angle(rng.normal(size=(BATCH, 3)))
    truth = HandState(wrist, turn, posture.mean + rng.normal(size=(BATCH, 45)) * 0.2)
    x = pose_skeleton(skeleton, truth).landmarks
    points = x[..., :2] / x[..., 2:] + rng.normal(size=(BATCH, 21, 2)) * noise
    points[:, 7] += 30.0 * noise
    ray = np.concatenate([points.mean(axis=1), np.ones((BATCH, 1))], axis=1)
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    depth = ((x - x[:, :1]) @ ray[..., None])[..., 0] / x[:, :1, 2] + rng.normal(size=(BATCH, 21)) * noise
    weights = (
        np.where(rng.random((BATCH, 21)) < 0.1, 0.0, rng.uniform(*r, size=(BATCH, 21))) for r in ((99, 300), (1, 9))
    )
    expected = truth.plus(rng.normal(size=(BATCH, 51)) * 0.2)
    motion = MotionPrior(expected, rng.uniform(0.5, 20.0, size=(BATCH, 51)))
    return HandProblem(skeleton, Observation(points, depth, *weights), motion), truth


def moved(state: HandState, seed: int) -> HandState:
    """The states some way off."""
    step = np.random.default_rng(seed).normal(size=(BATCH, 51))
    return state.plus(step * np.r_[np.full(3, 0.02), np.full(48, 0.3)])


@pytest.mark.parametrize("robust_scale", [8.0, 40.0])
def test_the_kernels_and_numpy_agree(
    models: tuple[LandmarkModel, LandmarkModel], descent: HandDescent, posture: AnglePrior, robust_scale: float
) -> None:
    problem, truth = problem_near(models, posture, 1)
    state = moved(truth, 2)
    expected = plain_hand_fit.linearise(problem, posture, state, robust_scale)
    found = descent.linearise(problem, state, robust_scale)
    for name in ("cost", "gradient", "matrix"):
        value = getattr(expected, name)
        np.testing.assert_allclose(
            getattr(found, name), value, rtol=1e-9, atol=1e-9 * np.abs(value).max(), err_msg=name
        )


def test_the_gradient_is_half_the_slope_of_the_cost(
    models: tuple[LandmarkModel, LandmarkModel], descent: HandDescent, posture: AnglePrior
) -> None:
    """By central differences of the NumPy cost."""
    problem, truth = problem_near(models, posture, 3)
    state, size = moved(truth, 4), 1e-6
    slopes = np.zeros((BATCH, 51))
    for column, step in enumerate(np.eye(51) * size):
        ahead, behind = (
            plain_hand_fit.linearise(problem, posture, state.plus(np.tile(sign * step, (BATCH, 1))), 8.0).cost
            for sign in (1.0, -1.0)
        )
        slopes[:, column] = (ahead - behind) / (2.0 * size)
    gradient = descent.linearise(problem, state, 8.0).gradient
    np.testing.assert_allclose(2.0 * gradient, slopes, rtol=1e-5, atol=1e-5 * np.abs(slopes).max())


def test_each_hand_is_solved_with_its_own_shape(
    models: tuple[LandmarkModel, LandmarkModel], descent: HandDescent, posture: AnglePrior
) -> None:
    """In a batch as alone, and on engines that other hands used before."""
    problem, truth = problem_near(models, posture, 5)
    other, elsewhere = problem_near(models, posture, 6)
    start = moved(truth, 7)
    together = descent.solve(problem, start, 10)
    descent.solve(other, elsewhere, 3)
    again = descent.solve(problem, start, 10)
    assert np.array_equal(together.matrix, again.matrix)
    for b in range(BATCH):
        one = np.array([b])
        alone = descent.solve(problem.take(one), start.take(one), 10)
        np.testing.assert_allclose(alone.state.wrist[0], together.state.wrist[b], atol=1e-9)
        np.testing.assert_allclose(alone.state.angles[0], together.state.angles[b], atol=1e-7)


def test_the_solution_is_a_minimum(
    models: tuple[LandmarkModel, LandmarkModel], descent: HandDescent, posture: AnglePrior
) -> None:
    """No small step lowers the cost, which NumPy works out."""
    problem, truth = problem_near(models, posture, 8)
    fit = descent.solve(problem, moved(truth, 9), 80)
    np.testing.assert_allclose(plain_hand_fit.linearise(problem, posture, fit.state, 8.0).cost, fit.cost, rtol=1e-9)
    rng = np.random.default_rng(10)
    for _ in range(20):
        near = fit.state.plus(rng.normal(size=(BATCH, 51)) * 2e-3)
        assert (plain_hand_fit.linearise(problem, posture, near, 8.0).cost > fit.cost).all()
