"""Forward kinematics and linear blend skinning on MANO's skeleton, batched over leading dimensions."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray

from hoi_perception.hands.joints import PARENTS

Array = NDArray[np.float64]
_LEVELS = (np.array([1, 4, 7, 10, 13]), np.array([2, 5, 8, 11, 14]), np.array([3, 6, 9, 12, 15]))


def chain_transforms(
    rotations: Float[Array, "*b 16 3 3"], joints_rest: Float[Array, "*c 16 3"]
) -> Float64[Array, "*d 16 4 4"]:
    """Forward kinematics: each joint's frame, joint 0 at its rest place, from rotations relative to parents."""
    batch = np.broadcast_shapes(rotations.shape[:-3], joints_rest.shape[:-2])
    R, p = np.empty((*batch, 16, 3, 3)), np.empty((*batch, 16, 3))
    R[..., 0, :, :], p[..., 0, :] = rotations[..., 0, :, :], joints_rest[..., 0, :]
    for level in _LEVELS:
        parent = PARENTS[level]
        bone = joints_rest[..., level, :] - joints_rest[..., parent, :]
        R_parent = R[..., parent, :, :]
        R[..., level, :, :] = R_parent @ rotations[..., level, :, :]
        p[..., level, :] = p[..., parent, :] + (R_parent @ bone[..., None])[..., 0]
    out = np.zeros((*batch, 16, 4, 4))
    out[..., :3, :3], out[..., :3, 3], out[..., 3, 3] = R, p, 1.0
    return out


def skin(
    points_rest: Float[Array, "*b v 3"],
    transforms: Float[Array, "*d 16 4 4"],
    joints_rest: Float[Array, "*c 16 3"],
    weights: Float[Array, "v 16"],
) -> Float64[Array, "*d v 3"]:
    """Linear blend skinning of points given in the rest pose."""
    motion = np.empty((*transforms.shape[:-2], 4, 3))  # (*b, 16, 4, 3): transposed, so that blends stay contiguous
    motion[..., :3, :] = np.swapaxes(transforms[..., :3, :3], -1, -2)
    motion[..., 3, :] = transforms[..., :3, 3] - (transforms[..., :3, :3] @ joints_rest[..., None])[..., 0]
    blended = (weights @ motion.reshape(*motion.shape[:-2], 12)).reshape(*motion.shape[:-3], -1, 4, 3)
    return np.asarray(np.einsum("...vi,...vij->...vj", points_rest, blended[..., :3, :]) + blended[..., 3, :])
