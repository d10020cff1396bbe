"""Levenberg-Marquardt on a joint problem: hands, instruments and what ties them together in one solve.

The work is cut in rounds. At the start of a round each term chooses its rows (which points touch, which contour point
belongs to which place); within a round the rows stay, distances to instruments are looked up afresh at every step. Gain
ratio and damping after Nielsen 1999. Numbers of steps are fixed by the caller, so equal input gives equal output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.device_descent import DAMPING, GROWTH, LEAST, SETTLED, Reached
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.priors import NormalEquations, Priors
from hoi_perception.interaction.rows import RowBlock
from hoi_perception.interaction.state import SceneState

Array = NDArray[np.float64]


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
    engine: Engine,
    terms: Sequence[Sequence[Term]],
    priors: Priors,
    start: SceneState,
    rounds: Sequence[int],
    on_device: bool | None = None,
) -> Solution:
    """Minimise from a start: `rounds` holds the number of steps of each round, `terms` those of each problem.

    Rounds run `on_device` where that is a GPU, else, as LAPACK is faster there, on the host; both decide alike.
    """
    stays = not engine.device.is_cpu if on_device is None else on_device
    descent: Descent = engine.descent if stays else HostDescent(engine)
    descent.restart()
    engine.expect(priors)
    engine.place(start, correct=True)
    engine.keep(np.ones(engine.batch, dtype=bool))
    for index, steps in enumerate(rounds):
        if index > 0:
            engine.place(engine.kept(), correct=True)
        snapshot = Snapshot(engine, index)
        geometries = [Geometry(snapshot, b) for b in range(engine.batch)]
        engine.take_rows([[row for t in own for row in t.rows(g)] for own, g in zip(terms, geometries, strict=True)])
        descent.round(steps)
    return _solution(engine, descent.reached(engine.used_rows))


class Descent(Protocol):
    """Takes the steps of rounds; the best so far is what the engine keeps."""

    def restart(self) -> None:
        """The next round is the first of a solve."""

    def round(self, steps: int) -> None:
        """So many steps from where the engine placed and kept all bodies, on the rows that it holds."""

    def reached(self, rows: int) -> Reached:
        """Where the last round ended, with the costs of the first so many rows of each problem."""


class HostDescent:
    """Steps by NumPy, one problem after the other: their matrices are too large for more to be won together."""

    def __init__(self, engine: Engine) -> None:
        n = engine.bodies.n_columns
        self.engine = engine
        self.damped = np.empty((n, n))
        self.diagonal = self.damped.ravel()[:: n + 1]
        self.restart()

    def restart(self) -> None:
        """The next round is the first of a solve."""
        b = self.engine.batch
        self.damping, self.growth = [DAMPING] * b, [GROWTH] * b
        self.steps, self.settled = np.zeros(b, dtype=np.int64), np.zeros(b, dtype=bool)
        self.step = np.zeros((b, len(self.damped)))

    def round(self, steps: int) -> None:
        """So many steps from where the engine placed and kept all bodies, on the rows that it holds."""
        self.best = self.engine.normal_equations()
        self.row_costs = self.engine.row_costs().copy()
        self.settled[:] = False
        for _ in range(steps):
            if self.settled.all():
                break
            self._step()

    def reached(self, rows: int) -> Reached:
        """Where the last round ended, with the costs of the first so many rows of each problem."""
        return Reached(self.best, self.row_costs[:, :rows], self.settled.copy(), self.steps.copy())

    def _step(self) -> None:
        """One trial for every problem that has not settled."""
        live = ~self.settled
        steps = [(b, self._down(b)) for b in np.flatnonzero(live).tolist()]
        self.engine.advance(self.step)
        trial = self.engine.normal_equations(live, copied=False)
        better = np.zeros(len(live), dtype=bool)
        for b, down in steps:
            better[b] = self._decide(b, down, trial)
        if better.any():
            self.engine.keep(better)
            self.row_costs[better] = self.engine.row_costs()[better]

    def _down(self, b: int) -> _Down:
        """The step of a problem, left in `step`: 0 where the matrix is singular or not finite."""
        gradient, x = self.best.gradient[b], self.step[b]
        self.damped[...] = self.best.matrix[b]
        scale = self.diagonal * self.damping[b] + LEAST
        self.diagonal += scale
        solved = isfinite(scale.sum() + gradient.sum())
        if solved:
            try:
                np.negative(np.linalg.solve(self.damped, gradient), out=x)
            except np.linalg.LinAlgError:
                solved = False
        if not solved or not isfinite(x.sum()):
            x[:] = 0.0
            return _Down(0.0, 0.0, False)
        # The step solves (matrix + diag(scale)) step = -gradient, so matrix step is known.
        damped, slope = float((scale * x) @ x), float(gradient @ x)
        return _Down(damped - slope, -(damped + slope), True)

    def _decide(self, b: int, down: _Down, trial: NormalEquations) -> bool:
        """Whether a problem is better off after its step; damping by the gain ratio."""
        best, cost = self.best, float(trial.cost[b])
        fall = float(best.cost[b]) - cost
        better = fall > 0.0 and isfinite(trial.gradient[b].sum())
        factor = self.growth[b]
        if better:
            gain = min(fall / max(down.predicted, 1e-300), 1.0)
            factor = max(1.0 / 3.0, 1.0 - (2.0 * gain - 1.0) ** 3)
            best.cost[b], best.gradient[b], best.matrix[b] = cost, trial.gradient[b], trial.matrix[b]
        self.growth[b] = GROWTH if better else 2.0 * self.growth[b]
        self.damping[b] = min(max(self.damping[b] * factor, LEAST), 1.0 / LEAST)
        self.steps[b] += 1
        self.settled[b] = down.solved and down.moved < SETTLED * SETTLED
        return better


class _Down(NamedTuple):
    """A step of a problem: the fall that it predicts, how far it leads (squared, in standard deviations), whether there
    is one."""

    predicted: float
    moved: float
    solved: bool


def _solution(engine: Engine, reached: Reached) -> Solution:
    """The state that the engine keeps, where its bodies are placed, and what a descent says of it."""
    best = reached.best
    finite = np.isfinite(best.cost) & (best.cost < 1e29)
    state = engine.kept()
    engine.place(state)
    terms = []
    for cost, places in zip(reached.row_costs, engine.table.terms, strict=True):
        sums: dict[str, float] = {}
        for term, rows in places:
            sums[term] = sums.get(term, 0.0) + float(cost[rows].sum())
        terms.append(sums)
    return Solution(state, best.cost, best.matrix, reached.settled & finite, finite, reached.steps, tuple(terms))
