"""The descent: known optima, against SciPy, the same whatever else is in the batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import plain_bodies
import pytest
from numpy.typing import NDArray
from scipy.optimize import least_squares

from hoi_perception.hands.grasps import grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.solver import Solution, solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.contact import ContactTerm
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.interaction.terms.penetration import PenetrationTerm
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
TRIPOD = grasp_angles()["tripod"].reshape(45)


@dataclass(frozen=True)
class Fixed:
    """Holds a point of a body to a place, each axis by itself: linear in translations."""

    points: Points
    place: Array
    weight: float = 100.0

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        q = Points(np.array([-1]), np.array([0]), self.place[None])
        weight = np.full(1, self.weight)
        return [RowBlock("fixed", Kind.PLANE, self.points, weight, axis[None], q=q) for axis in np.eye(3)]


class Marked:
    """Landmarks of a right hand in the tripod grasp with noise, a start some way off, weak motion prior."""

    def __init__(
        self, model: HandModel, body: HandBody, posture: AnglePrior, seed: int = 0, robust: float = 8.0
    ) -> None:
        rng = np.random.default_rng(seed)
        self.skeleton = LandmarkModel.of(model).skeleton(np.zeros((1, 10)))
        self.robust, self.posture = robust, posture
        truth = HandState(
            np.array([[0.02, 0.01, 0.5]]), rotation_from_axis_angle(rng.normal(size=(1, 3))), TRIPOD[None]
        )
        x = pose_skeleton(self.skeleton, truth).landmarks[0]
        points = x[:, :2] / x[:, 2:] + rng.normal(size=(21, 2)) * 0.003
        if robust > 0.0:
            points[5] += 0.2
        self.term = LandmarkTerm(0, points, np.full(21, 1.0 / 0.003), robust=robust)
        self.start = truth.plus(rng.normal(size=(1, 51)) * np.r_[np.full(3, 0.02), np.full(48, 0.15)])
        self.weight = np.r_[np.full(3, 20.0), np.full(3, 2.0), np.full(45, 1.0)]
        self.bodies = Bodies((body,))

    def priors(self) -> Priors:
        return Priors(self.posture, SceneState.of([self.start]), self.weight[None])

    def cost_parts(self, step: Array) -> Array:
        """Residuals whose squares sum to the cost, by the skeleton's own kinematics."""
        state = self.start.plus(step[None])
        x = pose_skeleton(self.skeleton, state).landmarks[0]
        off = (x[:, :2] / x[:, 2:] - self.term.points) * self.term.weight[:, None]
        if self.robust > 0.0:
            off *= self.robust / np.sqrt(self.robust**2 + (off * off).sum(axis=1, keepdims=True))
        angles = state.angles[0]
        posture = self.posture.sqrt_information @ (angles - self.posture.mean)
        limits = self.posture.excess(state.angles)[0] * self.posture.limit_weight
        turn = axis_angle_from_rotation(state.rotation[0] @ self.start.rotation[0].T)
        motion = np.r_[step[:3], np.asarray(turn), step[6:]] * self.weight
        return np.concatenate([off.ravel(), posture, limits, motion])


@pytest.mark.parametrize("robust", [0.0, 8.0])
def test_the_optimum_of_landmarks_is_scipys(
    hand_model: HandModel, hands: dict[Side, HandBody], posture: AnglePrior, robust: float
) -> None:
    problem = Marked(hand_model, hands[Side.RIGHT], posture, seed=2, robust=robust)
    engine = Engine(problem.bodies, [np.zeros(10)])
    start = SceneState.of([problem.start])
    found = solve(engine, [[problem.term]], problem.priors(), start, (100,))
    step = found.state.hand(0)
    first = np.r_[
        (step.wrist - problem.start.wrist)[0],
        np.asarray(axis_angle_from_rotation(step.rotation[0] @ problem.start.rotation[0].T)),
        (step.angles - problem.start.angles)[0],
    ]
    # Both count the same: SciPy's cost is half the sum of squares.
    assert found.cost[0] == pytest.approx((problem.cost_parts(first) ** 2).sum(), rel=1e-9)
    best = least_squares(problem.cost_parts, np.zeros(51), x_scale="jac", ftol=1e-9, xtol=1e-9, gtol=1e-9)
    assert found.cost[0] == pytest.approx(2.0 * best.cost, rel=1e-6)
    assert found.converged[0]
    assert found.finite[0]
    assert found.terms[0].keys() == {"landmarks"}
    assert 0.0 < found.terms[0]["landmarks"] < found.cost[0]


def sphere_held(posture: AnglePrior, place: Array, rounds: tuple[int, ...], start: Array) -> tuple[Solution, float]:
    """A sphere whose middle is held to a place, nothing else: quadratic in its translation."""
    bodies = Bodies((), (plain_bodies.body("sphere"),))
    state = SceneState.of([], [InstrumentState(np.eye(3)[None], start[None], np.zeros((1, 0)))])
    term = Fixed(Points.of_instrument(0, np.zeros(1, dtype=int), np.zeros((1, 3))), place)
    priors = Priors(posture, state, np.r_[np.zeros(3), np.ones(3)][None])
    found = solve(Engine(bodies, []), [[term]], priors, state, rounds)
    return found, float(np.linalg.norm(found.state.base[0, 0] - place))


def test_a_quadratic_is_solved_in_a_few_steps(posture: AnglePrior) -> None:
    """The first step is short by the damping of 1e-3, and damping falls to a third with every step that does."""
    start, place = np.array([0.0, 0.0, 0.5]), np.array([0.1, -0.2, 0.9])
    whole = float(np.linalg.norm(place - start))
    _, one = sphere_held(posture, place, (1,), start)
    assert one / whole == pytest.approx(1e-3, rel=0.01)
    _, two = sphere_held(posture, place, (2,), start)
    assert two / one == pytest.approx(1e-3 / 3.0, rel=0.01)
    found, rest = sphere_held(posture, place, (50,), start)
    assert rest < 1e-6
    assert found.converged[0]
    assert found.steps[0] <= 4


def test_the_covariance_of_a_linear_problem_is_the_inverse_matrix(posture: AnglePrior) -> None:
    found, _ = sphere_held(posture, np.array([0.0, 0.1, 0.5]), (10,), np.array([0.0, 0.0, 0.5]))
    covariance = np.linalg.inv(found.matrix[0])
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), np.r_[np.full(3, 0.01), np.ones(3)], rtol=1e-9)


def test_cost_never_rises_and_steps_are_counted(
    hand_model: HandModel, hands: dict[Side, HandBody], posture: AnglePrior
) -> None:
    """From a start that is turned by 150 degrees, where the first steps of Gauss-Newton lead astray."""
    problem = Marked(hand_model, hands[Side.RIGHT], posture)
    problem.start = problem.start.plus(np.r_[np.zeros(3), 2.6, np.zeros(47)][None])
    engine = Engine(problem.bodies, [np.zeros(10)])
    start = SceneState.of([problem.start])
    solutions = [solve(engine, [[problem.term]], problem.priors(), start, (n,)) for n in range(12)]
    costs = np.array([s.cost[0] for s in solutions])
    assert costs[0] == pytest.approx((problem.cost_parts(np.zeros(51)) ** 2).sum(), rel=1e-9)
    assert (np.diff(costs) <= 0.0).all()
    assert (np.diff(costs) == 0.0).any(), "every step was good: the start is too easy to show that bad ones are refused"
    assert costs[-1] < 0.6 * costs[0]
    assert [int(s.steps[0]) for s in solutions] == list(range(12))
    assert not solutions[2].converged[0]


class Grasped:
    """A hand about to close on a cylinder: landmarks, contact and penetration."""

    def __init__(self, model: HandModel, body: HandBody, posture: AnglePrior) -> None:
        self.bodies, self.posture = Bodies((body,), (plain_bodies.body("cylinder"),)), posture
        problems = [Marked(model, body, posture, seed) for seed in (1, 2, 3)]
        self.terms = [[p.term, ContactTerm(0, 0), PenetrationTerm(0, 0)] for p in problems]
        hand = HandState.stack([p.start for p in problems])
        rng = np.random.default_rng(0)
        wrist = np.concatenate([p.start.wrist for p in problems])
        palm = wrist + (hand.rotation @ np.array([-0.08, -0.03, 0.0]))
        tool = InstrumentState(rotation_from_axis_angle(rng.normal(size=(3, 3))), palm, np.zeros((3, 0)))
        self.start = SceneState.of([hand], [tool])

    def solve(self, index: list[int]) -> Solution:
        start = self.start.take(np.array(index))
        weight = np.tile(np.r_[np.full(51, 1.0), np.full(3, 200.0), np.full(3, 10.0)], (len(index), 1))
        engine = Engine(self.bodies, [np.zeros(10)], len(index))
        return solve(engine, [self.terms[b] for b in index], Priors(self.posture, start, weight), start, (5, 5))


def test_a_problem_has_the_same_solution_alone_and_in_a_batch(
    hand_model: HandModel, hands: dict[Side, HandBody], posture: AnglePrior
) -> None:
    grasped = Grasped(hand_model, hands[Side.RIGHT], posture)
    together = grasped.solve([0, 1, 2])
    assert len(np.unique(together.cost.round(6))) == 3
    assert {"landmarks", "contact", "penetration"} <= set().union(*together.terms)
    for b in range(3):
        alone = grasped.solve([b])
        assert alone.cost[0] == pytest.approx(together.cost[b], rel=1e-9)
        assert alone.steps[0] == together.steps[b]
        for name in SceneState.__dataclass_fields__:
            np.testing.assert_allclose(
                getattr(alone.state, name)[0], getattr(together.state, name)[b], rtol=0, atol=1e-9, err_msg=name
            )
        assert alone.terms[0].keys() == together.terms[b].keys()
    backwards = grasped.solve([2, 1, 0])
    np.testing.assert_allclose(backwards.cost[::-1], together.cost, rtol=1e-9)


def test_equal_input_gives_equal_output(
    hand_model: HandModel, hands: dict[Side, HandBody], posture: AnglePrior
) -> None:
    grasped = Grasped(hand_model, hands[Side.RIGHT], posture)
    first, second = grasped.solve([0, 1]), grasped.solve([0, 1])
    np.testing.assert_array_equal(first.cost, second.cost)
    np.testing.assert_array_equal(first.matrix, second.matrix)
    np.testing.assert_array_equal(first.state.angles, second.state.angles)
    np.testing.assert_array_equal(first.state.base, second.state.base)


def test_one_broken_problem_harms_no_other(
    hand_model: HandModel, hands: dict[Side, HandBody], posture: AnglePrior
) -> None:
    """Not a number in one start, a hand behind the camera in another: both are told, the third is solved as ever."""
    grasped = Grasped(hand_model, hands[Side.RIGHT], posture)
    whole = grasped.solve([0])
    wrist = grasped.start.wrist.copy()
    wrist[1], wrist[2, 0, 2] = np.nan, -0.5
    grasped.start = replace(grasped.start, wrist=wrist)
    found = grasped.solve([0, 1, 2])
    np.testing.assert_array_equal(found.finite, [True, False, False])
    np.testing.assert_array_equal(found.converged[1:], [False, False])
    assert found.cost[0] == pytest.approx(whole.cost[0], rel=1e-9)
    np.testing.assert_allclose(found.state.angles[0], whole.state.angles[0], rtol=0, atol=1e-9)


def test_what_nothing_says_anything_about_stays(posture: AnglePrior) -> None:
    """A matrix of zeros is no harm: the instrument is where it was, and no step is taken."""
    bodies = Bodies((), (plain_bodies.body("sphere"),))
    state = SceneState.of([], [InstrumentState(np.eye(3)[None], np.array([[0.1, 0.2, 0.5]]), np.zeros((1, 0)))])
    found = solve(Engine(bodies, []), [[]], Priors(posture, state, np.zeros((1, 6))), state, (5, 5))
    np.testing.assert_array_equal(found.state.base, state.base)
    np.testing.assert_array_equal(found.matrix, 0.0)
    assert found.cost[0] == 0.0
    assert found.finite[0]
    assert found.steps[0] <= 2
