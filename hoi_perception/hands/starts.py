"""First guesses of a hand's state from its landmarks alone, for hands without a past.

The landmarks' pixels and relative depths form a flat-projection sketch of the hand; its palm is aligned with the
model's by a similarity. The depth sign of a sketch is its weakest part, so each sketch is tried as it is and mirrored
in depth, each with two postures.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import LANDMARK_BONE, HandState, Skeleton
from hoi_perception.hands.lifting_terms import AnglePrior, Observation
from hoi_perception.transforms import align_similarity

Array = NDArray[np.float64]
N_STARTS = 4
_PALM = np.array([0, 1, 5, 9, 13, 17])


def starting_states(
    skeleton: Skeleton, seen: Observation, prior: AnglePrior, curled: Float64[Array, "45"]
) -> HandState:
    """States (N_STARTS per hand of the batch, hand by hand) at which to start the fit."""
    states = [
        _start(skeleton.take(np.array([i])), seen.take(np.array([i])), flip, angles)
        for i in range(len(seen.points))
        for flip in (1.0, -1.0)
        for angles in (prior.mean, curled)
    ]
    return HandState.stack(states)


def _start(skeleton: Skeleton, seen: Observation, flip: float, angles: Float64[Array, "45"]) -> HandState:
    rest = skeleton.joints[0, LANDMARK_BONE] + skeleton.points[0]
    sketch = np.column_stack([seen.points[0], flip * seen.depth[0]])
    scale, R, _ = align_similarity(rest[_PALM], sketch[_PALM])
    ray_to_eye = _ray_rotation(seen.points[0].mean(axis=0))
    R = ray_to_eye @ R
    depth = 1.0 / max(scale, 1e-3)
    wrist = np.append(seen.points[0, 0], 1.0) * depth - R @ skeleton.points[0, 0]
    return HandState(wrist[None], R[None], angles[None].copy())


def _ray_rotation(center: Float64[Array, "2"]) -> Float64[Array, "3 3"]:
    """Smallest rotation from the optical axis to the ray through a point of the plane z = 1."""
    ray = np.append(center, 1.0) / np.sqrt(1.0 + center @ center)
    x, y, z = ray
    k = 1.0 / (1.0 + z)
    return np.array([[1 - x * x * k, -x * y * k, x], [-x * y * k, 1 - y * y * k, y], [-x, -y, z]])
