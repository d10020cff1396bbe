"""TF: where the frames are, against the hand model and numbers known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from example_scenes import example_hand, example_instrument, example_scene

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.ros import conversions
from hoi_perception.ros.conversions import pose_from_message
from hoi_perception.ros.frame_names import FrameNames
from hoi_perception.ros.messages import BagMessages
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import HandParameters, Side, TrackState

MESSAGES = BagMessages()
TIPS = ("thumb", "index", "middle", "ring", "pinky")


def posed_hand(side: Side = Side.RIGHT, *, bent: float = 0.4):
    """A hand whose joints belong to its parameters."""
    rng = np.random.default_rng(4)
    pose = rng.normal(scale=bent, size=(16, 3))
    pose[0] = [0.3, -0.9, 0.4]
    parameters = HandParameters(pose, rng.normal(size=10), np.array([0.1, -0.1, 0.5]))
    posed = HandModel.load(None, side).posed(parameters)
    return example_hand(side, parameters=parameters, joints_camera=posed.joints21()), posed


def placed(message: object) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each frame's rotation and origin in the root frame."""
    frames: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for stamped in message.transforms:
        t, q = stamped.transform.translation, stamped.transform.rotation
        R, t = pose_from_message(MESSAGES.make("geometry_msgs/msg/Pose", position=t, orientation=q))
        parent = frames.get(stamped.header.frame_id, (np.eye(3), np.zeros(3)))
        frames[stamped.child_frame_id] = (parent[0] @ R, parent[0] @ t + parent[1])
    return frames


@pytest.mark.parametrize("side", list(Side))
def test_tip_frames_are_at_the_tips_and_turn_with_the_last_bones(side: Side) -> None:
    hand, posed = posed_hand(side)
    frames = placed(conversions.tf_message(example_scene(hand), MESSAGES, tips=True))
    assert list(frames) == [f"hand_{side.label}", *(f"hand_{side.label}_{tip}_tip" for tip in TIPS)]
    np.testing.assert_allclose(frames[f"hand_{side.label}"][1], hand.parameters.wrist_camera, atol=1e-12)
    last_bones = {"thumb": 15, "index": 3, "middle": 6, "ring": 12, "pinky": 9}  # MANO's order of joints
    for finger, tip in enumerate(TIPS):
        R, t = frames[f"hand_{side.label}_{tip}_tip"]
        np.testing.assert_allclose(t, hand.joints_camera[4 + 4 * finger], atol=1e-12)
        np.testing.assert_allclose(R, posed.transforms[last_bones[tip], :3, :3], atol=1e-9)


def test_all_frames_of_a_flat_hand_are_parallel() -> None:
    hand, _ = posed_hand(bent=0.0)
    frames = placed(conversions.tf_message(example_scene(hand), MESSAGES, tips=True))
    for R, _ in frames.values():
        np.testing.assert_allclose(R, rotation_from_axis_angle(hand.parameters.pose[0]), atol=1e-9)


def test_instruments_and_their_tips() -> None:
    tool = example_instrument()
    frames = placed(conversions.tf_message(example_scene(instruments=(tool,)), MESSAGES, tips=True))
    assert list(frames) == [f"instrument_forceps{tip}" for tip in ("", "_left_tip", "_right_tip")]
    for name, place in zip(("", "_left_tip", "_right_tip"), (tool.t_camera_instrument, *tool.tips_camera), strict=True):
        R, t = frames[f"instrument_forceps{name}"]
        np.testing.assert_allclose(R, tool.R_camera_instrument, atol=1e-9)
        np.testing.assert_allclose(t, place, atol=1e-12)


def test_an_instrument_without_tips() -> None:
    tool = example_instrument(tip_names=(), tips_camera=np.zeros((0, 3)))
    frames = placed(conversions.tf_message(example_scene(instruments=(tool,)), MESSAGES, tips=True))
    assert list(frames) == ["instrument_forceps"]


def test_the_prefix_goes_before_our_frames_only() -> None:
    scene = example_scene(example_hand(), instruments=(example_instrument(),))
    transforms = conversions.tf_message(scene, MESSAGES, prefix="left_camera/", tips=True).transforms
    assert all(t.child_frame_id.startswith("left_camera/") for t in transforms)
    assert {t.header.frame_id for t in transforms} == {
        "camera_optical",
        "left_camera/hand_right",
        "left_camera/instrument_forceps",
    }


def test_names_that_are_handed_in_are_used() -> None:
    first = example_scene(example_hand(Side.LEFT, 1), example_hand(Side.LEFT, 2))
    second = example_scene(example_hand(Side.LEFT, 2))
    names = FrameNames().after(first).after(second)
    transforms = conversions.tf_message(second, MESSAGES, names=names).transforms
    assert [t.child_frame_id for t in transforms] == ["hand_left_2"]


def test_tips_are_not_sent_unasked_nor_of_what_is_lost() -> None:
    scene = example_scene(example_hand(), instruments=(example_instrument(),))
    assert len(conversions.tf_message(scene, MESSAGES).transforms) == 2
    lost = example_scene(example_hand(state=TrackState.LOST))
    assert conversions.tf_message(lost, MESSAGES, tips=True).transforms == []


def test_poses_of_all_joints_of_the_surest_hand() -> None:
    hand, posed = posed_hand()
    other, _ = posed_hand(Side.LEFT)
    unsure = example_hand(track_id=8, score=0.3)
    predicted = example_hand(track_id=9, score=0.99, state=TrackState.PREDICTED)
    hands = conversions.hand_array_message(example_scene(unsure, other, hand, predicted), MESSAGES)
    message = conversions.joint_poses_message(hands, Side.RIGHT, MESSAGES)
    assert (len(message.poses), message.header.frame_id, message.header.stamp.sec) == (21, "camera_optical", 12)
    R, t = zip(*map(pose_from_message, message.poses), strict=True)
    np.testing.assert_allclose(t, hand.joints_camera, atol=1e-7)
    np.testing.assert_allclose(R[0], posed.transforms[0, :3, :3], atol=1e-6)
    np.testing.assert_allclose(R[5], posed.transforms[1, :3, :3], atol=1e-6)  # knuckle of the index finger
    np.testing.assert_allclose(R[8], posed.transforms[3, :3, :3], atol=1e-6)  # its tip turns with its last bone


def test_no_measured_hand_of_that_side_is_no_pose() -> None:
    hands = conversions.hand_array_message(example_scene(example_hand(state=TrackState.PREDICTED)), MESSAGES)
    for side in Side:
        assert conversions.joint_poses_message(hands, side, MESSAGES).poses == []
