"""Qualities of service of a topic in Cyclone's terms, equal to what a ROS node asks for or offers."""

from __future__ import annotations

from cyclonedds.qos import Policy, Qos

from hoi_perception.ros.topics import Durability, Reliability, Topic

MAX_BLOCKING_NS = 100_000_000
"""Longest wait of a reliable writer for a reader that does not keep up, before it gives the message up."""

_NO_LIMIT = -1


def qos(topic: Topic, user_data: str) -> Qos:
    """Qualities of service of a writer or a reader; `user_data` carries ROS's hash of the type."""
    kept = Policy.History.KeepLast(topic.depth)
    reliable = topic.reliability is Reliability.RELIABLE
    transient = topic.durability is Durability.TRANSIENT_LOCAL
    return Qos(
        Policy.Reliability.Reliable(MAX_BLOCKING_NS) if reliable else Policy.Reliability.BestEffort,
        Policy.Durability.TransientLocal if transient else Policy.Durability.Volatile,
        kept,
        # Without it who comes late would get the last message alone.
        Policy.DurabilityService(
            cleanup_delay=0,
            history=kept,
            max_samples=_NO_LIMIT,
            max_instances=_NO_LIMIT,
            max_samples_per_instance=_NO_LIMIT,
        ),
        Policy.DataRepresentation(use_cdrv0_representation=True),
        Policy.Userdata(user_data.encode("ascii")),
    )
