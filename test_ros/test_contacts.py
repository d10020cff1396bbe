"""Contacts with their places on hand and instrument, through the classes and the bytes of the sourced ROS 2."""

from __future__ import annotations

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message

from hoi_perception.ros import conversions
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.rclpy_messages import RclpyMessages, message_class

KIND = "hoi_perception/msg/ContactArray"


def test_places_of_contacts_go_through_ros() -> None:
    places = {
        "faces": np.array([5, -1], dtype=np.int32),
        "barycentric": np.array([0.25, 0.25, 0.5, 0.0, 0.0, 0.0], dtype=np.float32),
        "links": np.array([2, -1], dtype=np.int32),
        "covariances": np.array([*np.eye(3).ravel() * 1e-6, *np.full(9, -1.0)], dtype=np.float32),
    }
    rest = {
        "hand_track_ids": np.array([1, 2], dtype=np.uint32),
        "instrument_track_ids": np.array([7, 7], dtype=np.uint32),
        "zones": np.array([1, 5], dtype=np.uint8),
        "points": np.arange(6, dtype=np.float32),
        "normals": np.arange(6, dtype=np.float32),
        "signed_distances": np.zeros(2, dtype=np.float32),
        "confidences": np.ones(2, dtype=np.float32),
    }
    both = {}
    for name, messages in (("ros", RclpyMessages()), ("bag", BagMessages())):
        header = messages.make(
            "std_msgs/msg/Header",
            stamp=messages.make("builtin_interfaces/msg/Time", sec=3, nanosec=4),
            frame_id="camera",
        )
        fields = {field: messages.sequence(values) for field, values in (rest | places).items()}
        both[name] = messages.make(KIND, header=header, **fields)
    assert BagMessages().encode(both["bag"]) == serialize_message(both["ros"])
    known, unknown = conversions.contacts_from_message(
        deserialize_message(serialize_message(both["ros"]), message_class(KIND))
    )
    assert known.faces.tolist() == [5] and known.links.tolist() == [2]
    np.testing.assert_allclose(known.covariances, [np.eye(3) * 1e-6], rtol=1e-6)
    assert (unknown.faces, unknown.barycentric, unknown.links, unknown.covariances) == (None, None, None, None)
