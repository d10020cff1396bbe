"""Levenberg-Marquardt on a joint problem: hands, instruments and what ties them together in one solve.

The work is cut in rounds. At the start of a round each term chooses its rows (which points touch, which contour point
belongs to which place); within a round the rows stay, distances to instruments are looked up afresh at every step. Gain
ratio and damping after Nielsen 1999. Numbers of steps are fixed by the caller, so equal input gives equal output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.rows import RowBlock
from hoi_perception.interaction.state import SceneState

Array = NDArray[np.float64]
SETTLED = 1e-3
"""Length of a step, in standard deviations of the solution, below which a problem has converged."""


class Term(Protocol):
    """A cause of residuals."""

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        """Its rows, for the bodies where they are now."""


@dataclass(frozen=True)
class Solution:
    """What a solve found for each problem.

    `matrix` is the Gauss-Newton matrix: its inverse is the covariance in the tangent space. `terms` holds the cost of
    each term. `finite` is False where no state with a finite cost was found; the state is then the start. What has
    `converged` is finite.
    """

    state: SceneState
    cost: Float64[Array, " b"]
    matrix: Float64[Array, "b n n"]
    converged: Bool[NDArray[np.bool_], " b"]
    finite: Bool[NDArray[np.bool_], " b"]
    steps: Int64[NDArray[np.int64], " b"]
    terms: tuple[dict[str, float], ...]


def solve(
    engine: Engine, terms: Sequence[Sequence[Term]], priors: Priors, start: SceneState, rounds: Sequence[int]
) -> Solution:
    """Minimise from a start: `rounds` holds the number of steps of each round, `terms` those of each problem."""
    lm = _Descent(engine, priors, start)
    for index, steps in enumerate(rounds):
        lm.begin_round(terms, index)
        for _ in range(steps):
            if lm.settled.all():
                break
            lm.step()
    return lm.solution()


class _Descent:
    """State of the iteration: the best so far is what the engine keeps."""

    def __init__(self, engine: Engine, priors: Priors, start: SceneState) -> None:
        b, n = engine.batch, engine.bodies.n_columns
        self.engine = engine
        self.damping, self.growth = np.full(b, 1e-3), np.full(b, 2.0)
        self.steps, self.settled = np.zeros(b, dtype=np.int64), np.zeros(b, dtype=bool)
        self.damped = np.empty((b, n, n))
        self.diagonal = self.damped.reshape(b, n * n)[:, :: n + 1]
        engine.expect(priors)
        engine.place(start, correct=True)
        engine.keep(np.ones(b, dtype=bool))

    def begin_round(self, terms: Sequence[Sequence[Term]], index: int) -> None:
        engine = self.engine
        if index > 0:
            engine.place(engine.kept(), correct=True)
        snapshot = Snapshot(engine, index)
        geometries = [Geometry(snapshot, b) for b in range(engine.batch)]
        engine.take_rows([[row for t in own for row in t.rows(g)] for own, g in zip(terms, geometries, strict=True)])
        self.best = engine.normal_equations()
        self.row_costs = engine.row_costs().copy()
        self.settled[:] = False

    def step(self) -> None:
        """One trial for every problem that has not settled."""
        best, live = self.best, ~self.settled
        self.damped[...] = best.matrix
        scale = self.diagonal * self.damping[:, None] + 1e-9
        self.diagonal += scale
        step, solved = _steps(self.damped, best.gradient, live)
        # The step solves (matrix + diag(scale)) step = -gradient, so matrix step is known.
        across = scale * step
        predicted = (step * (across - best.gradient)).sum(axis=1)
        moved = -(step * (across + best.gradient)).sum(axis=1)
        self.engine.advance(step)
        trial = self.engine.normal_equations(live)
        gain = (best.cost - trial.cost) / np.maximum(predicted, 1e-300)
        better = (trial.cost < best.cost) & np.isfinite(trial.gradient).all(axis=1) & live
        if better.any():
            self.engine.keep(better)
            self.row_costs[better] = self.engine.row_costs()[better]
        self.best = best.where(better, trial)
        eased = self.damping * np.maximum(1.0 / 3.0, 1.0 - (2.0 * np.clip(gain, -1.0, 1.0) - 1.0) ** 3)
        self.damping = np.clip(np.where(better, eased, self.damping * self.growth), 1e-9, 1e9)
        self.growth = np.where(better, 2.0, self.growth * 2.0)
        self.steps += live
        self.settled |= solved & (moved < SETTLED * SETTLED)

    def solution(self) -> Solution:
        finite = np.isfinite(self.best.cost) & (self.best.cost < 1e29)
        state = self.engine.kept()
        self.engine.place(state)
        terms = []
        for cost, places in zip(self.row_costs, self.engine.table.terms, strict=True):
            sums: dict[str, float] = {}
            for term, rows in places:
                sums[term] = sums.get(term, 0.0) + float(cost[rows].sum())
            terms.append(sums)
        return Solution(
            state, self.best.cost, self.best.matrix, self.settled & finite, finite, self.steps.copy(), tuple(terms)
        )


def _steps(
    matrix: Float64[Array, "b n n"], gradient: Float64[Array, "b n"], live: Bool[NDArray[np.bool_], " b"]
) -> tuple[Float64[Array, "b n"], Bool[NDArray[np.bool_], " b"]]:
    """The step down of each live problem, and whether there is one: zero where the matrix is singular or not finite."""
    index = np.flatnonzero(live & np.isfinite(matrix.sum(axis=(1, 2)) + gradient.sum(axis=1)))
    step, solved = np.zeros_like(gradient), np.zeros(len(live), dtype=bool)
    try:
        chosen = slice(None) if len(index) == len(live) else index
        step[chosen] = -np.linalg.solve(matrix[chosen], gradient[chosen][..., None])[..., 0]
        solved[chosen] = True
    except np.linalg.LinAlgError:
        if len(index) > 1:
            for b in index:
                step[b], solved[b] = (part[0] for part in _steps(matrix[[b]], gradient[[b]], live[[b]]))
    solved &= np.isfinite(step).all(axis=1)
    step[~solved] = 0.0
    return step, solved
