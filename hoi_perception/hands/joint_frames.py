"""How the joints of a posed hand are turned."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS, OPENPOSE_FROM_21, TIP_NAMES
from hoi_perception.hands.skinning import chain_transforms
from hoi_perception.transforms import rotation_from_axis_angle

_LAST_BONES = np.array([FINGER_JOINTS[finger][2] for finger in TIP_NAMES])


def joint_rotations(pose: Float[NDArray[np.floating], "16 3"]) -> Float64[NDArray[np.float64], "21 3 3"]:
    """Rotation from each joint's frame to the camera's, in OpenPose order; a tip turns with its last bone.

    The axes are those of MANO's hand at rest (see `hand_model`), so all 21 frames are parallel in the flat hand.
    """
    local = np.asarray(rotation_from_axis_angle(pose), dtype=np.float64)
    rotations = chain_transforms(local, np.zeros((16, 3)))[:, :3, :3]
    return np.asarray(np.concatenate([rotations, rotations[_LAST_BONES]])[OPENPOSE_FROM_21])
