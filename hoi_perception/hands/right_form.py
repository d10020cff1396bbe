"""Back from right hands: fits handle left hands as right hands of the mirrored image."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import pose_from_angles
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.mirroring import mirror_axis_angle, mirror_points
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import HandParameters, Side

Array = NDArray[np.float64]


def fit_parameters(
    right_frames: Float64[Array, "15 3 3"], side: Side, state: HandState, shape: Float64[Array, "10"]
) -> HandParameters:
    """MANO parameters in the camera frame of one hand (batch of 1) with the right hand's joint frames."""
    articulation = pose_from_angles(state.angles[0].reshape(15, 3), right_frames).reshape(15, 3)
    pose = np.concatenate([axis_angle_from_rotation(state.rotation[0])[None], articulation])
    wrist = state.wrist[0]
    if side is Side.LEFT:
        pose, wrist = mirror_axis_angle(pose), mirror_points(wrist)
    return HandParameters(pose, shape, wrist)


def unmirror_covariance(covariance: Float64[Array, "6 6"], side: Side) -> Float64[Array, "6 6"]:
    """Covariance of wrist translation and rotation in the camera frame, from that of the mirrored hand."""
    if side is Side.RIGHT:
        return covariance
    signs = np.array([-1.0, 1.0, 1.0, 1.0, -1.0, -1.0])
    return np.asarray(covariance * np.outer(signs, signs))
