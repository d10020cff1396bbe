"""Adam by the kernels' derivatives: slopes by differences and as autograd has them, the first step by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.kernel_adam import cost_and_slope, left_jacobian, minimise, path, turns
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.bodies import Bodies, HandBody, InstrumentBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.state import SceneState
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
SHAPE = np.linspace(-1.0, 1.0, 10)


class Problem:
    """A left hand with a pair of scissors: landmarks, contact, penetration and a rough pose pull at both."""

    def __init__(self) -> None:
        points = HandPoints.of(HandModel.load(None, Side.RIGHT))
        body = InstrumentBody.of(Library.find().get("metzenbaum_scissors"))
        self.bodies = Bodies((HandBody(Side.LEFT, points),), (body,))
        self.engine = Engine(self.bodies, [SHAPE], 1)
        rng = np.random.default_rng(5)
        turn = np.asarray(rotation_from_axis_angle(rng.normal(size=(2, 3))), dtype=np.float64)
        self.start = SceneState(
            wrist=np.array([[[-0.02, 0.01, 0.5]]]),
            turn=turn[None, :1],
            angles=rng.normal(0.1, 0.2, (1, 1, 45)),
            base=np.array([[[0.02, 0.0, 0.5]]]),
            base_turn=turn[None, 1:],
            joints=np.full((1, self.bodies.n_columns - 57), 0.2),
        )
        weight = np.full((1, self.bodies.n_columns), 3.0)
        self.priors = Priors(AnglePrior.of(FittingConfig()), self.start, weight)
        self.engine.expect(self.priors)
        self.engine.place(self.start, correct=True)
        self.engine.keep(np.array([True]))
        self.rows = self._rows(rng)
        self.engine.take_rows([self.rows])

    def _rows(self, rng: np.random.Generator) -> list[RowBlock]:
        n = 40
        places = Points.of_hand(0, rng.integers(0, 778, n))
        target = np.c_[rng.normal(0.0, 0.05, (n, 2)), np.zeros(n)]
        seen = RowBlock("seen", Kind.IMAGE, places, np.full(n, 20.0), direction=np.eye(3)[rng.integers(0, 2, n)])
        still = Points(np.full(n, 1), np.zeros(n, dtype=int), np.zeros((n, 3)))
        near = RowBlock("near", Kind.FIELD, places, np.full(n, 30.0), q=still)
        return [replace(seen, target=target, robust=2.0), near]


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem()


def test_left_jacobian_by_differences() -> None:
    for v in (np.array([0.7, -1.1, 0.4]), np.array([2e-5, 0.0, -3e-5])):
        for axis, column in zip(np.eye(3), left_jacobian(v).T, strict=True):
            h = 1e-6
            ahead, behind = (np.asarray(rotation_from_axis_angle(v + s * h * axis)) for s in (1, -1))
            W = (ahead - behind) / (2.0 * h) @ np.asarray(rotation_from_axis_angle(v)).T
            np.testing.assert_allclose([W[2, 1], W[0, 2], W[1, 0]], column, atol=1e-8)


def test_slopes_by_differences_far_from_where_the_bodies_are_kept(problem: Problem) -> None:
    """A step that turns both bodies by half a radian: there the tangent is not the step's own."""
    rng = np.random.default_rng(1)
    step = rng.normal(0.0, 0.01, problem.bodies.n_columns)
    for turn in turns(problem.bodies):
        step[turn] = rng.normal(0.0, 0.3, 3)
    _, slope = cost_and_slope(problem.engine, step)
    for _ in range(6):
        way, h = rng.normal(size=len(step)), 1e-5
        ahead, behind = (cost_and_slope(problem.engine, step + s * h * way)[0] for s in (1, -1))
        size = float(np.linalg.norm(slope))
        assert (ahead - behind) / (2.0 * h) == pytest.approx(slope @ way, rel=2e-3, abs=1e-3 * size)


def test_the_first_step_goes_down_every_slope_by_the_step_size(problem: Problem) -> None:
    """Adam's first step is the step size against the slope's sign, whatever the slope's size; the cost falls."""
    (none, cost), (step, after) = islice(path(problem.engine, 0.001), 2)
    _, slope = cost_and_slope(problem.engine, none)
    felt = np.abs(slope) > 1e-3
    assert (none == 0.0).all() and felt.sum() > 50 and after < cost
    np.testing.assert_allclose(step[felt], -0.001 * np.sign(slope[felt]), rtol=1e-4)
    best, lowest = minimise(problem.engine, 60, 0.003)
    assert lowest < 0.5 * cost and cost_and_slope(problem.engine, best)[0] == pytest.approx(lowest, rel=1e-12)


def test_costs_and_slopes_are_those_of_autograd(problem: Problem) -> None:
    torch = pytest.importorskip("torch", reason="pip install 'hoi_perception[torch]'")
    from hoi_perception.interaction.reference import Reference

    reference = Reference(problem.bodies, [SHAPE])
    for step in (np.zeros(problem.bodies.n_columns), np.full(problem.bodies.n_columns, 0.05)):
        along = torch.tensor(step, requires_grad=True)
        expected = reference.cost(problem.start, along, problem.rows, problem.priors)
        expected.backward()  # type: ignore[no-untyped-call]
        cost, slope = cost_and_slope(problem.engine, step)
        assert cost == pytest.approx(float(expected.detach()), rel=1e-4)
        np.testing.assert_allclose(slope, along.grad.numpy(), atol=2e-3 * np.abs(slope).max())
