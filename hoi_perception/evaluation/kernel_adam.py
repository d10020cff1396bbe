"""Adam on the joint solver's own objective, its derivatives by the solver's kernels in place of autograd's.

The same sum of squares along the same coordinates by the same steps as `adam.descend`, so both go the same way but for
rounding; this one takes a small part of the time and needs no torch. Kingma and Ba, Adam: a method for stochastic
optimization (2015), with its default moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.solver import Solution, Term
from hoi_perception.interaction.state import SceneState
from hoi_perception.transforms import skew

Array = NDArray[np.float64]
STEPS_FOR_ONE = 15
"""Steps of Adam in place of one of the solver's."""
RATE = 0.003
"""Step size: the best of those tried in `bench/joint_solver.py` (rad and m alike)."""
FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8
"""Decay of both moments, and what keeps the step finite."""
SMALL_RAD = 1e-4


def descend(
    engine: Engine,
    terms: Sequence[Sequence[Term]],
    priors: Priors,
    start: SceneState,
    rounds: Sequence[int],
    rate: float = RATE,
) -> Solution:
    """`solver.solve` with Adam, one problem at a time; `rounds` are those of the solver."""
    assert engine.batch == 1, "Adam is compared on single problems"
    engine.expect(priors)
    state, cost = start, np.inf
    for index, steps in enumerate(rounds):
        engine.place(state, correct=True)
        engine.keep(np.ones(1, dtype=bool))
        geometry = Geometry(Snapshot(engine, index), 0)
        engine.take_rows([[row for term in terms[0] for row in term.rows(geometry)]])
        step, cost = minimise(engine, STEPS_FOR_ONE * steps, rate)
        state = engine.bodies.moved(state, step[None])
    return adam_solution(engine, state, cost, rounds)


def adam_solution(engine: Engine, state: SceneState, cost: float, rounds: Sequence[int]) -> Solution:
    """What Adam came to in place of so many rounds of the solver; it knows of no covariance."""
    return Solution(
        state=state,
        cost=np.array([cost]),
        matrix=np.eye(engine.bodies.n_columns)[None],
        converged=np.zeros(1, dtype=bool),
        finite=np.isfinite([cost]),
        steps=np.array([STEPS_FOR_ONE * sum(rounds)]),
        terms=({},),
    )


def minimise(engine: Engine, steps: int, rate: float) -> tuple[Float64[Array, " n"], float]:
    """The step with the lowest cost on Adam's way from where the engine keeps its bodies, and that cost."""
    best, lowest = np.zeros(engine.bodies.n_columns), np.inf
    for step, cost in islice(path(engine, rate), steps):
        if cost < lowest:
            best, lowest = step.copy(), cost
    return best, lowest


def path(engine: Engine, rate: float) -> Iterator[tuple[Float64[Array, " n"], float]]:
    """Adam's way without end: each step from where the engine keeps its bodies, the first is none, and its cost."""
    step, first, second = np.zeros((3, engine.bodies.n_columns))
    count = 0
    while True:
        cost, slope = cost_and_slope(engine, step)
        yield step, cost
        count += 1
        first += (1.0 - FIRST) * (slope - first)
        second += (1.0 - SECOND) * (slope * slope - second)
        root = np.sqrt(second / (1.0 - SECOND**count)) + EPSILON
        step = step - rate * (first / (1.0 - FIRST**count)) / root


def cost_and_slope(engine: Engine, step: Float64[Array, " n"]) -> tuple[float, Float64[Array, " n"]]:
    """Cost a step away from where the engine keeps its bodies, and its derivative with respect to that step.

    The engine's gradient is half of the cost's, along the tangent at the place reached: there a further turn w follows
    the turn exp(d) of the step, and exp(d + dd) = exp(J dd) exp(d) with J the left Jacobian of the rotations.
    """
    engine.advance(step[None])
    found = engine.normal_equations(copied=False)
    slope = 2.0 * found.gradient[0]
    for turn in turns(engine.bodies):
        slope[turn] = left_jacobian(step[turn]).T @ slope[turn]
    return float(found.cost[0]), slope


def turns(bodies: Bodies) -> list[slice]:
    """Columns of a step that turn a body as a whole."""
    starts = [bodies.columns(k).start for k in range(len(bodies.hands) + len(bodies.instruments))]
    return [slice(start + 3, start + 6) for start in starts]


def left_jacobian(v: Float64[Array, "3"]) -> Float64[Array, "3 3"]:
    """J of exp(v + dv) = exp(J dv) exp(v), to first order in dv; v is an axis-angle vector."""
    angle, K = float(np.linalg.norm(v)), skew(v)
    if angle < SMALL_RAD:
        return np.asarray(np.eye(3) + 0.5 * K + K @ K / 6.0, dtype=np.float64)
    sine, cosine = np.sin(angle), np.cos(angle)
    J = np.eye(3) + (1.0 - cosine) / angle**2 * K + (angle - sine) / angle**3 * (K @ K)
    return np.asarray(J, dtype=np.float64)
