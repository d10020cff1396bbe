"""Entropic optimal transport between weighted point sets, in the log domain (Cuturi 2013; Feydy et al. 2019).

The cost of moving mass is the squared distance. The debiased divergence
S(x, y) = OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2 is zero for equal sets and exactly the squared shift for translated
ones; it pulls sets together that do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

Array = NDArray[np.float64]
Points = Float64[Array, "n d"]
Weights = Float64[Array, " n"]
_ANNEALING = 0.5
"""Factor from one iteration to the next by which the entropy falls, from the squared extent of both sets."""


@dataclass(frozen=True)
class Transported:
    """Cost of a transport, and its derivative with respect to the first set's points with the plan held fixed.

    The plan is optimal, so that its own change adds nothing (envelope theorem).
    """

    value: float
    gradient: Float64[Array, "n d"]


@dataclass(frozen=True, eq=False)
class SinkhornTarget:
    """A point set that others are compared with. `weights` (all alike by default) are scaled to sum up to one.

    `epsilon` is the entropy's weight, a squared length: detail below its root is blurred. `iterations` are fixed, those
    of the annealing included.
    """

    points: Points
    weights: Weights
    epsilon: float
    iterations: int
    own: float = field(init=False)

    def __post_init__(self) -> None:
        total = float(self.weights.sum())
        if not len(self.points) or not total > 0.0 or not np.isfinite(total):
            raise ValueError("nothing to compare with: give points whose weights have a positive sum")
        object.__setattr__(self, "weights", self.weights / total)
        object.__setattr__(self, "own", self._within(self.points, self.weights).value)

    @staticmethod
    def of(
        points: Points, weights: Weights | None = None, epsilon: float = 1e-2, iterations: int = 30
    ) -> SinkhornTarget:
        """Points with weights, or all weighing alike. ValueError where there are none."""
        return SinkhornTarget(points, np.ones(len(points)) if weights is None else weights, epsilon, iterations)

    def divergence(self, points: Points, weights: Weights | None = None) -> Transported:
        """The debiased divergence of another set from this one; not finite and without gradient for an empty set."""
        a = np.ones(len(points)) if weights is None else weights
        if not len(points) or not a.sum() > 0.0:
            return Transported(np.inf, np.zeros_like(points))
        a = a / a.sum()
        across, within = self.transport(points, a), self._within(points, a)
        value = across.value - 0.5 * (within.value + self.own)
        return Transported(value, across.gradient - 0.5 * within.gradient)

    def transport(self, points: Points, weights: Weights) -> Transported:
        """The entropic cost itself, biased by the entropy; `weights` sum up to one."""
        C, log_a, log_b = _squared(points, self.points), _log(weights), _log(self.weights)
        f, g = np.zeros(len(points)), np.zeros(len(self.points))
        for epsilon in self._entropies(C):
            f_next, g_next = _transform(C, g, log_b, epsilon), _transform(C.T, f, log_a, epsilon)
            f, g = 0.5 * (f + f_next), 0.5 * (g + g_next)
        f = _transform(C, g, log_b, self.epsilon)
        gradient = _pull(points, self.points, C, f, g, weights, log_b, self.epsilon)
        return Transported(float(weights @ f + self.weights @ g), gradient)

    def _within(self, points: Points, weights: Weights) -> Transported:
        C, log_a, g = _squared(points, points), _log(weights), np.zeros(len(points))
        for epsilon in self._entropies(C):
            g = 0.5 * (g + _transform(C, g, log_a, epsilon))
        f = _transform(C, g, log_a, self.epsilon)
        gradient = 2.0 * _pull(points, points, C, f, g, weights, log_a, self.epsilon)
        return Transported(float(weights @ (f + g)), gradient)

    def _entropies(self, C: Float64[Array, "n m"]) -> Float64[Array, " k"]:
        falling = float(C.max(initial=0.0)) * _ANNEALING ** np.arange(self.iterations)
        return np.asarray(np.maximum(falling, self.epsilon))


def _squared(x: Points, y: Float64[Array, "m d"]) -> Float64[Array, "n m"]:
    off = x[:, None] - y[None]
    return np.asarray(np.einsum("nmd,nmd->nm", off, off))


def _log(weights: Weights) -> Weights:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(weights))


def _transform(
    C: Float64[Array, "n m"], g: Float64[Array, " m"], log_b: Float64[Array, " m"], epsilon: float
) -> Float64[Array, " n"]:
    """f_i = -eps log sum_j b_j exp((g_j - C_ij) / eps)."""
    exponent = (g - C) / epsilon + log_b
    top = exponent.max(axis=1)
    return np.asarray(-epsilon * (top + np.log(np.exp(exponent - top[:, None]).sum(axis=1))))


def _pull(
    x: Points,
    y: Float64[Array, "m d"],
    C: Float64[Array, "n m"],
    f: Weights,
    g: Float64[Array, " m"],
    a: Weights,
    log_b: Float64[Array, " m"],
    epsilon: float,
) -> Points:
    """2 a_i (x_i - where its mass goes on average)."""
    plan = np.exp((f[:, None] + g - C) / epsilon + log_b)
    return np.asarray(2.0 * a[:, None] * (x * plan.sum(axis=1, keepdims=True) - plan @ y))
