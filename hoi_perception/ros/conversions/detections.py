"""Hands and instruments as detections that other packages know."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.ros.conversions.fields import number
from hoi_perception.ros.conversions.headers import header_message
from hoi_perception.ros.conversions.poses import pose_message, pose_with_covariance_message, vector_message
from hoi_perception.ros.conversions.sendable import sendable_hands, sendable_instruments
from hoi_perception.ros.messages import Messages
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Hand, Instrument, Scene

Vector = Float[NDArray[Any], "3"]


def detections_3d_message(scene: Scene, messages: Messages) -> Any:
    """vision_msgs/Detection3DArray (of vision_msgs 4, Humble and later), for classes that have it.

    Classes are `hand_left`, `hand_right` and the instruments' names; the id is the class with the track id. Boxes are
    turned like the wrist or the base link: round all vertices of a hand, round the origin and tips of an instrument.
    """
    detections = [_hand_detection(hand, scene, messages) for hand in sendable_hands(scene)]
    detections += [_instrument_detection(instrument, scene, messages) for instrument in sendable_instruments(scene)]
    header = header_message(scene.stamp_ns, scene.frame_id, messages)
    return messages.make("vision_msgs/msg/Detection3DArray", header=header, detections=detections)


def _hand_detection(hand: Hand, scene: Scene, messages: Messages) -> Any:
    R, t = rotation_from_axis_angle(hand.parameters.pose[0]), hand.parameters.wrist_camera
    pose = pose_with_covariance_message(R, t, hand.covariance_wrist, messages)
    box = _box_message(R, hand.vertices_camera.astype(np.float64), messages)
    return _detection(f"hand_{hand.side.label}", hand.track_id, hand.score, pose, box, scene, messages)


def _instrument_detection(instrument: Instrument, scene: Scene, messages: Messages) -> Any:
    R, t = instrument.R_camera_instrument, instrument.t_camera_instrument
    pose = pose_with_covariance_message(R, t, instrument.covariance, messages)
    box = _box_message(R, np.vstack([t, instrument.tips_camera]), messages)
    return _detection(instrument.name, instrument.track_id, instrument.score, pose, box, scene, messages)


def _detection(name: str, track_id: int, score: float, pose: Any, box: Any, scene: Scene, messages: Messages) -> Any:
    hypothesis = messages.make("vision_msgs/msg/ObjectHypothesis", class_id=name, score=number(score, 0.0))
    return messages.make(
        "vision_msgs/msg/Detection3D",
        header=header_message(scene.stamp_ns, scene.frame_id, messages),
        results=[messages.make("vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=hypothesis, pose=pose)],
        bbox=box,
        id=f"{name}_{track_id}",
    )


def _box_message(R: Float[NDArray[Any], "3 3"], points: Float[NDArray[Any], "n 3"], messages: Messages) -> Any:
    """vision_msgs/BoundingBox3D round the points, turned by R."""
    inside = points @ R
    low, high = inside.min(axis=0), inside.max(axis=0)
    center: Vector = R @ (0.5 * (low + high))
    return messages.make(
        "vision_msgs/msg/BoundingBox3D",
        center=pose_message(R, center, messages),
        size=vector_message(high - low, messages),
    )
