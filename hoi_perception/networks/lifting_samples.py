"""Hands for the training of the lifting network: poses of the hand model, cameras, and what a landmark network sees.

No pictures are made. A landmark network that cannot see a finger draws another plausible one, so hidden fingers are
projected in another pose; what it sees it misplaces by a share of the hand's size that grows from the knuckle to the
tip, and the palm as a whole is a little stretched. Its depths are those of a hand tilted otherwise, at times turned
over. The usual sizes of these errors are those measured on renders with truth (docs/networks.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import JOINT_LIMITS, angle_prior, gesture_angles, grasp_angles
from hoi_perception.hands.joints import FINGER_JOINTS, TIP_NAMES
from hoi_perception.hands.kinematics import HandState, PosedSkeleton, Skeleton, pose_skeleton
from hoi_perception.hands.landmark_model import LandmarkModel
from hoi_perception.hands.lifting_terms import Observation
from hoi_perception.networks.canonical import Canonical, canonical
from hoi_perception.transforms import rotation_from_axis_angle, rotation_from_quaternion_wxyz

Array = NDArray[np.float64]
_FINGER_ANGLES = np.stack([np.arange(3 * (FINGER_JOINTS[f][0] - 1), 3 * FINGER_JOINTS[f][2]) for f in TIP_NAMES])
_ANY_POSE, _GRASP = 0.35, 0.65  # up to the first number from the pose prior, up to the second between named grasps
_PRIOR_SCALE = 1.3


@dataclass(frozen=True)
class LandmarkErrors:
    """Sizes of the errors of a landmark network; lengths as shares of the hand's box, angles in degrees.

    `seen` and `hidden` are the steps of a walk along a finger, `palm` the stretch of the whole; `spread` is the
    deviation of the logarithm of all lengths from hand to hand.
    """

    seen: float = 0.018
    hidden: float = 0.05
    palm: float = 0.07
    wrist: float = 0.045
    spread: float = 0.65
    fingers_hidden: float = 0.3
    pose_blend: float = 0.8
    depth_tilt_deg: float = 22.0
    depth_flipped: float = 0.1
    depth_scale: float = 0.6
    depth_unknown: float = 0.15
    hands_with_gaps: float = 0.25
    gap: float = 0.2


@dataclass(frozen=True)
class HandSamples:
    """A batch: what is seen, and the truth. `state` and `skeleton` are in the camera that saw `seen`."""

    seen: Observation
    view: Canonical
    skeleton: Skeleton
    shape: Float64[Array, "b 10"]
    state: HandState


@dataclass(frozen=True)
class Targets:
    """The truth as the network says it, float32: canonical rotation, angles (rad), wrist and depth, shape."""

    rotation: Float32[NDArray[np.float32], "b 3 3"]
    angles: Float32[NDArray[np.float32], "b 45"]
    wrist: Float32[NDArray[np.float32], "b 3"]
    shape: Float32[NDArray[np.float32], "b 10"]


class HandSampler:
    """Draws batches; the same generator gives the same batch. `held` are angles of hands that hold instruments."""

    def __init__(
        self, model: LandmarkModel, held: Float64[Array, "k 45"] | None = None, errors: LandmarkErrors | None = None
    ) -> None:
        self.model = model
        self.errors = errors or LandmarkErrors()
        named = np.stack([*grasp_angles().values(), *gesture_angles().values()]).reshape(-1, 45)
        self._named = named
        self._held = named if held is None or len(held) == 0 else held
        mean, covariance = angle_prior()
        self._mean = mean
        self._root = _PRIOR_SCALE * np.linalg.cholesky(covariance)

    def draw(self, rng: np.random.Generator, count: int) -> HandSamples:
        """`count` hands, each before its own camera."""
        shape = np.clip(rng.standard_normal((count, 10)), -1.8, 1.8) * 0.8
        skeleton = self.model.skeleton(shape)
        state = self._before_camera(rng, self._angles(rng, count), skeleton)
        seen = self._as_seen(rng, skeleton, state)
        return HandSamples(seen, canonical(seen), skeleton, shape, state)

    def _angles(self, rng: np.random.Generator, count: int) -> Float64[Array, "n 45"]:
        """Poses by the prior, between named grasps, and of library grasps, all varied and within limits."""
        kind = rng.random((count, 1))
        prior = self._mean + rng.standard_normal((count, 45)) @ self._root.T
        a, b = (self._named[rng.integers(len(self._named), size=count)] for _ in range(2))
        share = rng.random((count, 1))
        alone = np.tile([0.15, 0.06, 0.03], 15)
        between = share * a + (1.0 - share) * b + rng.standard_normal((count, 45)) * alone
        varied = 0.5 * (rng.standard_normal((count, 45)) @ self._root.T)
        holding = self._held[rng.integers(len(self._held), size=count)] + varied
        angles = np.where(kind < _ANY_POSE, prior, np.where(kind < _GRASP, between, holding))
        limits = JOINT_LIMITS.reshape(45, 2)
        return np.clip(angles, limits[:, 0], limits[:, 1])

    def _before_camera(self, rng: np.random.Generator, angles: Float64[Array, "n 45"], skeleton: Skeleton) -> HandState:
        """Any rotation, 2.2 to 18 palms away, up to some 40 degrees off the axis."""
        count = len(angles)
        q = rng.standard_normal((count, 4))
        unit = q / np.linalg.norm(q, axis=1, keepdims=True)
        R = np.asarray(rotation_from_quaternion_wxyz(unit), dtype=np.float64)
        depth = palm_lengths(skeleton) * np.exp(rng.uniform(np.log(2.2), np.log(18.0), count))
        ray = rng.uniform(-0.6, 0.6, (count, 2))
        at = HandState(np.zeros((count, 3)), R, angles)
        middle = pose_skeleton(skeleton, at).landmarks.mean(axis=1)
        place = np.concatenate([ray, np.ones((count, 1))], axis=1) * depth[:, None] - middle
        nearest = (pose_skeleton(skeleton, at).landmarks[..., 2].min(axis=1) + place[:, 2]) / depth
        place[:, 2] += np.maximum(0.35 - nearest, 0.0) * depth
        return HandState(place, R, angles)

    def _as_seen(self, rng: np.random.Generator, skeleton: Skeleton, state: HandState) -> Observation:
        """Landmarks with the network's errors."""
        e, count = self.errors, len(state.wrist)
        much = np.minimum(np.exp(rng.normal(0.0, e.spread, count)), 3.0)
        rate = np.clip(rng.exponential(e.fingers_hidden, (count, 1)), 0.0, 0.9)
        hidden = rng.random((count, 5)) < rate
        posed = pose_skeleton(skeleton, HandState(state.wrist, state.rotation, self._drawn(rng, state.angles, hidden)))
        points = posed.landmarks[..., :2] / np.maximum(posed.landmarks[..., 2:], 1e-3)
        size = np.ptp(points, axis=1).max(axis=1)
        walk = np.where(hidden, e.hidden, e.seen)[:, :, None, None] * rng.standard_normal((count, 5, 4, 2))
        off = np.zeros((count, 21, 2))
        off[:, 1:] = np.cumsum(walk, axis=2).reshape(count, 20, 2)
        off[:, 0] = rng.normal(0.0, e.wrist, (count, 2))
        off += rng.normal(0.0, 0.3 * e.seen, off.shape)
        stretch = rng.normal(0.0, e.palm, (count, 2, 2))
        rest = (points - points.mean(axis=1, keepdims=True)) / size[:, None, None]
        off += rest @ stretch
        points = points + off * (much * size)[:, None, None]
        depth = self._depths(rng, posed, points)
        gaps = (rng.random((count, 1)) < e.hands_with_gaps) & (rng.random((count, 21)) < e.gap)
        known = rng.random((count, 1)) >= e.depth_unknown
        weight = np.where(gaps, 0.0, 1.0)
        return Observation(points, np.where(known, depth, 0.0), weight, weight * known)

    def _drawn(
        self, rng: np.random.Generator, angles: Float64[Array, "b 45"], hidden: Bool[NDArray[np.bool_], "b 5"]
    ) -> Float64[Array, "b 45"]:
        """The angles with those of hidden fingers part of the way to another pose's."""
        other = self._angles(rng, len(angles))
        share = np.zeros_like(angles)
        blend = rng.uniform(0.0, self.errors.pose_blend, hidden.shape) * hidden
        for finger, own in enumerate(_FINGER_ANGLES):
            share[:, own] = blend[:, finger : finger + 1]
        return angles + share * (other - angles)

    def _depths(
        self, rng: np.random.Generator, posed: PosedSkeleton, points: Float64[Array, "b 21 2"]
    ) -> Float64[Array, "b 21"]:
        """Relative depths along the hand's ray of the hand tilted otherwise, at another scale, at times reversed."""
        e, count = self.errors, len(points)
        ray = np.concatenate([points.mean(axis=1), np.ones((count, 1))], axis=1)
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        tilt = rng.normal(0.0, np.radians(e.depth_tilt_deg), (count, 3))
        turned = np.asarray(rotation_from_axis_angle(tilt))
        about = (posed.landmarks - posed.landmarks[:, :1]) @ np.swapaxes(turned, -1, -2)
        scale = np.exp(rng.normal(-0.1, e.depth_scale, count)) * np.where(
            rng.random(count) < e.depth_flipped, -1.0, 1.0
        )
        z0 = np.maximum(posed.landmarks[:, :1, 2], 1e-3)
        return np.asarray((about @ ray[..., None])[..., 0] / z0 * scale[:, None])


def palm_lengths(skeleton: Skeleton) -> Float64[Array, " b"]:
    """From the wrist to the middle finger's knuckle, m."""
    return np.asarray(np.linalg.norm(skeleton.joints[:, 4] - skeleton.joints[:, 0], axis=1))


def targets_of(samples: HandSamples) -> Targets:
    """What the network should say of a batch."""
    view, state = samples.view, samples.state
    place = (view.R @ state.wrist[..., None])[..., 0]
    beside = (place[:, :2] / place[:, 2:] - view.center) / view.size[:, None]
    depth = np.log(np.maximum(place[:, 2], 1e-3) * view.size / palm_lengths(samples.skeleton))
    parts = (view.R @ state.rotation, state.angles, np.column_stack([beside, depth]), samples.shape)
    return Targets(*(part.astype(np.float32) for part in parts))
