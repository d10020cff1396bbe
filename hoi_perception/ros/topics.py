"""The topics of a node: names, types and qualities of service, the same through every door."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Reliability(Enum):
    """Whether lost messages are sent again."""

    BEST_EFFORT = "best_effort"
    RELIABLE = "reliable"


class Durability(Enum):
    """Whether who comes late gets the last messages."""

    VOLATILE = "volatile"
    TRANSIENT_LOCAL = "transient_local"


@dataclass(frozen=True)
class Topic:
    """A topic with its type ("sensor_msgs/msg/Image") and quality of service; history is keep-last of `depth`.

    A relative `name` is resolved in the node's namespace and may be remapped.
    """

    name: str
    type: str
    reliability: Reliability = Reliability.RELIABLE
    durability: Durability = Durability.VOLATILE
    depth: int = 5


def _input(name: str, type_: str) -> Topic:
    return Topic(name, type_, Reliability.BEST_EFFORT, depth=1)


IMAGE = _input("image", "sensor_msgs/msg/Image")
COMPRESSED_IMAGE = _input("image/compressed", "sensor_msgs/msg/CompressedImage")
CAMERA_INFO = _input("camera_info", "sensor_msgs/msg/CameraInfo")
DEPTH = _input("depth", "sensor_msgs/msg/Image")
COMPRESSED_DEPTH = _input("depth/compressedDepth", "sensor_msgs/msg/CompressedImage")
INSTRUMENT_MASK = _input("instrument_mask", "sensor_msgs/msg/Image")

HANDS = Topic("hands", "hoi_perception/msg/HandArray")
HAND_MESHES = Topic("hand_meshes", "hoi_perception/msg/MeshVerticesArray", depth=1)
MESH_TOPOLOGY = Topic(
    "mesh_topology", "hoi_perception/msg/MeshTopology", durability=Durability.TRANSIENT_LOCAL, depth=8
)
INSTRUMENTS = Topic("instruments", "hoi_perception/msg/InstrumentArray")
CONTACTS = Topic("contacts", "hoi_perception/msg/ContactArray")
SCENE = Topic("scene", "hoi_perception/msg/Scene", depth=1)
DETECTIONS_3D = Topic("detections_3d", "vision_msgs/msg/Detection3DArray")
MARKERS = Topic("markers", "visualization_msgs/msg/MarkerArray", depth=1)
OVERLAY = Topic("overlay", "sensor_msgs/msg/Image", Reliability.BEST_EFFORT, depth=1)
FRAME_STATUS = Topic("frame_status", "hoi_perception/msg/FrameStatus")
TF = Topic("/tf", "tf2_msgs/msg/TFMessage", depth=100)
TF_STATIC = Topic("/tf_static", "tf2_msgs/msg/TFMessage", durability=Durability.TRANSIENT_LOCAL, depth=100)
DIAGNOSTICS = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", depth=10)

INPUTS = (IMAGE, COMPRESSED_IMAGE, CAMERA_INFO, DEPTH, COMPRESSED_DEPTH, INSTRUMENT_MASK)
OUTPUTS = (
    HANDS,
    HAND_MESHES,
    MESH_TOPOLOGY,
    INSTRUMENTS,
    CONTACTS,
    SCENE,
    DETECTIONS_3D,
    MARKERS,
    OVERLAY,
    FRAME_STATUS,
    TF,
    DIAGNOSTICS,
)


def further_camera(name: str, topic: Topic) -> Topic:
    """The same topic of a further camera."""
    return replace(topic, name=f"cameras/{name}/{topic.name}")


def instrument_pose(name: str) -> Topic:
    """Pose of one instrument, by CRTK's name."""
    return Topic(f"instrument_{name}/measured_cp", "geometry_msgs/msg/PoseStamped")


def instrument_description(name: str) -> Topic:
    """URDF of one instrument of the library, for RViz's RobotModel."""
    durable = Durability.TRANSIENT_LOCAL
    return Topic(f"instrument_{name}/robot_description", "std_msgs/msg/String", durability=durable, depth=1)


def instrument_joints(name: str) -> Topic:
    """Joint state of one instrument, by CRTK's name."""
    return Topic(f"instrument_{name}/measured_js", "sensor_msgs/msg/JointState")
