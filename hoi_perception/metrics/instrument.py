"""Errors of an instrument's pose, tips and joints, with the symmetries that the library declares taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray

from hoi_perception.instruments.description import Symmetry
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, named_frames, pose_frames, pose_links
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.transforms import rotation_from_axis_angle, skew

Array = NDArray[np.float64]
MM = 1000.0
MAX_GROUP = 120
"""Turns of the largest finite group of a body in space that is no prism: the icosahedron's 60, with room to spare."""


@dataclass(frozen=True)
class InstrumentErrors:
    """Errors of one state; NaN for what an instrument does not have."""

    rot_deg: float
    trans_mm: float
    tip_mm: float
    artic_deg: float


def instrument_errors(model: InstrumentModel, predicted: InstrumentState, truth: InstrumentState) -> InstrumentErrors:
    """Errors of one predicted state (b = 1).

    Of the true poses that look the same by the symmetries of the base link, the one nearest in rotation counts for
    rotation (of the base link), translation (of its origin) and tips (mean over the tips). `artic_deg` is the mean over
    the joints, modulo full turns.
    """
    if predicted.t.shape != (1, 3) or truth.t.shape != (1, 3):
        raise ValueError(f"one state at a time, not {len(predicted.t)} against {len(truth.t)}")
    base = [s for s in model.description.symmetries if s.link == model.links[0].name]
    R, t = nearest_equivalent(predicted.R[0], truth.R[0], truth.t[0], base)
    same = InstrumentState(R[None], t[None], truth.angles)
    return InstrumentErrors(
        rot_deg=rot_deg(predicted.R[0], R),
        trans_mm=trans_mm(predicted.t[0], t),
        tip_mm=tip_mm(_tips(model, predicted), _tips(model, same)),
        artic_deg=artic_deg(predicted.angles[0], truth.angles[0]),
    )


def rot_deg(predicted: Float[Array, "3 3"], truth: Float[Array, "3 3"], symmetries: Sequence[Symmetry] = ()) -> float:
    """Angle between two rotations, the least over the turns by which the body looks the same."""
    R, _ = nearest_equivalent(predicted, truth, np.zeros(3), symmetries)
    return float(np.degrees(_angle(predicted.T @ R)))


def trans_mm(predicted: Float[Array, "3"], truth: Float[Array, "3"]) -> float:
    """Distance of the base link's origins."""
    return float(np.linalg.norm(predicted - truth) * MM)


def tip_mm(predicted: Float[Array, "n 3"], truth: Float[Array, "n 3"]) -> float:
    """Mean distance of the instrument's tips; NaN for one without tips."""
    if predicted.shape != truth.shape:
        raise ValueError(f"prediction and truth need the same tips: {predicted.shape}, {truth.shape}")
    return float(np.linalg.norm(predicted - truth, axis=1).mean() * MM) if len(truth) else float("nan")


def artic_deg(predicted: Float[Array, " j"], truth: Float[Array, " j"]) -> float:
    """Mean error of the joint angles (rad), whole turns taken out; NaN for an instrument without joints."""
    if predicted.shape != truth.shape:
        raise ValueError(f"prediction and truth need the same joints: {predicted.shape}, {truth.shape}")
    off = np.abs((predicted - truth + np.pi) % (2.0 * np.pi) - np.pi)
    return float(np.degrees(off).mean()) if off.size else float("nan")


def nearest_equivalent(
    predicted: Float[Array, "3 3"],
    truth: Float[Array, "3 3"],
    truth_t: Float[Array, "3"],
    symmetries: Sequence[Symmetry],
) -> tuple[Float64[Array, "3 3"], Float64[Array, "3"]]:
    """Of the poses (rotation, translation) that look like the truth, the one whose rotation is nearest to `predicted`.

    Discrete symmetries are multiplied out to a group. About an axis of any turn the best one has a closed form, from
    Rodrigues' formula: tr(M R(θ)) = c + (tr M − aᵀMa) cos θ + tr(M [a]ₓ) sin θ. Two such axes make a ball.
    """
    R, t = _group([s for s in symmetries if s.order > 0])
    round_axes = [s for s in symmetries if s.order == 0]
    if round_axes:
        axis, point = _line(round_axes[0])
        ball = any(abs(_line(s)[0] @ axis) < 1.0 - 1e-9 for s in round_axes[1:])
        M = predicted.T @ truth @ R
        free = np.swapaxes(M, 1, 2) if ball else _best_turns(M, axis)
        R, t = R @ free, t + np.einsum("nij,nj->ni", R, point - free @ point)
    traces = np.einsum("ij,nij->n", predicted, truth @ R)
    best = int(np.argmax(traces))
    moved = truth @ t[best] + truth_t
    return np.asarray(truth @ R[best], dtype=np.float64), np.asarray(moved, dtype=np.float64)


def _best_turns(M: Float[Array, "n 3 3"], axis: Float[Array, "3"]) -> Float64[Array, "n 3 3"]:
    """Turns about `axis` that bring each M R(θ) nearest to the identity."""
    along = np.einsum("i,nij,j->n", axis, M, axis)
    cosine, sine = np.trace(M, axis1=1, axis2=2) - along, np.einsum("nij,ji->n", M, skew(axis))
    return np.asarray(rotation_from_axis_angle(np.arctan2(sine, cosine)[:, None] * axis), dtype=np.float64)


def _group(symmetries: Sequence[Symmetry]) -> tuple[Float64[Array, "n 3 3"], Float64[Array, "n 3"]]:
    """All products of the turns, as rotations and translations in the link's frame; the identity comes first."""
    generators = []
    for symmetry in symmetries:
        axis, point = _line(symmetry)
        R = rotation_from_axis_angle(2.0 * np.pi / symmetry.order * axis)
        generators.append((R, point - R @ point))
    found = [(np.eye(3), np.zeros(3))]
    for R, t in found:  # grows while it is walked through
        for R_next, t_next in generators:
            product = (R @ R_next, R @ t_next + t)
            if not any(np.allclose(product[0], known, atol=1e-6) for known, _ in found):
                found.append(product)
        if len(found) > max(MAX_GROUP, 2 * max((s.order for s in symmetries), default=1)):
            raise ValueError("the declared symmetries make no finite group: check their axes and orders")
    return np.stack([R for R, _ in found]), np.stack([t for _, t in found])


def _line(symmetry: Symmetry) -> tuple[Float64[Array, "3"], Float64[Array, "3"]]:
    axis = np.array(symmetry.axis, dtype=np.float64)
    return axis / np.linalg.norm(axis), np.array(symmetry.point, dtype=np.float64)


def _angle(R: Float[Array, "3 3"]) -> float:
    """Angle of a rotation, accurate near 0 and π."""
    twice_sine = float(np.linalg.norm([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]]))
    return float(np.arctan2(twice_sine, np.trace(R) - 1.0))


def _tips(model: InstrumentModel, state: InstrumentState) -> Float64[Array, "n 3"]:
    return np.asarray(pose_frames(pose_links(joint_tree(model), state), named_frames(model))[1][0])
