"""Levenberg-Marquardt on a joint problem: hands, instruments and what ties them together in one solve.

The work is cut in rounds. At the start of a round each term chooses its rows (which points touch, which contour point
belongs to which place); within a round the rows stay, distances to instruments are looked up afresh at every step. Gain
ratio and damping after Nielsen 1999. Numbers of steps are fixed by the caller, so equal input gives equal output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.device_descent import DAMPING, GROWTH, LEAST, SETTLED, Reached
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.priors import Priors
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
    """Steps by NumPy."""

    def __init__(self, engine: Engine) -> None:
        b, n = engine.batch, engine.bodies.n_columns
        self.engine = engine
        self.damped = np.empty((b, n, n))
        self.diagonal = self.damped.reshape(b, n * n)[:, :: n + 1]
        self.restart()

    def restart(self) -> None:
        """The next round is the first of a solve."""
        b = self.engine.batch
        self.damping, self.growth = np.full(b, DAMPING), np.full(b, GROWTH)
        self.steps, self.settled = np.zeros(b, dtype=np.int64), np.zeros(b, dtype=bool)

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
        best, live = self.best, ~self.settled
        self.damped[...] = best.matrix
        scale = self.diagonal * self.damping[:, None] + LEAST
        self.diagonal += scale
        live_and_finite = live & np.isfinite((scale + best.gradient).sum(axis=1))
        step, solved = _steps(self.damped, best.gradient, live_and_finite)
        # The step solves (matrix + diag(scale)) step = -gradient, so matrix step is known.
        damped = np.einsum("bn,bn,bn->b", scale, step, step)
        down = np.einsum("bn,bn->b", best.gradient, step)
        self.engine.advance(step)
        trial = self.engine.normal_equations(live)
        better = (trial.cost < best.cost) & np.isfinite(trial.gradient.sum(axis=1)) & live
        gain = np.where(better, best.cost - trial.cost, 0.0) / np.maximum(damped - down, 1e-300)
        if better.any():
            self.engine.keep(better)
            self.row_costs[better] = self.engine.row_costs()[better]
        self.best = best.where(better, trial)
        factor = np.maximum(1.0 / 3.0, 1.0 - (2.0 * np.minimum(gain, 1.0) - 1.0) ** 3)
        damping = self.damping * np.where(better, factor, self.growth)
        self.damping = np.where(live, np.minimum(np.maximum(damping, LEAST), 1.0 / LEAST), self.damping)
        self.growth = np.where(live, np.where(better, GROWTH, self.growth * 2.0), self.growth)
        self.steps += live
        self.settled |= solved & (-(damped + down) < SETTLED * SETTLED)


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


def _steps(
    matrix: Float64[Array, "b n n"], gradient: Float64[Array, "b n"], wanted: Bool[NDArray[np.bool_], " b"]
) -> tuple[Float64[Array, "b n"], Bool[NDArray[np.bool_], " b"]]:
    """The step down of the problems `wanted`, and whether there is one: zero where the matrix is singular."""
    step, solved = np.zeros_like(gradient), wanted.copy()
    chosen: Any = slice(None) if wanted.all() else np.flatnonzero(wanted)
    try:
        step[chosen] = -np.linalg.solve(matrix[chosen], gradient[chosen, :, None])[..., 0]
    except np.linalg.LinAlgError:
        solved[chosen] = False
        for b in np.flatnonzero(wanted) if len(wanted) > 1 else ():
            step[b], solved[b] = (part[0] for part in _steps(matrix[[b]], gradient[[b]], wanted[[b]]))
    finite = np.isfinite(step.sum(axis=1))
    if not finite.all():
        solved &= finite
        step[~finite] = 0.0
    return step, solved
