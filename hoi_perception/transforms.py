"""Rotations and rigid motions, batched over leading dimensions.

Rotation matrices act on column vectors. Axis-angle vectors are in radians.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Array = NDArray[np.floating]
_SMALL_ANGLE = 1e-6


def skew(v: Float[Array, "*b 3"]) -> Float[Array, "*b 3 3"]:
    """Matrix of the cross product: `skew(a) @ b == cross(a, b)`."""
    out = np.zeros((*v.shape[:-1], 3, 3), dtype=v.dtype)
    out[..., 0, 1], out[..., 0, 2] = -v[..., 2], v[..., 1]
    out[..., 1, 0], out[..., 1, 2] = v[..., 2], -v[..., 0]
    out[..., 2, 0], out[..., 2, 1] = -v[..., 1], v[..., 0]
    return out


def rotation_from_axis_angle(v: Float[Array, "*b 3"]) -> Float[Array, "*b 3 3"]:
    """Exponential map of SO(3) (Rodrigues' formula), exact to second order at the identity."""
    angle2 = np.sum(v * v, axis=-1)[..., None, None]
    angle = np.sqrt(angle2)
    small = angle < _SMALL_ANGLE
    safe = np.where(small, 1.0, angle)
    a = np.where(small, 1.0 - angle2 / 6.0, np.sin(safe) / safe)
    b = np.where(small, 0.5 - angle2 / 24.0, (1.0 - np.cos(safe)) / (safe * safe))
    K = skew(v)
    return np.asarray(np.eye(3, dtype=v.dtype) + a * K + b * (K @ K))


def quaternion_wxyz_from_rotation(R: Float[Array, "*b 3 3"]) -> Float[Array, "*b 4"]:
    """Unit quaternion with w >= 0, from the largest of the four components, so it is stable for every rotation."""
    m = R
    t = np.stack(
        [
            1.0 + m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2],
            1.0 + m[..., 0, 0] - m[..., 1, 1] - m[..., 2, 2],
            1.0 - m[..., 0, 0] + m[..., 1, 1] - m[..., 2, 2],
            1.0 - m[..., 0, 0] - m[..., 1, 1] + m[..., 2, 2],
        ],
        axis=-1,
    )
    x, y, z = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    rows = np.stack(
        [
            np.stack([t[..., 0], x, y, z], axis=-1),
            np.stack([x, t[..., 1], xy, xz], axis=-1),
            np.stack([y, xy, t[..., 2], yz], axis=-1),
            np.stack([z, xz, yz, t[..., 3]], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(t, axis=-1)
    q = np.take_along_axis(rows, best[..., None, None], axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.asarray(np.where(q[..., :1] < 0, -q, q))


def rotation_from_quaternion_wxyz(q: Float[Array, "*b 4"]) -> Float[Array, "*b 3 3"]:
    """Rotation of a unit quaternion."""
    w, v = q[..., :1, None], q[..., 1:]
    K = skew(v)
    return np.asarray(np.eye(3, dtype=q.dtype) + 2.0 * w * K + 2.0 * (K @ K))


def axis_angle_from_rotation(R: Float[Array, "*b 3 3"]) -> Float[Array, "*b 3"]:
    """Logarithm of SO(3): axis-angle with an angle in [0, pi]."""
    q = quaternion_wxyz_from_rotation(R)
    norm = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(norm, q[..., :1])
    small = norm < _SMALL_ANGLE
    factor = np.where(small, 2.0, angle / np.where(small, 1.0, norm))
    return np.asarray(factor * q[..., 1:])


def align_similarity(
    source: Float[Array, "n 3"], target: Float[Array, "n 3"]
) -> tuple[float, Float[Array, "3 3"], Float[Array, "3"]]:
    """Scale, rotation (det +1) and translation that bring `source` nearest to `target` in least squares.

    Umeyama 1991, eq. 40-43.
    """
    mu_s, mu_t = source.mean(axis=0), target.mean(axis=0)
    s, t = source - mu_s, target - mu_t
    U, S, Vt = np.linalg.svd(t.T @ s)
    sign = np.ones(3)
    sign[2] = np.sign(np.linalg.det(U) * np.linalg.det(Vt))
    R = U @ np.diag(sign) @ Vt
    scale = float((S * sign).sum() / (s * s).sum())
    return scale, R, mu_t - scale * R @ mu_s
