"""Random hands for synthetic scenes: empty ones, and ones that hold an instrument as a sampled grasp does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import angle_covariance, gesture_angles, grasp_angles, joint_frames, pose_from_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.joints import JOINT_LIMITS
from hoi_perception.hands.mirroring import mirror_axis_angle
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.synthesis.metalware import metalware
from hoi_perception.synthesis.scene import Pose, SceneInstrument
from hoi_perception.synthesis.skin import right_handed
from hoi_perception.synthesis.staging import Actor
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

Array = NDArray[np.float64]
EVERYDAY = ("cube", "cup_16oz", "mug")
"""Things of the library that are no instruments; hands hold them less often."""
_EVERYDAY_WEIGHT = 0.3


def holding(grasps: Sequence[GraspTruth], side: Side, rng: np.random.Generator) -> Actor | None:
    """A random grasp by that hand; None where there is none."""
    own = [grasp for grasp in grasps if grasp.side is side]
    if not own:
        return None
    weights = np.array([_EVERYDAY_WEIGHT if grasp.instrument in EVERYDAY else 1.0 for grasp in own])
    grasp = own[int(rng.choice(len(own), p=weights / weights.sum()))]
    R = np.asarray(rotation_from_axis_angle(grasp.hand.pose[0]))
    pose = Pose(R.T @ grasp.R_camera_instrument, R.T @ (grasp.t_camera_instrument - grasp.hand.wrist_camera))
    held = SceneInstrument(grasp.instrument, pose, grasp.joint_positions)
    ware = metalware(grasp.instrument)
    tips = ware.model.description.tips
    aim = None
    if tips:
        ahead = pose.R @ np.array([1.0, 0.0, 0.0])
        aim = ahead * (1.0 if tips[0].pose.t[0] >= 0.0 else -1.0)
    return Actor(side, grasp.hand.pose[1:], grasp.hand.shape, held, aim)


def empty_handed(side: Side, rng: np.random.Generator, *, open_hand: bool) -> Actor:
    """An open hand, or else one in any named pose half of the time; always varied as people vary."""
    flat = grasp_angles()["flat"].copy()
    if open_hand or rng.random() < 0.5:
        angles = flat
        fingers = [0, 3, 6, 9]
        angles[fingers, 0] += np.radians(rng.uniform(0.0, 25.0))
        angles[[f + 1 for f in fingers], 0] += np.radians(rng.uniform(0.0, 30.0))
        angles[12, :2] += np.radians(rng.uniform([0.0, 5.0], [15.0, 35.0]))
    else:
        named = {**grasp_angles(), **gesture_angles()}
        angles = named[sorted(named)[int(rng.integers(len(named)))]].copy()
    factor = _angle_factor()
    angles = angles + 0.7 * (factor @ rng.standard_normal(factor.shape[1])).reshape(15, 3)
    angles = np.clip(angles, JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1])
    shape = np.clip(rng.standard_normal(10), -1.8, 1.8) * 0.8
    hand = _model(side).with_shape(shape)
    pose = pose_from_angles(angles, joint_frames(right_handed(hand, hand.joints21_rest()))).reshape(15, 3)
    if side is Side.LEFT:
        pose = np.asarray(mirror_axis_angle(pose), dtype=np.float64)
    return Actor(side, pose, shape)


@lru_cache(maxsize=2)
def _model(side: Side) -> HandModel:
    return HandModel.load(None, side)


@lru_cache(maxsize=1)
def _angle_factor() -> Float64[Array, "45 45"]:
    return np.asarray(np.linalg.cholesky(angle_covariance() + 1e-9 * np.eye(45)), dtype=np.float64)
