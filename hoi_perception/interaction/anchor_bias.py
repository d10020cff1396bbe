"""The lasting error of a source of poses, learned while an instrument is followed.

A hand that is held to be too large stands too far away in every frame. One image of a thin rod does not tell such an
error from a tilt of the rod, but images of it turned about do: what stays between the source's poses and the solved
ones is its bias. A Kalman filter (Kalman 1960) with a constant bias in the camera frame, whose measurement is the
source's pose given the rest of the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.terms.pose import PoseTerm
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle, skew

Array = NDArray[np.float64]
PAUSE_S = 0.25
"""Least time between two frames that are learned from: images that follow one another err alike."""


@dataclass(frozen=True, eq=False)
class AnchorBias:
    """Bias of a source: shift of the place (m) and turn (rad) about the camera's fixed axes, with their covariances;
    `stamp_ns` is when it was learned last."""

    place: Float64[Array, "3"]
    turn: Float64[Array, "3"]
    place_covariance: Float64[Array, "3 3"]
    turn_covariance: Float64[Array, "3 3"]
    stamp_ns: int | None = None

    @staticmethod
    def unknown(place_covariance: Float64[Array, "3 3"], turn_covariance: Float64[Array, "3 3"]) -> AnchorBias:
        """None is expected, of a size that is known."""
        return AnchorBias(np.zeros(3), np.zeros(3), place_covariance, turn_covariance)

    def corrected(self, told: PoseTerm) -> PoseTerm:
        """What a source tells without the bias; the covariances of `told` are those of its noise alone."""
        turn = np.asarray(rotation_from_axis_angle(-self.turn), dtype=np.float64)
        center = told.R @ told.center_link + told.t - self.place
        R = turn @ told.R
        return PoseTerm(
            told.instrument,
            R,
            center - R @ told.center_link,
            told.place_covariance + self.place_covariance,
            told.turn_covariance + self.turn_covariance,
            told.center_link,
        )

    def learned(
        self, used: PoseTerm, state: InstrumentState, covariance: Float64[Array, "k k"], stamp_ns: int
    ) -> AnchorBias:
        """After a solve with `used` (from `corrected`) that gave a state (batch of one) with that covariance."""
        if self.stamp_ns is not None and stamp_ns - self.stamp_ns < PAUSE_S * 1e9:
            return self
        arm = state.R[0] @ used.center_link
        off_place = used.R @ used.center_link + used.t - state.t[0] - arm
        off_turn = np.asarray(axis_angle_from_rotation(used.R @ state.R[0].T), dtype=np.float64)
        J = np.zeros((6, len(covariance)))
        J[:3, :3], J[:3, 3:6], J[3:, 3:6] = np.eye(3), -skew(arm), np.eye(3)
        solved = J @ covariance @ J.T
        place, place_covariance = _updated(self.place_covariance, used.place_covariance, solved[:3, :3], off_place)
        turn, turn_covariance = _updated(self.turn_covariance, used.turn_covariance, solved[3:, 3:], off_turn)
        return AnchorBias(self.place + place, self.turn + turn, place_covariance, turn_covariance, stamp_ns)


def _updated(
    bias: Float64[Array, "3 3"], told: Float64[Array, "3 3"], solved: Float64[Array, "3 3"], off: Float64[Array, "3"]
) -> tuple[Float64[Array, "3"], Float64[Array, "3 3"]]:
    """Step of the bias and its covariance afterwards.

    With A the information of what was told and S the covariance of what was solved with it, the information of the
    innovation is A - A S A.
    """
    A = np.linalg.inv(told)
    innovation = A - A @ solved @ A
    values, vectors = np.linalg.eigh(0.5 * (innovation + innovation.T))
    innovation = (vectors * np.maximum(values, 0.0)) @ vectors.T
    after = bias - bias @ innovation @ bias
    return bias @ A @ off, 0.5 * (after + after.T)
