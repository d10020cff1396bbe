"""What is expected of bodies before the image is looked at: posture, anatomical limits, motion, a rough pose.

These terms touch single coordinates or one small block, so they go straight into the normal equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.lifting_terms import AnglePrior, MotionPrior, inverse_left_jacobian, limit_excess
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.state import SceneState
from hoi_perception.transforms import axis_angle_from_rotation

Array = NDArray[np.float64]
INSTRUMENT_LIMIT_SIGMA = np.radians(0.5)
"""Angle beyond the limit of an instrument's joint that counts as one standard deviation, rad."""


@dataclass(frozen=True)
class PosePrior:
    """Where an instrument is expected, with 1 / standard deviation per tangent coordinate (0: nothing is expected)."""

    state: InstrumentState
    weight: Float64[Array, "b n"]


@dataclass(frozen=True)
class Priors:
    """Of all bodies, in their order: one for posture, None where no motion or pose is expected."""

    posture: AnglePrior
    motion: tuple[MotionPrior | None, ...]
    poses: tuple[PosePrior | None, ...] = ()


@dataclass(frozen=True)
class NormalEquations:
    """Cost, gradient and Gauss-Newton matrix of each problem."""

    cost: Float64[Array, " b"]
    gradient: Float64[Array, "b n"]
    matrix: Float64[Array, "b n n"]

    def where(self, better: NDArray[np.bool_], other: NormalEquations) -> NormalEquations:
        """The other's entries where `better`, else these."""
        if better.all():
            return other
        return NormalEquations(
            np.where(better, other.cost, self.cost),
            np.where(better[:, None], other.gradient, self.gradient),
            np.where(better[:, None, None], other.matrix, self.matrix),
        )


def add_priors(sums: NormalEquations, priors: Priors, bodies: Bodies, state: SceneState) -> NormalEquations:
    """The sums with all priors added, in place but for the cost."""
    cost = sums.cost
    hands, instruments = bodies.states(state)
    for h, (hand, motion) in enumerate(zip(hands, priors.motion, strict=True)):
        columns = bodies.columns(h)
        cost = cost + _add_posture(sums, columns.start, hand.angles, priors.posture)
        excess = limit_excess(hand, priors.posture) * priors.posture.limit_weight
        out = excess != 0.0
        cost = cost + _add_diagonal(sums, columns.start + 6, excess, out * priors.posture.limit_weight)
        if motion is not None:
            before = motion.state
            cost = cost + _add_pose(
                sums, columns.start, hand.wrist - before.wrist, hand.rotation, before.rotation, motion.weight
            )
            more = motion.weight[:, 6:]
            cost = cost + _add_diagonal(sums, columns.start + 6, (hand.angles - before.angles) * more, more)
    for k, (instrument, pose) in enumerate(zip(instruments, priors.poses, strict=True)):
        start = bodies.columns(len(hands) + k).start
        tree = bodies.instruments[k].fields.tree
        over = np.maximum(instrument.angles - tree.upper, 0.0) + np.minimum(instrument.angles - tree.lower, 0.0)
        weight = (over != 0.0) / INSTRUMENT_LIMIT_SIGMA
        cost = cost + _add_diagonal(sums, start + 6, over / INSTRUMENT_LIMIT_SIGMA, weight)
        if pose is not None:
            at = pose.state
            cost = cost + _add_pose(sums, start, instrument.t - at.t, instrument.R, at.R, pose.weight)
            more = pose.weight[:, 6:]
            cost = cost + _add_diagonal(sums, start + 6, (instrument.angles - at.angles) * more, more)
    return NormalEquations(cost, sums.gradient, sums.matrix)


def _add_posture(sums: NormalEquations, start: int, angles: Float64[Array, "b 45"], prior: AnglePrior) -> Array:
    L = prior.sqrt_information
    r = (angles - prior.mean) @ L.T
    own = slice(start + 6, start + 51)
    sums.gradient[:, own] += r @ L
    sums.matrix[:, own, own] += prior.information
    return np.asarray((r * r).sum(axis=1))


def _add_diagonal(sums: NormalEquations, start: int, r: Float64[Array, "b n"], slope: Float64[Array, "b n"]) -> Array:
    own = np.arange(start, start + r.shape[1])
    sums.gradient[:, own] += r * slope
    sums.matrix[:, own, own] += slope * slope
    return np.asarray((r * r).sum(axis=1))


def _add_pose(
    sums: NormalEquations,
    start: int,
    moved: Float64[Array, "b 3"],
    R: Float64[Array, "b 3 3"],
    expected: Float64[Array, "b 3 3"],
    weight: Float64[Array, "b n"],
) -> Array:
    """Translation and rotation (logarithm of the turn from the expected one) against their weights."""
    cost = _add_diagonal(sums, start, moved * weight[:, :3], weight[:, :3])
    phi = np.asarray(axis_angle_from_rotation(R @ np.swapaxes(expected, -1, -2)), dtype=np.float64)
    r = phi * weight[:, 3:6]
    J = inverse_left_jacobian(phi) * weight[:, 3:6, None]
    own = slice(start + 3, start + 6)
    sums.gradient[:, own] += (r[:, None] @ J)[:, 0]
    sums.matrix[:, own, own] += np.swapaxes(J, -1, -2) @ J
    return np.asarray(cost + (r * r).sum(axis=1))
