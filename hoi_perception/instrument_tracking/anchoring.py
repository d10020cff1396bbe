"""Poses that other sources tell, as evidence beside the image: terms of a solve, information, how far they are off.

Covariances of a pose are those of `ToldPose`, and of the first six coordinates of an instrument's tangent: translation
(m) and rotation (rad) of the base link about the fixed axes of the camera.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instruments.description import Symmetry
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.covariance import UNKNOWN_PLACE, UNKNOWN_TURN
from hoi_perception.interaction.terms.pose import PoseTerm
from hoi_perception.metrics.instrument import nearest_equivalent
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import ToldPose

Array = NDArray[np.float64]
GATE = 22.46
"""Squared error over its covariance that one right pose of a thousand exceeds: chi-squared, six degrees of freedom."""
_LEAST_TOLD, _MOST_TOLD = 0.1, 1.1
"""Information of a term over that of its pose, in any direction."""
_ROUNDS = 3
_UNKNOWN = np.repeat([UNKNOWN_PLACE, UNKNOWN_TURN], 3)


def term_of(pose: ToldPose) -> PoseTerm:
    """Its part in a solve whose first instrument it is about.

    A source may tie shifts to turns about the same axes (a screw), which the six points of a term cannot say. Where
    they would tell more than the source does without that tie, place and turn count by themselves, with twice their
    covariance, which is never too sure.
    """
    C, W = pose.covariance, np.linalg.inv(pose.covariance)
    screw = np.trace(W[:3, 3:]) / 3.0 * np.eye(3)
    W[:3, 3:] -= screw
    W[3:, :3] -= screw
    L = np.linalg.cholesky(C)
    told = np.linalg.eigvalsh(L.T @ W @ L)
    if told[0] < _LEAST_TOLD or told[-1] > _MOST_TOLD:
        C = 2.0 * C
        C[:3, 3:] = C[3:, :3] = 0.0
    return PoseTerm(0, pose.R_camera_instrument, pose.t_camera_instrument, C, np.zeros(3))


def information(poses: Sequence[ToldPose]) -> Float64[Array, "6 6"]:
    """What they tell together."""
    return np.asarray(sum((np.linalg.inv(pose.covariance) for pose in poses), start=np.zeros((6, 6))))


def combined(expected: InstrumentState, sigmas: Float64[Array, "6"], poses: Sequence[ToldPose]) -> InstrumentState:
    """An expected state (batch of one) and poses, by their weights: Kalman's update, repeated for the turns.

    Angles of joints are those that a source tells, if one does.
    """
    weight = np.diag(1.0 / sigmas**2)
    state = expected
    for _ in range(_ROUNDS):
        pull = weight @ state.step_to(expected)[:6]
        for pose in poses:
            pull = pull + np.linalg.solve(pose.covariance, step_to(state, pose))
        step = np.zeros(6 + state.angles.shape[1])
        step[:6] = np.linalg.solve(weight + information(poses), pull)
        state = state.plus(step[None])
    known = [pose.joint_positions for pose in poses if pose.joint_positions is not None]
    return InstrumentState(state.R, state.t, known[0][None]) if known else state


def step_to(state: InstrumentState, pose: ToldPose, symmetries: Sequence[Symmetry] = ()) -> Float64[Array, "6"]:
    """The step from a state (batch of one) to a pose, or to the one that looks the same nearest to it."""
    R, t = pose.R_camera_instrument, pose.t_camera_instrument
    if symmetries:
        R, t = nearest_equivalent(state.R[0], R, t, symmetries)
    return np.concatenate([t - state.t[0], axis_angle_from_rotation(R @ state.R[0].T)])


def surprise(
    pose: ToldPose,
    state: InstrumentState,
    covariance: Float64[Array, "6 6"],
    symmetries: Sequence[Symmetry] = (),
) -> float:
    """Squared distance of a pose from a state, over the covariances of both (Mahalanobis 1936)."""
    step = step_to(state, pose, symmetries)
    return float(step @ np.linalg.solve(pose.covariance + covariance, step))


def spread_px(pose: ToldPose, points: Float64[Array, "n 3"], focal_px: float) -> float:
    """Standard deviation across the view, px, of those of an instrument's points (camera frame) that are least sure."""
    arms = points - pose.t_camera_instrument
    J = np.zeros((len(points), 2, 6))
    J[:, 0, 0] = J[:, 1, 1] = 1.0
    J[:, 0, 4], J[:, 0, 5] = arms[:, 2], -arms[:, 1]
    J[:, 1, 3], J[:, 1, 5] = -arms[:, 2], arms[:, 0]
    variance = np.trace(J @ pose.covariance @ np.swapaxes(J, 1, 2), axis1=1, axis2=2) / 2.0
    return float(np.sqrt(variance.max()) * focal_px / max(float(points[:, 2].min()), 1e-3))


def without(covariance: Float64[Array, "6 6"], poses: Sequence[ToldPose]) -> Float64[Array, "6 6"]:
    """The covariance that is left of one to which poses contributed when they are taken out of it; directions of which
    nothing is known then have the variance of `UNKNOWN_PLACE` and `UNKNOWN_TURN`."""
    rest = (np.linalg.inv(covariance) - information(poses)) * np.outer(_UNKNOWN, _UNKNOWN)
    values, vectors = np.linalg.eigh(0.5 * (rest + rest.T))
    steps = _UNKNOWN[:, None] * vectors / np.sqrt(np.maximum(values, 1.0))
    return np.asarray(steps @ steps.T)


def together(covariance: Float64[Array, "6 6"], poses: Sequence[ToldPose]) -> Float64[Array, "6 6"]:
    """The covariance of what an image and poses tell."""
    found = np.linalg.inv(np.linalg.inv(covariance) + information(poses))
    return np.asarray(0.5 * (found + found.T))
