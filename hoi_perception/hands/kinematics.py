"""Where the 21 landmarks of a hand are for a state of its skeleton, with the analytic Jacobian.

A landmark is a point fixed to one bone: a joint centre or a finger tip plus a calibrated offset. The state of a hand is
the wrist's place, the global rotation and 45 anatomical angles (flexion, abduction, twist of the 15 joints, see
`anatomy`). Its tangent has 51 coordinates: 0-2 wrist translation (m), 3-5 rotation about the fixed axes of the camera
(rad, left-multiplied), 6-50 angles (rad). Everything is batched over hands and hypotheses (b).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.joints import OPENPOSE_FROM_21, PARENTS
from hoi_perception.transforms import rotation_from_axis_angle, skew

Array = NDArray[np.float64]
N_STATE = 51
N_ANGLES = 45

# Landmarks in OpenPose order: the bone that carries each point, and the joint whose centre it is (tips: 16 to 20).
LANDMARK_JOINT = OPENPOSE_FROM_21
LANDMARK_BONE = np.array([0, 13, 14, 15, 15, 1, 2, 3, 3, 4, 5, 6, 6, 10, 11, 12, 12, 7, 8, 9, 9])
_LEVELS = (np.array([1, 4, 7, 10, 13]), np.array([2, 5, 8, 11, 14]), np.array([3, 6, 9, 12, 15]))


def _moved_by() -> NDArray[np.float64]:
    """(21, 15) 1 where a landmark's bone is at or below joint 1-15."""
    out = np.zeros((21, 15))
    for i, bone in enumerate(LANDMARK_BONE):
        joint = int(bone)
        while joint > 0:
            out[i, joint - 1] = 1.0
            joint = int(PARENTS[joint])
    return out


_MOVED_BY = _moved_by()


@dataclass(frozen=True)
class Skeleton:
    """Rest geometry of a batch of right hands: joints, landmark points relative to their bone's joint, joint frames."""

    joints: Float64[Array, "b 16 3"]
    points: Float64[Array, "b 21 3"]
    frames: Float64[Array, "b 15 3 3"]

    @staticmethod
    def stack(skeletons: Sequence[Skeleton]) -> Skeleton:
        """One batch of several."""
        return Skeleton(
            np.concatenate([s.joints for s in skeletons]),
            np.concatenate([s.points for s in skeletons]),
            np.concatenate([s.frames for s in skeletons]),
        )

    def take(self, index: NDArray[np.intp]) -> Skeleton:
        """The entries `index` of the batch."""
        return Skeleton(self.joints[index], self.points[index], self.frames[index])


@dataclass(frozen=True)
class HandState:
    """Wrist place (m, camera), global rotation and anatomical angles (rad) of a batch of right hands."""

    wrist: Float64[Array, "b 3"]
    rotation: Float64[Array, "b 3 3"]
    angles: Float64[Array, "b 45"]

    @staticmethod
    def stack(states: Sequence[HandState]) -> HandState:
        """One batch of several."""
        return HandState(
            np.concatenate([s.wrist for s in states]),
            np.concatenate([s.rotation for s in states]),
            np.concatenate([s.angles for s in states]),
        )

    def plus(self, step: Float64[Array, "b 51"]) -> HandState:
        """The state moved along a tangent vector."""
        return HandState(
            self.wrist + step[:, :3],
            rotation_from_axis_angle(step[:, 3:6]) @ self.rotation,
            self.angles + step[:, 6:],
        )

    def take(self, index: NDArray[np.intp]) -> HandState:
        """The entries `index` of the batch."""
        return HandState(self.wrist[index], self.rotation[index], self.angles[index])


@dataclass(frozen=True)
class PosedSkeleton:
    """Landmarks and joints in the camera frame, with what the Jacobian needs."""

    landmarks: Float64[Array, "b 21 3"]
    joints: Float64[Array, "b 16 3"]
    rotations: Float64[Array, "b 16 3 3"]
    axes: Float64[Array, "b 15 3 3"]


def pose_skeleton(skeleton: Skeleton, state: HandState) -> PosedSkeleton:
    """Forward kinematics. `axes[..., j, k, :]` is the world axis of angle k of joint j + 1."""
    b = state.wrist.shape[0]
    local, local_axes = _joint_rotations(state.angles.reshape(b, 15, 3), skeleton.frames)
    rotations = np.empty((b, 16, 3, 3))
    joints = np.empty((b, 16, 3))
    axes = np.empty((b, 15, 3, 3))
    rotations[:, 0], joints[:, 0] = state.rotation, state.wrist
    for level in _LEVELS:
        parent = PARENTS[level]
        R = rotations[:, parent]
        bone = skeleton.joints[:, level] - skeleton.joints[:, parent]
        joints[:, level] = joints[:, parent] + (R @ bone[..., None])[..., 0]
        rotations[:, level] = R @ local[:, level - 1]
        axes[:, level - 1] = local_axes[:, level - 1] @ np.swapaxes(R, -1, -2)
    carried = (rotations[:, LANDMARK_BONE] @ skeleton.points[..., None])[..., 0]
    return PosedSkeleton(joints[:, LANDMARK_BONE] + carried, joints, rotations, axes)


def _joint_rotations(
    angles: Float64[Array, "b 15 3"], frames: Float64[Array, "b 15 3 3"]
) -> tuple[Float64[Array, "b 15 3 3"], Float64[Array, "b 15 3 3"]]:
    """F Rx Ry Rz F^T and the three axes (rows) about which the angles turn, in the parent's rest frame."""
    c, s = np.cos(angles), np.sin(angles)
    cx, cy, cz = c[..., 0], c[..., 1], c[..., 2]
    sx, sy, sz = s[..., 0], s[..., 1], s[..., 2]
    R = np.empty((*angles.shape, 3))
    R[..., 0, 0], R[..., 0, 1], R[..., 0, 2] = cy * cz, -cy * sz, sy
    R[..., 1, 0], R[..., 1, 1], R[..., 1, 2] = cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy
    R[..., 2, 0], R[..., 2, 1], R[..., 2, 2] = sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy
    axes = np.zeros((*angles.shape, 3))
    axes[..., 0, 0] = 1.0
    axes[..., 1, 1], axes[..., 1, 2] = cx, sx
    axes[..., 2, 0], axes[..., 2, 1], axes[..., 2, 2] = sy, -sx * cy, cx * cy
    frames_t = np.swapaxes(frames, -1, -2)
    return frames @ R @ frames_t, axes @ frames_t


def landmark_jacobian(posed: PosedSkeleton) -> Float64[Array, "b 21 3 51"]:
    """Derivative of the landmarks along the state's tangent."""
    x = posed.landmarks
    b = x.shape[0]
    J = np.zeros((b, 21, 3, N_STATE))
    J[..., 0, 0] = J[..., 1, 1] = J[..., 2, 2] = 1.0
    J[..., 3:6] = -skew(x - posed.joints[:, :1])
    arm = (x[:, :, None] - posed.joints[:, None, 1:]) * _MOVED_BY[None, :, :, None]
    axes = posed.axes.reshape(b, 1, 15, 3, 3)
    turned = _cross(axes, arm[:, :, :, None, :])
    J[..., 6:] = np.moveaxis(turned.reshape(b, 21, 45, 3), -1, -2)
    return J


def _cross(a: Array, b: Array) -> Array:
    """Cross product over the last axis, several times quicker than `np.cross` on small batches."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def shape_jacobian(
    posed: PosedSkeleton,
    joint_directions: Float64[Array, "16 3 s"],
    point_directions: Float64[Array, "21 3 s"],
) -> Float64[Array, "b 21 3 s"]:
    """Derivative of the landmarks along shape components, which move rest joints and landmark points linearly."""
    R = posed.rotations
    moved = np.zeros((R.shape[0], *joint_directions.shape))
    for level in _LEVELS:
        parent = PARENTS[level]
        moved[:, level] = moved[:, parent] + R[:, parent] @ (joint_directions[level] - joint_directions[parent])
    return np.asarray(moved[:, LANDMARK_BONE] + R[:, LANDMARK_BONE] @ point_directions)
