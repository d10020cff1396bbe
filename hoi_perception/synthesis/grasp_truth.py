"""What a simulated grasp is, and what of it a perception is given to see.

Camera frame: metres, x right, y down, z forward. Images are sampled at 30 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.types import Camera, HandParameters, Side

Array = NDArray[np.float64]
FRAME_RATE_HZ = 30.0


class MadeBy(Enum):
    """How the fingers came to their places: closed until they touch, or placed by the joint solver."""

    CLOSING = "closing"
    SOLVER = "solver"


@dataclass(frozen=True)
class GraspTruth:
    """One hand that holds one instrument.

    `hand` is in the camera frame (flat-hand pose, `wrist_camera` is joint 0) and bears the shape. `R_camera_instrument`
    and `t_camera_instrument` (m) place the base link; `joint_positions` (rad) are in the order of
    `InstrumentModel.joint_names`. `grasp` names the grasp of the library from which it was made.
    """

    instrument: str
    side: Side
    hand: HandParameters
    R_camera_instrument: Float64[Array, "3 3"]
    t_camera_instrument: Float64[Array, "3"]
    joint_positions: Float64[Array, " j"]
    camera: Camera
    made_by: MadeBy = MadeBy.CLOSING
    grasp: str = ""

    @property
    def shape(self) -> Float64[Array, "10"]:
        """The hand's shape."""
        return self.hand.shape


@dataclass(frozen=True)
class GraspSequence:
    """Frames of one grasp that is carried about, `FRAME_RATE_HZ` apart: one instrument, side, shape and camera."""

    frames: tuple[GraspTruth, ...]

    @property
    def instrument(self) -> str:
        """Name in the library."""
        return self.frames[0].instrument

    @property
    def side(self) -> Side:
        """Which hand."""
        return self.frames[0].side

    @property
    def shape(self) -> Float64[Array, "10"]:
        """The hand's shape."""
        return self.frames[0].shape


@dataclass(frozen=True)
class Evidence:
    """What is seen of one frame, with the rough instrument pose that a detector would give.

    `landmarks_px` are the 21 landmark points of `LandmarkModel` in OpenPose's order. The masks hold the visible pixels
    of the instrument and of the hand. `shape` is the calibrated shape of the hand, that of the truth. The start is the
    truth with an error that lasts (see `grasp_evidence`); nothing here tells the grasp itself.
    """

    camera: Camera
    side: Side
    shape: Float64[Array, "10"]
    landmarks_px: Float64[Array, "21 2"]
    instrument: str
    instrument_mask: Bool[NDArray[np.bool_], "h w"]
    hand_mask: Bool[NDArray[np.bool_], "h w"] | None
    R_camera_instrument: Float64[Array, "3 3"]
    t_camera_instrument: Float64[Array, "3"]
    joint_positions: Float64[Array, " j"] = field(default_factory=lambda: np.zeros(0))
    landmark_sigma_px: float = 4.0


@dataclass(frozen=True)
class GraspEstimate:
    """What a method answers for one frame; frames and units as in `GraspTruth`."""

    hand: HandParameters
    R_camera_instrument: Float64[Array, "3 3"]
    t_camera_instrument: Float64[Array, "3"]
    joint_positions: Float64[Array, " j"] = field(default_factory=lambda: np.zeros(0))
