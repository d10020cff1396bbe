"""Messages to the package's own values and back: pure, and the only place that touches message fields.

Every function works on attributes, so rosbags' and rclpy's messages both do; where a message is made, the classes come
in as a `Messages`.
"""

from hoi_perception.ros.conversions.cameras import calibration_from_message, camera_info_message
from hoi_perception.ros.conversions.headers import EncodingError, MessageError, header_message, stamp_ns
from hoi_perception.ros.conversions.images import image_bgr, image_message
from hoi_perception.ros.conversions.meshes import (
    faces_from_message,
    mesh_topology_message,
    mesh_vertices_message,
    topology_id,
)
from hoi_perception.ros.conversions.scenes import (
    frame_status_message,
    hand_array_message,
    scene_from_messages,
    sendable_hands,
    tf_message,
)

__all__ = [
    "MessageError",
    "EncodingError",
    "calibration_from_message",
    "camera_info_message",
    "faces_from_message",
    "frame_status_message",
    "hand_array_message",
    "header_message",
    "image_bgr",
    "image_message",
    "mesh_topology_message",
    "mesh_vertices_message",
    "scene_from_messages",
    "sendable_hands",
    "stamp_ns",
    "tf_message",
    "topology_id",
]
