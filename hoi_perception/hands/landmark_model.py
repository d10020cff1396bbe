"""The landmark network's 21 points on a hand model: joints and tips plus offsets calibrated in bone frames.

The network's points are its own idea of joints. Without the offsets a tight fit bends the fingers to make up for the
difference of definitions. `calibrate_landmarks` makes the file from renders of the hand model.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import joint_frames, palm_normal
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.joints import Fingertips
from hoi_perception.hands.kinematics import LANDMARK_BONE, LANDMARK_JOINT, Skeleton

Array = NDArray[np.float64]
OFFSETS_FILE = "landmark_offsets.csv"


@dataclass(frozen=True)
class LandmarkModel:
    """Rest joints and landmark points of a right hand as linear functions of its shape, metres."""

    joints: Float64[Array, "16 3"]
    joint_directions: Float64[Array, "16 3 10"]
    points: Float64[Array, "21 3"]
    point_directions: Float64[Array, "21 3 10"]
    frames: Float64[Array, "15 3 3"]

    @staticmethod
    def of(right_hand: HandModel, offsets: Float64[Array, "21 3"] | None = None) -> LandmarkModel:
        """The landmarks of a right hand; `offsets` in bone frames as shares of the palm's length (default: the
        file's)."""
        offsets = read_offsets() if offsets is None else offsets
        tips = Fingertips.SMPLX
        joints21 = np.vstack([right_hand.joints_mean, right_hand.template[tips.vertices]])
        directions21 = np.concatenate([right_hand.joint_shape_directions, right_hand.tip_shape_directions(tips)])
        frames = joint_frames(joints21)
        carried = np.einsum("nij,nj->ni", bone_frames(joints21, frames)[LANDMARK_BONE], offsets) * palm_length(joints21)
        return LandmarkModel(
            joints=joints21[:16],
            joint_directions=directions21[:16],
            points=joints21[LANDMARK_JOINT] - joints21[LANDMARK_BONE] + carried,
            point_directions=directions21[LANDMARK_JOINT] - directions21[LANDMARK_BONE],
            frames=frames,
        )

    def skeleton(self, shapes: Float64[Array, "b 10"]) -> Skeleton:
        """Rest geometry of a batch of shapes; the joint frames are those of the mean shape."""
        joints = self.joints + np.einsum("jks,bs->bjk", self.joint_directions, shapes)
        points = self.points + np.einsum("jks,bs->bjk", self.point_directions, shapes)
        return Skeleton(joints, points, np.broadcast_to(self.frames, (len(shapes), 15, 3, 3)))


def bone_frames(joints21: Float64[Array, "21 3"], frames: Float64[Array, "15 3 3"]) -> Float64[Array, "16 3 3"]:
    """Frames of the 16 bones at rest; the wrist's has the middle metacarpal as z and the palm's normal as y."""
    forward = joints21[4] - joints21[0]
    forward = forward / np.linalg.norm(forward)
    back = palm_normal(joints21)
    back = back - forward * (back @ forward)
    back = back / np.linalg.norm(back)
    palm = np.column_stack([np.cross(back, forward), back, forward])
    return np.concatenate([palm[None], frames])


def palm_length(joints21: Float64[Array, "21 3"]) -> float:
    """Distance from the wrist to the middle finger's knuckle, m: the unit of the offsets."""
    return float(np.linalg.norm(joints21[4] - joints21[0]))


def read_offsets() -> Float64[Array, "21 3"]:
    """The calibrated offsets that ship with the package, OpenPose order, shares of the palm's length."""
    text = files("hoi_perception.hands").joinpath(OFFSETS_FILE).read_text(encoding="utf-8")
    return np.loadtxt(text.splitlines(), delimiter=",", comments="#", dtype=np.float64)
