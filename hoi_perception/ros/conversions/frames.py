"""TF frames of hands, instruments and their tips."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoi_perception.hands.joint_frames import joint_rotations
from hoi_perception.ros.conversions.hands import hands_from_messages
from hoi_perception.ros.conversions.headers import header_message, stamp_ns
from hoi_perception.ros.conversions.poses import pose_message, transform_message
from hoi_perception.ros.conversions.sendable import sendable_hands, sendable_instruments
from hoi_perception.ros.frame_names import FrameNames, hand_tip_frame, instrument_tip_frame
from hoi_perception.ros.messages import Messages
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Hand, Instrument, Scene, Side, TrackState

_TIP_JOINTS = (4, 8, 12, 16, 20)
_MEASURED = (TrackState.TRACKED, TrackState.OCCLUDED)


def tf_message(
    scene: Scene, messages: Messages, *, names: FrameNames | None = None, prefix: str = "", tips: bool = False
) -> Any:
    """tf2_msgs/TFMessage: wrists (joint 0) and base links in the scene's frame, tips in those of their hand or tool.

    `names` are those after this scene; without them they start anew. `prefix` goes before every frame but the scene's.
    A finger tip's frame turns with its last bone and is parallel to the wrist's in the flat hand; that of an instrument
    is parallel to the base link's. Nothing is sent of what is LOST.
    """
    names = names or FrameNames().after(scene)
    transforms: list[Any] = []
    for hand in sendable_hands(scene):
        transforms += _hand_transforms(scene, hand, prefix + names.hand(hand.track_id), tips, messages)
    for instrument in sendable_instruments(scene):
        name = prefix + names.instrument(instrument.track_id)
        transforms += _instrument_transforms(scene, instrument, name, tips, messages)
    return messages.make("tf2_msgs/msg/TFMessage", transforms=transforms)


def _hand_transforms(scene: Scene, hand: Hand, name: str, tips: bool, messages: Messages) -> list[Any]:
    header = header_message(scene.stamp_ns, scene.frame_id, messages)
    R, wrist = rotation_from_axis_angle(hand.parameters.pose[0]), hand.parameters.wrist_camera
    transforms = [transform_message(header, name, R, wrist, messages)]
    if tips:
        header, rotations = header_message(scene.stamp_ns, name, messages), joint_rotations(hand.parameters.pose)
        transforms += [
            transform_message(
                header,
                hand_tip_frame(name, finger),
                R.T @ rotations[joint],
                R.T @ (hand.joints_camera[joint] - wrist),
                messages,
            )
            for finger, joint in enumerate(_TIP_JOINTS)
        ]
    return transforms


def _instrument_transforms(
    scene: Scene, instrument: Instrument, name: str, tips: bool, messages: Messages
) -> list[Any]:
    header = header_message(scene.stamp_ns, scene.frame_id, messages)
    R, t = instrument.R_camera_instrument, instrument.t_camera_instrument
    transforms = [transform_message(header, name, R, t, messages)]
    if tips:
        header = header_message(scene.stamp_ns, name, messages)
        transforms += [
            transform_message(header, instrument_tip_frame(name, tip), np.eye(3), R.T @ (place - t), messages)
            for tip, place in zip(instrument.tip_names, instrument.tips_camera, strict=True)
        ]
    return transforms


def joint_poses_message(hand_array: Any, side: Side, messages: Messages) -> Any:
    """geometry_msgs/PoseArray of 21 joints of a HandArray's hand of that side, in OpenPose order.

    The hand is the one with the highest score among those that are measured; none gives an empty array. Joints are
    turned as the bone that begins there, tips as the last bone.
    """
    hands = hands_from_messages(hand_array.hands, {})
    hands_here = [h for h in hands if h.side is side and h.state in _MEASURED]
    header, poses = hand_array.header, []
    if hands_here:
        hand = max(hands_here, key=lambda h: h.score)
        rotations = joint_rotations(hand.parameters.pose)
        poses = [pose_message(R, t, messages) for R, t in zip(rotations, hand.joints_camera, strict=True)]
    return messages.make(
        "geometry_msgs/msg/PoseArray",
        header=header_message(stamp_ns(header), str(header.frame_id), messages),
        poses=poses,
    )
