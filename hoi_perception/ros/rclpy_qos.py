"""Qualities of service of the topic table in rclpy's words."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from hoi_perception.ros.topics import Durability, Reliability, Topic

_RELIABILITY = {
    Reliability.BEST_EFFORT: ReliabilityPolicy.BEST_EFFORT,
    Reliability.RELIABLE: ReliabilityPolicy.RELIABLE,
}
_DURABILITY = {
    Durability.VOLATILE: DurabilityPolicy.VOLATILE,
    Durability.TRANSIENT_LOCAL: DurabilityPolicy.TRANSIENT_LOCAL,
}


def qos_profile(topic: Topic) -> QoSProfile:
    """Keep-last profile of a topic."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=topic.depth,
        reliability=_RELIABILITY[topic.reliability],
        durability=_DURABILITY[topic.durability],
    )
