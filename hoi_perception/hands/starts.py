"""First guesses of a hand's state from its landmarks alone, for hands without a past.

The landmarks' pixels and relative depths form a flat-projection sketch of the hand; its palm is aligned with the
model's by a similarity. The depth sign of a sketch is its weakest part, so each sketch is tried as it is and mirrored
in depth, each with two postures. Where depths are not known, the sketch is flat: the hand is then tilted out of the
image both ways about two axes, as a flat sketch says how far it is tilted hardly, and which way not at all.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import LANDMARK_BONE, HandState, Skeleton
from hoi_perception.hands.lifting_terms import AnglePrior, Observation
from hoi_perception.transforms import align_similarity, rotation_from_axis_angle

Array = NDArray[np.float64]
_TILT = float(np.radians(40.0))
_MIDDLE = 9
_PALM = np.array([0, 1, 5, 9, 13, 17])


def n_starts(seen: Observation) -> int:
    """Starts for each hand of a batch."""
    return 4 if _depth_known(seen).all() else 8


def starting_states(
    skeleton: Skeleton, seen: Observation, prior: AnglePrior, curled: Float64[Array, "45"]
) -> HandState:
    """States (`n_starts` for each hand of the batch, hand by hand) at which to start the fit."""
    states = [
        _start(skeleton.take(np.array([i])), seen.take(np.array([i])), sign, along, angles)
        for i in range(len(seen.points))
        for along in ((False,) if n_starts(seen) == 4 else (False, True))
        for sign in (1.0, -1.0)
        for angles in (prior.mean, curled)
    ]
    return HandState.stack(states)


def _depth_known(seen: Observation) -> Bool[NDArray[np.bool_], " b"]:
    return np.asarray((seen.depth_weight > 0.0).any(axis=1))


def _start(skeleton: Skeleton, seen: Observation, sign: float, along: bool, angles: Float64[Array, "45"]) -> HandState:
    """One start; `sign` is that of the depths or, where they are not known, of a tilt across or along the hand."""
    rest = skeleton.joints[0, LANDMARK_BONE] + skeleton.points[0]
    sketch = np.column_stack([seen.points[0], sign * seen.depth[0]])
    scale, R, _ = align_similarity(rest[_PALM], sketch[_PALM])
    if not _depth_known(seen)[0]:
        x, y = seen.points[0, _MIDDLE] - seen.points[0, 0]
        axis = np.array([x, y, 0.0] if along else [-y, x, 0.0])
        R = rotation_from_axis_angle(sign * _TILT * axis / max(np.hypot(x, y), 1e-9)) @ R
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
