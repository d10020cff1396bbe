"""Named grasps and gestures in anatomical angles, and the prior that the grasps span."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS, JOINT_LIMITS

Angles15 = Float[NDArray[np.float64], "15 3"]

# A finger: knuckle flexion, knuckle abduction, PIP flexion, DIP flexion.
# The thumb: saddle joint flexion, abduction, twist, then MCP and IP flexion. Degrees.
_Finger = tuple[float, float, float, float]
_Thumb = tuple[float, float, float, float, float]
_Row = tuple[_Finger, _Finger, _Finger, _Finger, _Thumb]  # index, middle, ring, pinky, thumb

_GRASPS: dict[str, _Row] = {
    "flat": ((0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0, 0)),
    "tripod": ((57, 0, 39, 22), (64, 8, 47, 28), (58, 9, 62, 38), (52, 14, 62, 38), (39, 29, -41, 9, 5)),
    "pen": ((48, -3, 48, 27), (59, 7, 59, 35), (56, 10, 74, 42), (54, 16, 72, 42), (39, 26, -41, 11, 6)),
    "scissors_ring": ((34, 4, 36, 18), (42, 2, 50, 24), (55, 8, 47, 27), (54, 12, 58, 34), (41, 31, -39, 10, 6)),
    "palmar": ((36, -1, 33, 20), (51, 5, 35, 21), (42, 4, 36, 22), (44, 6, 34, 20), (24, 39, -39, 11, 8)),
    "pinch": ((60, 4, 42, 24), (24, 2, 30, 16), (20, 2, 26, 14), (18, 4, 24, 14), (38, 29, -40, 6, 2)),
    "power": ((58, 2, 66, 36), (62, 3, 68, 38), (66, 8, 68, 38), (66, 14, 62, 36), (42, 41, -32, 22, 28)),
}
_GESTURES: dict[str, _Row] = {
    "fist": ((75, 2, 96, 58), (79, 6, 96, 58), (81, 10, 93, 57), (77, 15, 96, 58), (42, 38, -34, 36, 50)),
    "ok": ((54, -3, 51, 30), (12, 2, 16, 8), (6, 2, 12, 6), (2, 0, 8, 4), (38, 25, -38, 9, 3)),
    "point": ((4, 0, 6, 4), (88, 9, 90, 56), (78, 11, 93, 57), (77, 14, 94, 58), (37, 27, -43, 25, 37)),
}


def grasp_angles() -> dict[str, Angles15]:
    """Angles of the named grasps that describe work with instruments, radians.

    Flat, tripod (scalpel between thumb, index and middle finger), pen, scissors_ring (thumb and ring finger in the
    rings), palmar, pinch and power, named after the taxonomy of Feix et al. (IEEE Trans. Human-Machine Systems 46,
    2016). The values were fitted to the open hand within `JOINT_LIMITS`: pads touch, or leave room for what they hold
    (tripod 9, pen 11, rings 30, palmar 48 mm between the thumb's pad and the finger's), and nothing sinks in.
    """
    return {name: _angles(row) for name, row in _GRASPS.items()}


def gesture_angles() -> dict[str, Angles15]:
    """Angles of fist, OK sign and pointing, radians; they are for pictures and tests and not part of the prior."""
    return {name: _angles(row) for name, row in _GESTURES.items()}


def _angles(row: _Row) -> Angles15:
    *fingers, thumb = row
    angles = np.zeros((15, 3))
    for name, (flexion, abduction, pip, dip) in zip(("index", "middle", "ring", "pinky"), fingers, strict=True):
        first = FINGER_JOINTS[name][0] - 1
        angles[first] = flexion, abduction, 0.0
        angles[first + 1, 0] = pip
        angles[first + 2, 0] = dip
    angles[12] = thumb[:3]
    angles[13:, 0] = thumb[3:]
    return np.radians(angles)


def angle_covariance() -> Float[NDArray[np.float64], "45 45"]:
    """Covariance of the variation within one grasp, rad²: the sum of independent, named causes.

    Closing of all fingers together, closing of one finger with the DIP following the PIP by two thirds (Hahn et al.,
    J. Hand Surg. 20B, 1995), each joint alone, spreading, and the thumb's opposition.
    """
    causes: list[Float[NDArray[np.float64], "15 3"]] = []
    fingers = [FINGER_JOINTS[name][0] - 1 for name in ("index", "middle", "ring", "pinky")]
    everything = np.zeros((15, 3))
    spread = np.zeros((15, 3))
    for place, first in enumerate(fingers):
        everything[first : first + 3, 0] = 8.0, 9.0, 6.0
        spread[first, 1] = (1.5 - place) * 3.0
        for moves in ((7.0, 0.0, 0.0), (0.0, 9.0, 6.0)):
            cause = np.zeros((15, 3))
            cause[first : first + 3, 0] = moves
            causes.append(cause)
    opposition = np.zeros((15, 3))
    opposition[12] = 5.0, 7.0, -6.0
    opposition[13:, 0] = 5.0, 7.0
    alone = np.full((15, 3), 1.5)
    alone[:, 0] = 4.0
    alone[[*fingers, 12], 1] = 4.0
    alone[12, 2], alone[14, 0] = 4.0, 8.0
    factors = np.radians(np.array([everything, spread, opposition, *causes]).reshape(-1, 45))
    return np.asarray(factors.T @ factors + np.diag(np.radians(alone).reshape(45) ** 2))


def angle_prior() -> tuple[Float[NDArray[np.float64], "45"], Float[NDArray[np.float64], "45 45"]]:
    """Mean and covariance of real grasps over (joint, flexion–abduction–twist), radians.

    Each named grasp counts once; the covariance is the spread between the grasps plus that within one.
    """
    grasps = np.stack([angles.reshape(45) for angles in grasp_angles().values()])
    mean = np.clip(grasps.mean(axis=0).reshape(15, 3), JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1]).reshape(45)
    return mean, np.cov(grasps.T, bias=True) + angle_covariance()
