"""Joint order, fingertip vertices and limits of the range of motion of the hand (MANO's interface)."""

from __future__ import annotations

from enum import Enum

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

FINGERS = ("index", "middle", "pinky", "ring", "thumb")
"""Fingers in the order in which their joints follow the wrist."""

JOINT_NAMES = ("wrist", *(f"{finger}_{number}" for finger in FINGERS for number in (1, 2, 3)))
"""The 16 joints; 1 is the knuckle of the palm (thumb: the saddle joint at the wrist), 3 the last joint."""

PARENTS: Int[NDArray[np.int64], "16"] = np.array([-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14])

FINGER_JOINTS: dict[str, tuple[int, int, int]] = {
    finger: (3 * i + 1, 3 * i + 2, 3 * i + 3) for i, finger in enumerate(FINGERS)
}
"""Indices of a finger's joints among the 16 (subtract one for arrays over the 15 that articulate)."""

TIP_NAMES = ("thumb", "index", "middle", "ring", "pinky")
"""Order of the five fingertips that follow the 16 joints where 21 points are asked for."""

TIP_ROWS: dict[str, int] = {finger: 16 + i for i, finger in enumerate(TIP_NAMES)}

OPENPOSE_FROM_21: Int[NDArray[np.int64], "21"] = np.array(
    [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
)
"""`joints[OPENPOSE_FROM_21]` brings the 16 joints and 5 tips into OpenPose's and FreiHAND's order."""


class Fingertips(Enum):
    """The four sets of fingertip vertices in use, each thumb, index, middle, ring, pinky."""

    SMPLX = (744, 320, 443, 554, 671)
    MANOPTH = (744, 320, 443, 555, 672)
    MIDDLE_OF_TIP = (745, 317, 444, 556, 673)
    FREIHAND = (728, 353, 442, 576, 694)

    @property
    def vertices(self) -> Int[NDArray[np.int64], "5"]:
        """Vertex indices, thumb to pinky."""
        return np.array(self.value, dtype=np.int64)


_KNUCKLE = ((-30.0, 95.0), (-25.0, 25.0), (-12.0, 12.0))
_HINGE_PIP = ((-10.0, 110.0), (-6.0, 6.0), (-6.0, 6.0))
_HINGE_DIP = ((-10.0, 85.0), (-6.0, 6.0), (-6.0, 6.0))
_THUMB_CMC = ((-25.0, 60.0), (-20.0, 50.0), (-45.0, 17.0))
_THUMB_MCP = ((-10.0, 60.0), (-15.0, 15.0), (-12.0, 8.0))
_THUMB_IP = ((-20.0, 80.0), (-6.0, 6.0), (-6.0, 6.0))

JOINT_LIMITS: Float[NDArray[np.float64], "15 3 2"] = np.radians(
    np.array([_KNUCKLE, _HINGE_PIP, _HINGE_DIP] * 4 + [_THUMB_CMC, _THUMB_MCP, _THUMB_IP])
)
"""Lowest and highest flexion, abduction and twist of each joint from the flat rest pose, radians.

Sources, normal adult ranges:

- finger knuckles: flexion 90, hyperextension to 45 (AAOS, Joint Motion: Method of Measuring and Recording, 1965);
  active means 85 to 95 rising from index to little finger and 30 of extension (Hume et al., J. Hand Surg. 15A, 1990);
  deviation 20 to 25 to each side, passive rotation about 10 (Kapandji, The Physiology of the Joints, vol. 1);
- PIP: 0 to 100 (AAOS), active mean 105 (Hume); DIP: 0 to 80 or 90 (AAOS), active mean 85 (Hume); 10 of extension,
  a few degrees of play in the two other directions;
- thumb saddle joint: 53 flexion to extension, 42 abduction to adduction, 17 axial in each sense for functional motion
  (Cooney et al., J. Bone Joint Surg. 63A, 1981) and up to 70 abduction at the skin (AAOS), counted from the flat hand;
  full opposition adds about 30 of pronation (Li and Tang, J. Biomech. 40, 2007);
- thumb MCP: 0 to 50 or 60 (AAOS; Hume 56); thumb IP: 0 to 80, extension 20 (AAOS; Hume 73).
"""
