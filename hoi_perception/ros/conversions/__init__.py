"""Messages to the package's own values and back: pure, and the only place that touches message fields.

Every function works on attributes, so rosbags' and rclpy's messages both do; where a message is made, the classes come
in as a `Messages`.
"""

from hoi_perception.ros.conversions.cameras import calibration_from_message, camera_info_message
from hoi_perception.ros.conversions.contacts import contact_array_message, contacts_from_message
from hoi_perception.ros.conversions.depth import depth_image, instrument_mask
from hoi_perception.ros.conversions.detections import detections_3d_message
from hoi_perception.ros.conversions.diagnostics import Diagnostic, Level, diagnostics_message
from hoi_perception.ros.conversions.frames import joint_poses_message, tf_message
from hoi_perception.ros.conversions.hands import hand_array_message
from hoi_perception.ros.conversions.headers import (
    EncodingError,
    MessageError,
    header_message,
    stamp_and_frame,
    stamp_ns,
)
from hoi_perception.ros.conversions.images import Fallback, image_bgr, image_message
from hoi_perception.ros.conversions.instruments import (
    instrument_array_message,
    instrument_pose_message,
    instruments_from_message,
    joint_state_message,
)
from hoi_perception.ros.conversions.markers import MarkerKey, markers_message, shown_markers
from hoi_perception.ros.conversions.meshes import (
    faces_from_message,
    mesh_topology_message,
    mesh_vertices_message,
    topology_id,
)
from hoi_perception.ros.conversions.poses import pose_from_message, transform_from_message
from hoi_perception.ros.conversions.scenes import (
    frame_status_message,
    scene_from_message,
    scene_from_messages,
    scene_message,
)
from hoi_perception.ros.conversions.sendable import (
    sendable_contacts,
    sendable_hands,
    sendable_instruments,
    sendable_scene,
)

__all__ = [
    "Diagnostic",
    "EncodingError",
    "Fallback",
    "Level",
    "MarkerKey",
    "MessageError",
    "calibration_from_message",
    "camera_info_message",
    "contact_array_message",
    "contacts_from_message",
    "depth_image",
    "detections_3d_message",
    "diagnostics_message",
    "faces_from_message",
    "frame_status_message",
    "hand_array_message",
    "header_message",
    "image_bgr",
    "image_message",
    "instrument_array_message",
    "instrument_mask",
    "instrument_pose_message",
    "instruments_from_message",
    "joint_poses_message",
    "joint_state_message",
    "markers_message",
    "mesh_topology_message",
    "mesh_vertices_message",
    "pose_from_message",
    "scene_from_message",
    "scene_from_messages",
    "scene_message",
    "sendable_contacts",
    "sendable_hands",
    "sendable_instruments",
    "sendable_scene",
    "shown_markers",
    "stamp_and_frame",
    "stamp_ns",
    "tf_message",
    "topology_id",
    "transform_from_message",
]
