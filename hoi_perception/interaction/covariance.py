"""How sure a joint solve is: covariances of wrists, joints, instruments and tips from its Gauss-Newton matrix.

The inverse of the matrix is the covariance in the tangent space (Gauss 1821; Hartley and Zisserman 2004, section 5.2).
Directions that nothing observes get the stated variance of `UNKNOWN_PLACE` and `UNKNOWN_TURN`, never more. Rows of
outlines, contacts and penetration are correlated and posture is only roughly Gaussian, so `calibration` widens what
comes out: with it the 95 % regions hold the truth in 95 % of simulated cases. All covariances are those of the camera
frame, in m and rad, rotations about its fixed axes; left hands are not mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import landmark_jacobian, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.right_form import unmirror_covariance
from hoi_perception.instruments.kinematics import Frames, frame_jacobian, pose_links
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.calibration import COLD, Calibration
from hoi_perception.interaction.state import SceneState
from hoi_perception.types import Side

Array = NDArray[np.float64]
UNKNOWN_PLACE = 1.0
"""Standard deviation of a place that nothing observes, m."""
UNKNOWN_TURN = float(np.pi / np.sqrt(3.0))
"""Standard deviation of an angle that nothing observes, rad: that of any angle within half a turn to each side."""
TIPS = (4, 8, 12, 16, 20)
"""Fingertips, thumb to pinky, among the 21 joints in OpenPose's order."""


@dataclass(frozen=True)
class TangentCovariance:
    """Covariance in the tangent space of all bodies, before calibration.

    Each column of `loose` is a step of one standard deviation along a direction that nothing observes.
    """

    matrix: Float64[Array, "n n"]
    loose: Float64[Array, "n m"]


@dataclass(frozen=True)
class HandCovariance:
    """Wrist: translation, then rotation. Joints in OpenPose's order, the tips among them."""

    wrist: Float64[Array, "6 6"]
    joints: Float64[Array, "21 3 3"]

    @property
    def tips(self) -> Float64[Array, "5 3 3"]:
        """Fingertips, thumb to pinky."""
        return np.asarray(self.joints[np.array(TIPS)])


@dataclass(frozen=True)
class InstrumentCovariance:
    """Base link: translation, then rotation; joint angles; origins of tip frames.

    Each column of `loose` is the base link's part of a step of one standard deviation that nothing observes, such as
    the roll of a round shaft.
    """

    pose: Float64[Array, "6 6"]
    joints: Float64[Array, "j j"]
    tips: Float64[Array, "t 3 3"]
    loose: Float64[Array, "6 m"]


def tangent_covariance(bodies: Bodies, information: Float64[Array, "n n"]) -> TangentCovariance:
    """The inverse of a Gauss-Newton matrix, floored where it says nothing.

    Coordinates are counted in units of what is unknown about them, and eigenvalues are at least 1: no direction is told
    less surely than when nothing is known. A matrix that is not finite tells nothing at all.
    """
    unit = unknown(bodies)
    if not np.isfinite(information).all():
        return TangentCovariance(np.diag(unit**2), np.diag(unit))
    scaled = 0.5 * (information + information.T) * np.outer(unit, unit)
    values, vectors = np.linalg.eigh(scaled)
    steps = unit[:, None] * vectors / np.sqrt(np.maximum(values, 1.0))
    return TangentCovariance(steps @ steps.T, steps[:, values <= 1.0])


def unknown(bodies: Bodies) -> Float64[Array, " n"]:
    """Standard deviations of the tangent's coordinates when nothing is known: the first three of a body are places."""
    unit = np.full(bodies.n_columns, UNKNOWN_TURN)
    for first in bodies.first_columns[:-1]:
        unit[first : first + 3] = UNKNOWN_PLACE
    return unit


def joint_points(hand: HandModel) -> LandmarkModel:
    """The 21 joints of a right hand as points fixed to bones: joint centres, and tips as if on the last bone alone."""
    return LandmarkModel.of(hand, np.zeros((21, 3)))


def hand_covariance(
    tangent: TangentCovariance,
    bodies: Bodies,
    h: int,
    state: SceneState,
    points: LandmarkModel,
    shape: Float64[Array, "10"],
    calibration: Calibration = COLD,
) -> HandCovariance:
    """That of hand `h` in a solution (batch of 1); `points` from `joint_points`."""
    columns = bodies.columns(h)
    side = bodies.hands[h].side
    own = tangent.matrix[columns, columns]
    posed = pose_skeleton(points.skeleton(shape[None]), state.hand(h))
    joints = _carried(landmark_jacobian(posed)[0], own)
    if side is Side.LEFT:
        mirror = np.array([-1.0, 1.0, 1.0])
        joints = joints * np.outer(mirror, mirror)
    return HandCovariance(
        calibration.wrist.widened(unmirror_covariance(own[:6, :6], side), 3), calibration.joint.widened(joints, 3)
    )


def instrument_covariance(
    tangent: TangentCovariance,
    bodies: Bodies,
    k: int,
    state: SceneState,
    tips: Frames,
    calibration: Calibration = COLD,
) -> InstrumentCovariance:
    """That of instrument `k` in a solution (batch of 1); `tips` from `instruments.kinematics.named_frames`."""
    columns = bodies.columns(len(bodies.hands) + k)
    own, tree = tangent.matrix[columns, columns], bodies.instruments[k].fields.tree
    posed = pose_links(tree, state.instrument(k, bodies.joints(k)))
    jacobian = frame_jacobian(tree, posed, tips)[0, :, :3]
    loose = tangent.loose[columns][:6]
    felt = (np.abs(loose) > 1e-6 * unknown(bodies)[columns][:6, None]).any(axis=0)
    return InstrumentCovariance(
        pose=calibration.instrument.widened(own[:6, :6], 3),
        joints=calibration.angle.widened(own[6:, 6:], 0),
        tips=calibration.tip.widened(_carried(jacobian, own), 3),
        loose=loose[:, felt],
    )


def _carried(jacobian: Float64[Array, "p 3 k"], covariance: Float64[Array, "k k"]) -> Float64[Array, "p 3 3"]:
    """Covariances of points, first order."""
    return np.asarray(jacobian @ covariance @ np.swapaxes(jacobian, 1, 2))
