"""Landmarks of a hand as the lifting network takes them: seen head-on, upright, of unit size.

A camera turned so that the hand's middle is on its axis, then rolled until the fingers point up, sees the same hand in
the same way wherever it is in the picture. What is left of the place is the size, which tells how strong perspective
is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.lifting_terms import Observation

Array = NDArray[np.float64]
N_FEATURES = 6
"""Of a landmark: x, y, confidence, depth, whether the depth is known, logarithm of the hand's size."""
_KNUCKLES = np.array([5, 9, 13, 17])
_USUAL_LOG_SIZE = -2.2
_DEPTH_RANGE = 4.0


@dataclass(frozen=True)
class Canonical:
    """The turned camera: rays `x` of the first are `R @ x` in it; `center` and `size` of the hand on its plane z = 1.

    `features` are float32; landmarks without confidence are zero in all of theirs but the size.
    """

    R: Float64[Array, "b 3 3"]
    center: Float64[Array, "b 2"]
    size: Float64[Array, " b"]
    features: NDArray[np.float32]


def canonical(seen: Observation) -> Canonical:
    """The landmarks of a batch of hands in their own cameras.

    The size is the root mean square distance of the landmarks that count from their middle.
    """
    valid = seen.point_weight > 0.0
    counts = valid.astype(np.float64)
    total = np.maximum(counts.sum(axis=1), 1.0)
    points = np.where(valid[..., None], seen.points, 0.0)
    middle = np.ones((len(points), 3))
    middle[:, :2] = points.sum(axis=1) / total[:, None]
    to_axis = rotation_to_axis(middle)
    turned = points @ to_axis[:, :, :2].swapaxes(1, 2) + to_axis[:, None, :, 2]
    points = turned[..., :2] / np.maximum(turned[..., 2:], 1e-3)
    roll = _roll(points, counts)
    points = (points @ roll[:, :2, :2].swapaxes(1, 2)) * counts[..., None]
    center = points.sum(axis=1) / total[:, None]
    off = (points - center[:, None]) * counts[..., None]
    size = np.sqrt(np.maximum((off * off).sum(axis=(1, 2)) / total, 1e-12))
    known = valid & (seen.depth_weight > 0.0)
    features = np.empty((*counts.shape, N_FEATURES), dtype=np.float32)
    features[..., :2] = off / size[:, None, None]
    features[..., 2] = counts
    features[..., 3] = np.where(known, np.clip(seen.depth / size[:, None], -_DEPTH_RANGE, _DEPTH_RANGE), 0.0)
    features[..., 4] = known
    features[..., 5] = (np.log(size) - _USUAL_LOG_SIZE)[:, None]
    return Canonical(roll @ to_axis, center, size, features)


def rotation_to_axis(rays: Float64[Array, "b 3"]) -> Float64[Array, "b 3 3"]:
    """Smallest rotations that bring rays (of positive z) onto the optical axis."""
    x, y, z = (rays / np.sqrt((rays * rays).sum(axis=1, keepdims=True))).T
    k = 1.0 / (1.0 + z)
    R = np.empty((len(rays), 3, 3))
    R[:, 0, 0], R[:, 0, 1], R[:, 0, 2] = 1.0 - x * x * k, -x * y * k, -x
    R[:, 1, 0], R[:, 1, 1], R[:, 1, 2] = R[:, 0, 1], 1.0 - y * y * k, -y
    R[:, 2, 0], R[:, 2, 1], R[:, 2, 2] = x, y, z
    return R


def _roll(points: Float64[Array, "b 21 2"], counts: Float64[Array, "b 21"]) -> Float64[Array, "b 3 3"]:
    """Turns about the axis that bring the knuckles straight above (-y) the wrist; none where those are missing."""
    share = counts[:, _KNUCKLES, None]
    total = share.sum(axis=1)
    knuckles = (share * points[:, _KNUCKLES]).sum(axis=1) / np.maximum(total, 1.0)
    up = (knuckles - points[:, 0]) * (counts[:, :1] * (total > 0.0))
    length = np.sqrt((up * up).sum(axis=1))
    no_way = length < 1e-9
    length[no_way] = 1.0
    R = np.zeros((len(points), 3, 3))
    R[:, 0, 0] = R[:, 1, 1] = np.where(no_way, 1.0, -up[:, 1] / length)
    R[:, 0, 1] = up[:, 0] / length
    R[:, 1, 0] = -R[:, 0, 1]
    R[:, 2, 2] = 1.0
    return R
