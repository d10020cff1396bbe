"""Instruments as messages and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoi_perception.ros.conversions.fields import float32, float64, number
from hoi_perception.ros.conversions.hands import SCALE, SCALE_BACK
from hoi_perception.ros.conversions.headers import header_message
from hoi_perception.ros.conversions.poses import pose_from_message, pose_message, pose_with_covariance_message
from hoi_perception.ros.conversions.sendable import sendable_instruments
from hoi_perception.ros.messages import Messages
from hoi_perception.types import Instrument, Scene, TrackState


def instrument_array_message(scene: Scene, messages: Messages) -> Any:
    """hoi_perception/InstrumentArray; empty when no instrument is seen."""
    return messages.make(
        "hoi_perception/msg/InstrumentArray",
        header=header_message(scene.stamp_ns, scene.frame_id, messages),
        camera_assumption=scene.camera.assumed,
        instruments=instrument_messages(scene, messages),
    )


def instrument_messages(scene: Scene, messages: Messages) -> list[Any]:
    """hoi_perception/InstrumentState of each instrument that may be sent."""
    return [_instrument_message(instrument, messages) for instrument in sendable_instruments(scene)]


def _instrument_message(instrument: Instrument, messages: Messages) -> Any:
    return messages.make(
        "hoi_perception/msg/InstrumentState",
        name=instrument.name,
        track_id=int(instrument.track_id),
        state=int(instrument.state),
        score=number(instrument.score, 0.0),
        pose=pose_with_covariance_message(
            instrument.R_camera_instrument, instrument.t_camera_instrument, instrument.covariance, messages
        ),
        joint_names=list(instrument.joint_names),
        joint_positions=messages.sequence(instrument.joint_positions.astype(np.float64)),
        joint_covariance=messages.sequence(instrument.covariance_joints.astype(np.float64)),
        tip_names=list(instrument.tip_names),
        tips=messages.sequence(float32(instrument.tips_camera)),
        scale_source=SCALE[instrument.scale_source],
    )


def instruments_from_message(message: Any) -> tuple[Instrument, ...]:
    """Instruments of an InstrumentArray or a Scene message."""
    return tuple(_instrument_from_message(m) for m in message.instruments)


def _instrument_from_message(m: Any) -> Instrument:
    R, t = pose_from_message(m.pose.pose)
    names = tuple(map(str, m.joint_names))
    return Instrument(
        name=str(m.name),
        track_id=int(m.track_id),
        state=TrackState(m.state),
        score=float(m.score),
        R_camera_instrument=R,
        t_camera_instrument=t,
        covariance=float64(m.pose.covariance).reshape(6, 6),
        scale_source=SCALE_BACK[int(m.scale_source)],
        joint_names=names,
        joint_positions=float64(m.joint_positions),
        covariance_joints=float64(m.joint_covariance).reshape(len(names), len(names)),
        tip_names=tuple(map(str, m.tip_names)),
        tips_camera=float64(m.tips).reshape(-1, 3),
    )


def instrument_pose_message(instrument: Instrument, stamp: int, frame_id: str, messages: Messages) -> Any:
    """geometry_msgs/PoseStamped of the base link of an instrument that may be sent."""
    return messages.make(
        "geometry_msgs/msg/PoseStamped",
        header=header_message(stamp, frame_id, messages),
        pose=pose_message(instrument.R_camera_instrument, instrument.t_camera_instrument, messages),
    )


def joint_state_message(instrument: Instrument, stamp: int, frame_id: str, messages: Messages) -> Any:
    """sensor_msgs/JointState of an instrument that may be sent: positions only."""
    nothing = np.zeros(0)
    return messages.make(
        "sensor_msgs/msg/JointState",
        header=header_message(stamp, frame_id, messages),
        name=list(instrument.joint_names),
        position=messages.sequence(instrument.joint_positions.astype(np.float64)),
        velocity=messages.sequence(nothing),
        effort=messages.sequence(nothing),
    )
