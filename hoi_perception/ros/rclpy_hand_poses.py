"""`hand_poses`: each hand as one geometry_msgs/PoseArray, for consumers that know nothing of this package."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node

from hoi_perception.ros import topics
from hoi_perception.ros.conversions import joint_poses_message
from hoi_perception.ros.rclpy_messages import RclpyMessages, message_class
from hoi_perception.ros.rclpy_qos import qos_profile
from hoi_perception.ros.topics import Topic
from hoi_perception.types import Side

POSES = {side: Topic(f"hand_{side.label}/joints", "geometry_msgs/msg/PoseArray") for side in Side}


class HandPoses(Node):
    """`hands` in, `hand_left/joints` and `hand_right/joints` out: 21 poses each, or none where it is not measured."""

    def __init__(self, **options: Any) -> None:
        super().__init__("hand_poses", **options)
        self._messages = RclpyMessages()
        self._poses = {
            side: self.create_publisher(message_class(topic.type), topic.name, qos_profile(topic))
            for side, topic in POSES.items()
        }
        hands = topics.HANDS
        self.create_subscription(message_class(hands.type), hands.name, self._on_hands, qos_profile(hands))

    def _on_hands(self, hands: Any) -> None:
        for side, publisher in self._poses.items():
            publisher.publish(joint_poses_message(hands, side, self._messages))

    def close(self) -> None:
        """Nothing is held beyond the node itself."""
