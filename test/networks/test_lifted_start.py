"""Fits that start from the lifting network find the hand."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.config import FittingConfig
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import MotionPrior, Observation
from hoi_perception.interaction.hand_descent import HandProblem
from hoi_perception.interaction.hand_fitter import HandFitter
from hoi_perception.networks.lifted_start import LiftedStart, expected
from hoi_perception.networks.lifter import LiftedHands, Lifter
from hoi_perception.networks.lifting_samples import HandSampler, LandmarkErrors
from hoi_perception.types import Side

RIGHT = HandModel.load(None, Side.RIGHT)
MODEL = LandmarkModel.of(RIGHT)
CONFIG = FittingConfig()
SEED = 424_242


def problems(count: int, errors: LandmarkErrors | None = None) -> tuple[HandProblem, HandState]:
    """Sampled hands with the weights that the pipeline gives landmarks, and the truth."""
    samples = HandSampler(MODEL, errors=errors).draw(np.random.default_rng(SEED), count)
    seen = samples.seen
    size = np.ptp(seen.points, axis=1).max(axis=1)[:, None]
    weights = (seen.point_weight / (size * CONFIG.landmark_sigma), seen.depth_weight / (size * CONFIG.depth_sigma))
    return HandProblem(samples.skeleton, Observation(seen.points, seen.depth, *weights)), samples.state


def landmark_errors_mm(problem: HandProblem, found: HandState, truth: HandState) -> np.ndarray:
    """Mean distance of each hand's landmarks about the wrist."""
    x, y = (
        pose_skeleton(problem.skeleton, HandState(np.zeros_like(s.wrist), s.rotation, s.angles)).landmarks
        for s in (found, truth)
    )
    return np.asarray(1e3 * np.linalg.norm(x - x[:, :1] - y + y[:, :1], axis=-1).mean(axis=1))


@pytest.fixture(scope="module")
def lifted() -> LiftedStart:
    return LiftedStart(Lifter(), MODEL, CONFIG)


def test_hands_that_are_seen_well_are_found(lifted: LiftedStart) -> None:
    calm = LandmarkErrors(
        seen=0.003, hidden=0.003, palm=0.003, wrist=0.003, fingers_hidden=0.0, depth_tilt_deg=5.0, depth_flipped=0.0,
        depth_scale=0.1, depth_unknown=0.0, hands_with_gaps=0.0,
    )  # fmt: skip
    problem, truth = problems(60, calm)
    found = lifted.start(problem).state
    assert np.median(landmark_errors_mm(problem, found, truth)) < 6.0
    assert np.median(np.abs(found.wrist[:, 2] / truth.wrist[:, 2] - 1.0)) < 0.05


def test_more_hands_are_found_than_from_the_solvers_own_starts(lifted: LiftedStart) -> None:
    problem, truth = problems(90)
    one = landmark_errors_mm(problem, lifted.start(problem).state, truth)
    fitter = HandFitter(dict.fromkeys(Side, RIGHT), CONFIG)
    each = [fitter.start(problem.take(np.array([i]))).state for i in range(90)]
    several = landmark_errors_mm(problem, HandState.stack(each), truth)
    assert (one < 25.0).sum() >= (several < 25.0).sum()
    assert one.mean() < several.mean()


def test_an_expected_place_is_kept_and_the_pose_is_the_networks() -> None:
    state = HandState(np.zeros((1, 3)), np.eye(3)[None], np.full((1, 45), 0.2))
    lifted = LiftedHands(state, np.full((1, 48), 0.5), np.zeros((1, 10)))
    weight = np.zeros((1, 51))
    weight[0, 2], weight[0, 10] = 7.0, 9.0
    before = MotionPrior(HandState(np.array([[0.1, 0.2, 0.6]]), np.eye(3)[None], np.zeros((1, 45))), weight)
    both = expected(lifted, before)
    assert both.weight[0, 2] == 7.0 and both.weight[0, 0] == 0.0
    np.testing.assert_allclose(both.weight[0, 3:], 2.0)
    np.testing.assert_array_equal(both.state.wrist, before.state.wrist)
    np.testing.assert_array_equal(both.state.angles, state.angles)
    np.testing.assert_allclose(expected(lifted).weight[0, :3], 0.0)
