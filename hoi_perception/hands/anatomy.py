"""Anatomical angles of the hand: frames of flexion, abduction and twist, and rotations to and from them.

Everything takes the rest joints of a right hand alone, so it serves the open hand and a MANO file alike (a left
hand is mirrored first). Signs, seen on the right hand:

- flexion > 0 curls toward the palm (the thumb: toward its own pad, across the palm);
- abduction > 0 turns a finger toward the thumb's side (the thumb: away from the palm, palmar abduction);
- twist > 0 turns about the bone, pointing to the tip, by the right-hand rule (pronation of the thumb is negative).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.hands.grasps import angle_covariance, angle_prior, gesture_angles, grasp_angles
from hoi_perception.hands.joints import (
    FINGER_JOINTS,
    FINGERS,
    JOINT_LIMITS,
    JOINT_NAMES,
    OPENPOSE_FROM_21,
    PARENTS,
    TIP_NAMES,
    TIP_ROWS,
    Fingertips,
)
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle

__all__ = [
    "FINGERS",
    "FINGER_JOINTS",
    "JOINT_LIMITS",
    "JOINT_NAMES",
    "OPENPOSE_FROM_21",
    "PARENTS",
    "TIP_NAMES",
    "TIP_ROWS",
    "Fingertips",
    "angle_covariance",
    "angle_prior",
    "angles_from_pose",
    "angles_from_rotations",
    "gesture_angles",
    "grasp_angles",
    "joint_frames",
    "palm_normal",
    "pose_from_angles",
    "rotations_from_angles",
]

Joints21 = Float[NDArray[np.float64], "21 3"]
Frames = Float[NDArray[np.float64], "15 3 3"]
Angles = Float[NDArray[np.float64], "*batch 15 3"]
Rotations = Float[NDArray[np.float64], "*batch 15 3 3"]
Pose = Float[NDArray[np.float64], "*batch 45"]

FINGER_ROLL_DEG = {"index": -4.0, "middle": 0.0, "ring": 6.0, "pinky": 12.0, "thumb": -65.0}
"""Turn of a finger's back away from the back of the palm, positive toward the little finger.

The metacarpal heads stand on an arch, so the fingers converge on the scaphoid when they flex, and the thumb's nail
is roughly square to the others (Kapandji, The Physiology of the Joints, vol. 1)."""


def palm_normal(joints_rest: Joints21) -> Float[NDArray[np.float64], "3"]:
    """Unit normal of the palm's plane on the back of a right hand."""
    wrist, index, pinky = joints_rest[0], joints_rest[1], joints_rest[7]
    normal = np.cross(pinky - wrist, index - wrist)
    return np.asarray(normal / np.linalg.norm(normal))


def joint_frames(joints_rest: Joints21) -> Frames:
    """Right-handed frames of the 15 joints at rest, columns flexion, abduction and bone axis.

    `joints_rest` are the 16 joints and the five fingertips (thumb to pinky) of a right hand in rest pose; only their
    relative places count. The bone axis points to the next joint or the tip, the abduction axis out of the finger's
    back, so that a positive turn about the first column curls the finger.
    """
    normal = palm_normal(joints_rest)
    frames = np.empty((15, 3, 3))
    for finger, (first, _, last) in FINGER_JOINTS.items():
        chain = np.vstack([joints_rest[first : last + 1], joints_rest[TIP_ROWS[finger]]])
        bones = np.diff(chain, axis=0)
        bones /= np.linalg.norm(bones, axis=1, keepdims=True)
        roll = np.radians(FINGER_ROLL_DEG[finger])
        for row, bone in enumerate(bones):
            side = np.cross(normal, bone)  # toward the thumb for a finger, away from the fingers for the thumb
            side /= np.linalg.norm(side)
            back = np.cos(roll) * np.cross(bone, side) - np.sin(roll) * side
            frames[first - 1 + row] = np.column_stack([np.cross(back, bone), back, bone])
    return frames


def rotations_from_angles(angles: Angles, frames: Frames) -> Rotations:
    """Joint rotations R = F Rx(flexion) Ry(abduction) Rz(twist) Fᵀ of the 15 joints."""
    sin, cos = np.sin(angles), np.cos(angles)
    (sx, sy, sz), (cx, cy, cz) = np.moveaxis(sin, -1, 0), np.moveaxis(cos, -1, 0)
    rows = [
        [cy * cz, -cy * sz, sy],
        [cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy],
        [sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy],
    ]
    local = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    return np.asarray(frames @ local @ np.swapaxes(frames, -1, -2))


def angles_from_rotations(rotations: Rotations, frames: Frames) -> Angles:
    """Flexion, abduction and twist of joint rotations, the inverse of `rotations_from_angles`.

    Abduction lies in [−π/2, π/2], which no joint of a hand reaches.
    """
    local = np.swapaxes(frames, -1, -2) @ rotations @ frames
    flexion = np.arctan2(-local[..., 1, 2], local[..., 2, 2])
    abduction = np.arcsin(np.clip(local[..., 0, 2], -1.0, 1.0))
    twist = np.arctan2(-local[..., 0, 1], local[..., 0, 0])
    return np.stack([flexion, abduction, twist], axis=-1)


def pose_from_angles(angles: Angles, frames: Frames) -> Pose:
    """Articulation as MANO's axis-angle vector of 45 about the flat rest pose."""
    vectors = np.asarray(axis_angle_from_rotation(rotations_from_angles(angles, frames)), dtype=np.float64)
    return vectors.reshape(*vectors.shape[:-2], 45)


def angles_from_pose(pose: Pose, frames: Frames) -> Angles:
    """Anatomical angles of MANO's articulation, the inverse of `pose_from_angles`; flat-hand convention."""
    vectors = pose.reshape(*pose.shape[:-1], 15, 3)
    return angles_from_rotations(np.asarray(rotation_from_axis_angle(vectors), dtype=np.float64), frames)
