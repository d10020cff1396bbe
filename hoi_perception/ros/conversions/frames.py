"""TF frames of hands, instruments and their tips."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.hands.joint_frames import joint_rotations
from hoi_perception.ros.conversions.hands import hands_from_messages
from hoi_perception.ros.conversions.headers import header_message, stamp_ns
from hoi_perception.ros.conversions.poses import pose_messages, transform_messages
from hoi_perception.ros.conversions.sendable import sendable_hands, sendable_instruments
from hoi_perception.ros.frame_names import FrameNames, hand_tip_frame, instrument_tip_frame
from hoi_perception.ros.messages import Messages
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Hand, Instrument, Scene, Side, TrackState

Rotations = Float[NDArray[Any], "n 3 3"]
Origins = Float[NDArray[Any], "n 3"]
_TIP_JOINTS = np.array([4, 8, 12, 16, 20])
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
    placed = [(prefix + names.hand(h.track_id), _hand_frame(h), partial(_hand_tips, h)) for h in sendable_hands(scene)]
    placed += [
        (prefix + names.instrument(i.track_id), _tool_frame(i), partial(_tool_tips, i))
        for i in sendable_instruments(scene)
    ]
    header = header_message(scene.stamp_ns, scene.frame_id, messages)
    transforms: list[Any] = []
    for name, frame, tips_of in placed:
        transforms += transform_messages(header, [name], *frame, messages)
        if tips:
            parent = header_message(scene.stamp_ns, name, messages)
            children, rotations, origins = tips_of(name)
            transforms += transform_messages(parent, children, rotations, origins, messages)
    return messages.make("tf2_msgs/msg/TFMessage", transforms=transforms)


def _hand_frame(hand: Hand) -> tuple[Rotations, Origins]:
    return rotation_from_axis_angle(hand.parameters.pose[:1]), hand.parameters.wrist_camera[None]


def _tool_frame(instrument: Instrument) -> tuple[Rotations, Origins]:
    return instrument.R_camera_instrument[None], instrument.t_camera_instrument[None]


def _hand_tips(hand: Hand, name: str) -> tuple[list[str], Rotations, Origins]:
    """Names, rotations and origins in the hand's frame."""
    rotations = joint_rotations(hand.parameters.pose)
    R = rotations[0]
    children = [hand_tip_frame(name, finger) for finger in range(5)]
    origins = (hand.joints_camera[_TIP_JOINTS] - hand.parameters.wrist_camera) @ R
    return children, R.T @ rotations[_TIP_JOINTS], origins


def _tool_tips(instrument: Instrument, name: str) -> tuple[list[str], Rotations, Origins]:
    """Names, rotations and origins in the instrument's frame."""
    children = [instrument_tip_frame(name, tip) for tip in instrument.tip_names]
    origins = (instrument.tips_camera - instrument.t_camera_instrument) @ instrument.R_camera_instrument
    return children, np.tile(np.eye(3), (len(children), 1, 1)), origins


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
        poses = pose_messages(joint_rotations(hand.parameters.pose), hand.joints_camera, messages)
    return messages.make(
        "geometry_msgs/msg/PoseArray",
        header=header_message(stamp_ns(header), str(header.frame_id), messages),
        poses=poses,
    )
