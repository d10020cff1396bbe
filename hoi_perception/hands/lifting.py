"""From 21 landmarks to the state of a hand: damped least squares, batched over hands and hypotheses.

Levenberg-Marquardt with gain-ratio damping (Nielsen 1999) on the residuals of `lifting_terms`. The number of
iterations is fixed by the caller, so equal input gives equal output whatever the machine's load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.hands import lifting_terms as terms
from hoi_perception.hands.kinematics import HandState, PosedSkeleton, Skeleton, landmark_jacobian, pose_skeleton
from hoi_perception.hands.lifting_terms import AnglePrior, MotionPrior, Observation

Array = NDArray[np.float64]

ROBUST_SCALE = 8.0
"""Standard deviations at which a landmark counts half (Geman-McClure) in the solution."""
START_ROBUST_SCALE = 40.0
"""The same while a start is still far away: with the final scale, half a hand is taken for outliers."""
_NEAREST_M = 0.03


@dataclass(frozen=True)
class Problem:
    """All that a fit depends on but its unknowns."""

    skeleton: Skeleton
    seen: Observation
    prior: AnglePrior
    motion: MotionPrior | None = None
    robust_scale: float = ROBUST_SCALE

    def take(self, index: NDArray[np.intp]) -> Problem:
        """The entries `index` of the batch."""
        motion = None if self.motion is None else self.motion.take(index)
        return Problem(self.skeleton.take(index), self.seen.take(index), self.prior, motion, self.robust_scale)


@dataclass(frozen=True)
class NormalEquations:
    """Cost, gradient and Gauss-Newton matrix of each entry of the batch."""

    cost: Float64[Array, " b"]
    gradient: Float64[Array, "b 51"]
    matrix: Float64[Array, "b 51 51"]

    def where(self, better: Bool[NDArray[np.bool_], " b"], other: NormalEquations) -> NormalEquations:
        """The other's entries where `better`, else these."""
        return NormalEquations(
            np.where(better, other.cost, self.cost),
            np.where(better[:, None], other.gradient, self.gradient),
            np.where(better[:, None, None], other.matrix, self.matrix),
        )


@dataclass(frozen=True)
class Fit:
    """Solution of a batch, its cost and normal matrix (the inverse is the covariance in the tangent space)."""

    state: HandState
    cost: Float64[Array, " b"]
    matrix: Float64[Array, "b 51 51"]

    def take(self, index: NDArray[np.intp]) -> Fit:
        """The entries `index` of the batch."""
        return Fit(self.state.take(index), self.cost[index], self.matrix[index])


def linearise(problem: Problem, state: HandState) -> NormalEquations:
    """Sum of all terms at a state."""
    posed = pose_skeleton(problem.skeleton, state)
    J = landmark_jacobian(posed)
    costs, rows, jacobians = landmark_rows(problem, posed, J)
    cost = np.where(posed.landmarks[..., 2].min(axis=1) > _NEAREST_M, 0.0, np.inf)
    for part in costs:
        cost = cost + part
    if problem.motion is not None:
        r, Jr = terms.motion(state, problem.motion)
        cost = cost + (r * r).sum(axis=-1)
        rows.append(r)
        jacobians.append(Jr)
    stacked, stacked_J = np.concatenate(rows, axis=1), np.concatenate(jacobians, axis=1)
    matrix = np.swapaxes(stacked_J, -1, -2) @ stacked_J
    gradient = (stacked[:, None] @ stacked_J)[:, 0]
    return _add_angle_terms(problem.prior, state, NormalEquations(cost, gradient, matrix))


def landmark_rows(
    problem: Problem, posed: PosedSkeleton, J: Float64[Array, "b 21 3 n"]
) -> tuple[list[Float64[Array, " b"]], list[Float64[Array, "b _"]], list[Float64[Array, "b _ n"]]]:
    """Robust costs of the terms on landmarks, with residuals and Jacobians weighted for the normal equations."""
    costs, rows, jacobians = [], [], []
    for term, group in ((terms.reprojection, 2), (terms.relative_depth, 1)):
        r, Jr = term(posed, J, problem.seen)
        cost, root = terms.geman_mcclure(r, group, problem.robust_scale)
        costs.append(cost)
        rows.append(r * root)
        jacobians.append(Jr * root[..., None])
    return costs, rows, jacobians


def _add_angle_terms(prior: AnglePrior, state: HandState, sums: NormalEquations) -> NormalEquations:
    r, L = terms.angle_prior(state, prior)
    h, slope = terms.limits(state, prior)
    gradient, matrix = sums.gradient.copy(), sums.matrix.copy()
    gradient[:, 6:] += r @ L + h * slope
    matrix[:, 6:, 6:] += L.T @ L
    diagonal = np.arange(6, 51)
    matrix[:, diagonal, diagonal] += slope * slope
    return NormalEquations(sums.cost + (r * r).sum(axis=-1) + (h * h).sum(axis=-1), gradient, matrix)


def solve(problem: Problem, state: HandState, iterations: int) -> Fit:
    """Minimise the problem's cost from a start, `iterations` evaluations for every entry of the batch."""
    best = linearise(problem, state)
    damping = np.full(best.cost.shape, 1e-3)
    growth = np.full(best.cost.shape, 2.0)
    diagonal = np.arange(best.matrix.shape[-1])
    for _ in range(iterations):
        damped = best.matrix.copy()
        scale = damped[:, diagonal, diagonal] * damping[:, None] + 1e-9
        damped[:, diagonal, diagonal] += scale
        step = np.asarray(-np.linalg.solve(damped, best.gradient[..., None])[..., 0], dtype=np.float64)
        predicted = (step * (scale * step - best.gradient)).sum(axis=-1)
        trial_state = state.plus(step)
        trial = linearise(problem, trial_state)
        gain = (best.cost - trial.cost) / np.maximum(predicted, 1e-300)
        better = (trial.cost < best.cost) & np.isfinite(trial.gradient).all(axis=-1)
        state = _choose(better, trial_state, state)
        best = best.where(better, trial)
        eased = damping * np.maximum(1.0 / 3.0, 1.0 - (2.0 * np.clip(gain, -1.0, 1.0) - 1.0) ** 3)
        damping = np.clip(np.where(better, eased, damping * growth), 1e-9, 1e9)
        growth = np.where(better, 2.0, growth * 2.0)
    return Fit(state, best.cost, best.matrix)


def _choose(better: Bool[NDArray[np.bool_], " b"], a: HandState, b: HandState) -> HandState:
    return HandState(
        np.where(better[:, None], a.wrist, b.wrist),
        np.where(better[:, None, None], a.rotation, b.rotation),
        np.where(better[:, None], a.angles, b.angles),
    )
