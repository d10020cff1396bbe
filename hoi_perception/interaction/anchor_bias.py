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
PAUSE_S = 1.0
"""Least time between two frames that are learned from: images that follow one another err alike."""


@dataclass(frozen=True, eq=False)
class AnchorBias:
    """Bias of a source: shift of the place (m) and turn (rad) about the camera's fixed axes, with their covariance;
    `stamp_ns` is when it was learned last.

    What depth and tilt have to do with one another is kept: one image tells their sum, as it were, again and again.
    """

    bias: Float64[Array, "6"]
    covariance: Float64[Array, "6 6"]
    stamp_ns: int | None = None

    @staticmethod
    def unknown(covariance: Float64[Array, "6 6"]) -> AnchorBias:
        """None is expected, of a size that is known."""
        return AnchorBias(np.zeros(6), covariance)

    def corrected(self, told: PoseTerm) -> PoseTerm:
        """What a source tells without the bias; the covariance of `told` is that of its noise alone."""
        turn = np.asarray(rotation_from_axis_angle(-self.bias[3:]), dtype=np.float64)
        center = told.R @ told.center_link + told.t - self.bias[:3]
        R = turn @ told.R
        t = center - R @ told.center_link
        return PoseTerm(told.instrument, R, t, told.covariance + self.covariance, told.center_link)

    def learned(
        self, used: PoseTerm, state: InstrumentState, covariance: Float64[Array, "k k"], stamp_ns: int
    ) -> AnchorBias:
        """After a solve with `used` (from `corrected`) that gave a state (batch of one) with that covariance.

        With A the information of what was told and S the covariance of what was solved with it, the information of
        the innovation is A - A S A.
        """
        if self.stamp_ns is not None and stamp_ns - self.stamp_ns < PAUSE_S * 1e9:
            return self
        arm = state.R[0] @ used.center_link
        place = used.R @ used.center_link + used.t - state.t[0] - arm
        off = np.concatenate([place, axis_angle_from_rotation(used.R @ state.R[0].T)])
        J = np.zeros((6, len(covariance)))
        J[:3, :3], J[:3, 3:6], J[3:, 3:6] = np.eye(3), -skew(arm), np.eye(3)
        A = np.linalg.inv(used.covariance)
        told = A - A @ (J @ covariance @ J.T) @ A
        values, vectors = np.linalg.eigh(0.5 * (told + told.T))
        told = (vectors * np.maximum(values, 0.0)) @ vectors.T
        after = self.covariance - self.covariance @ told @ self.covariance
        return AnchorBias(self.bias + self.covariance @ A @ off, 0.5 * (after + after.T), stamp_ns)
