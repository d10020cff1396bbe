"""The clip that `hoi-perception demo` shows: two open hands in motion, with their truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.hands.anatomy import joint_frames, pose_from_angles
from hoi_perception.hands.hand_model import HandModel, PosedHand, ShapedHand
from hoi_perception.hands.mirroring import mirror_axis_angle
from hoi_perception.synthesis.arm import Arm, continue_arm, wrist_loop
from hoi_perception.synthesis.motion import HandMotion, demo_motion
from hoi_perception.synthesis.skin import SkinLayout, complexion, right_handed, skin_layout
from hoi_perception.synthesis.studio import Studio
from hoi_perception.synthesis.table import Table
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import Frame, HandParameters, Side

FOV_DEG = 55.0
FRAME_PERIOD_NS = 33_333_333
_ELBOW_TABLE = {Side.LEFT: (-0.25, -0.37, 0.13), Side.RIGHT: (0.25, -0.37, 0.13)}


@dataclass(frozen=True)
class TrueHand:
    """What is known of one rendered hand, in the camera's frame: 21 joints in OpenPose order, 778 vertices, metres."""

    side: Side
    parameters: HandParameters
    joints_camera: Float64[NDArray[np.float64], "21 3"]
    vertices_camera: Float64[NDArray[np.float64], "778 3"]


@dataclass(frozen=True)
class _Actor:
    """One hand with all that stays the same over the clip."""

    hand: ShapedHand
    motion: HandMotion
    poses: Float64[NDArray[np.float64], "n 16 3"]
    layout: SkinLayout
    loop: NDArray[np.int64]
    elbow_camera: Float64[NDArray[np.float64], "3"]

    def posed(self, index: int) -> PosedHand:
        return self.hand.with_pose_at_wrist(self.poses[index], self.motion.wrist_camera[index])

    def arm(self, posed: PosedHand, index: int) -> Arm:
        """The posed hand with its forearm; texture places are those of a right hand."""
        side = self.hand.model.side
        away = np.array([1.0, 0.0, 0.0]) if side is Side.RIGHT else np.array([-1.0, 0.0, 0.0])
        R = self.motion.R_camera_hand[index]
        rest = self.hand.vertices_rest
        arm = continue_arm(posed.vertices, rest, posed.faces, self.loop, R, self.elbow_camera, away)
        return replace(arm, rest=right_handed(self.hand, arm.rest))

    def truth(self, posed: PosedHand, index: int) -> TrueHand:
        parameters = HandParameters(self.poses[index], self.hand.shape, self.motion.wrist_camera[index])
        return TrueHand(self.hand.model.side, parameters, posed.joints21(), posed.vertices)


def demo_frames(
    n_frames: int = 90, width: int = 1280, height: int = 720, seed: int = 0, *, hand_model: str = ""
) -> Iterator[tuple[Frame, tuple[TrueHand, ...]]]:
    """Frames at 30 per second with the truth of the left and the right hand; the same seed gives the same bytes.

    The hands are the package's open hand, or those of a hand file.
    """
    table = Table()
    camera = camera_from_fov(width, height, FOV_DEG, assumed=False)
    studio = Studio.build(camera, table, complexion(seed))
    actors = [_actor(side, hand_model, n_frames, table, seed) for side in (Side.LEFT, Side.RIGHT)]
    for index in range(n_frames):
        posed = [actor.posed(index) for actor in actors]
        arms = [actor.arm(hand, index) for actor, hand in zip(actors, posed, strict=True)]
        image = studio.photograph(arms, [actor.layout for actor in actors], noise_seed=1000 * seed + index)
        truth = tuple(actor.truth(hand, index) for actor, hand in zip(actors, posed, strict=True))
        yield Frame(image, camera, index * FRAME_PERIOD_NS), truth


def _actor(side: Side, hand_model: str, n_frames: int, table: Table, seed: int) -> _Actor:
    shape = np.random.RandomState(seed + 91).uniform(-0.6, 0.6, 10) if seed else np.zeros(10)
    hand = HandModel.load(hand_model, side).with_shape(shape)
    motion = demo_motion(side, n_frames, table, seed)
    return _Actor(
        hand=hand,
        motion=motion,
        poses=_poses(hand, motion),
        layout=skin_layout(hand),
        loop=wrist_loop(hand.model.faces),
        elbow_camera=table.to_camera(np.array(_ELBOW_TABLE[side])),
    )


def _poses(hand: ShapedHand, motion: HandMotion) -> Float64[NDArray[np.float64], "n 16 3"]:
    """MANO's axis-angle pose of every frame; anatomical angles are those of a right hand, so a left one is mirrored."""
    frames = joint_frames(right_handed(hand, hand.joints21_rest()))
    articulation = pose_from_angles(motion.angles, frames).reshape(-1, 15, 3)
    if hand.model.side is Side.LEFT:
        articulation = np.asarray(mirror_axis_angle(articulation), dtype=np.float64)
    return np.concatenate([axis_angle_from_rotation(motion.R_camera_hand)[:, None], articulation], axis=1)
