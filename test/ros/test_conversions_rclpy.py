"""The conversions on message classes as picky as rclpy's, whose setters check every field."""

from __future__ import annotations

from array import array
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from example_scenes import (
    example_camera,
    example_contacts,
    example_faces,
    example_hand,
    example_instrument,
    example_scene,
)
from rosbags.interfaces import Nodetype
from rosbags.typesys import get_types_from_msg

from hoi_perception.ros import conversions
from hoi_perception.ros.conversions import Diagnostic, Level
from hoi_perception.ros.messages import BagMessages, Messages
from hoi_perception.types import HandParameters, Side

TYPES = BagMessages().typestore
# vision_msgs 4 (Humble, Jazzy) is not among the messages that rosbags knows.
VISION = {
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose",
    "BoundingBox3D": "geometry_msgs/Pose center\ngeometry_msgs/Vector3 size",
    "Detection3D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox3D bbox\nstring id",
    "Detection3DArray": "std_msgs/Header header\nvision_msgs/Detection3D[] detections",
}
for kind, text in VISION.items():
    TYPES.register(get_types_from_msg(text, f"vision_msgs/msg/{kind}"))
RANGES = {f"{'u' * (low == 0)}int{bits}": (low, high) for bits in (8, 16, 32, 64)
          for low, high in ((0, 2**bits - 1), (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))}  # fmt: skip
CODES = {"uint8": "B", "int32": "i", "uint32": "I", "float32": "f", "float64": "d"}


class StrictMessages:
    """Makes messages only from what the generated Python classes of rosidl accept."""

    def make(self, name: str, /, **fields: Any) -> Any:
        definition = dict(TYPES.get_msgdef(name).fields)
        assert fields.keys() == definition.keys(), name
        for field, value in fields.items():
            assert accepted(definition[field], value), f"{name}.{field} does not take {type(value)}"
        return SimpleNamespace(**fields, type_name=name)

    def sequence(self, values: np.ndarray) -> array:
        code = next(code for name, code in CODES.items() if np.dtype(name) == values.dtype)
        return array(code, np.ascontiguousarray(values).tobytes())

    def byte(self, value: int) -> bytes:
        return bytes([value])


def accepted(kind: Any, value: Any) -> bool:
    node, detail = kind
    if node is Nodetype.NAME:
        return value.type_name == detail
    if node is Nodetype.BASE:
        return accepted_number(detail[0], value)
    element, count = detail
    if element[0] is Nodetype.BASE and element[1][0] in CODES:
        name = element[1][0]
        if node is Nodetype.ARRAY:
            return isinstance(value, np.ndarray) and value.dtype == name and value.shape == (count,)
        return isinstance(value, array) and value.typecode == CODES[name]
    return isinstance(value, list) and all(accepted(element, item) for item in value)


def accepted_number(name: str, value: Any) -> bool:
    if name in RANGES:
        low, high = RANGES[name]
        return type(value) is int and low <= value <= high
    if name == "byte":
        return type(value) is bytes and len(value) == 1
    return type(value) is {"bool": bool, "string": str}.get(name, float)


def test_the_fake_is_as_picky_as_it_says() -> None:
    messages = StrictMessages()
    assert isinstance(messages, Messages)
    for wrong in ({"x": 1, "y": 0.0, "z": 0.0}, {"x": np.float64(1), "y": 0.0, "z": 0.0}, {"x": 0.0, "y": 0.0}):
        with pytest.raises(AssertionError):
            messages.make("geometry_msgs/msg/Point", **wrong)


def test_everything_that_is_sent_fits() -> None:
    messages = StrictMessages()
    hands = (
        example_hand(Side.LEFT, 1, score=np.float64(0.5), residual_px=np.float64(1.5)),
        example_hand(Side.RIGHT, 2, landmarks=None, limit_violation_deg=np.float64(0.0)),
    )
    tool = example_instrument(track_id=11, score=np.float64(0.5))
    contacts = (example_contacts(2, 11), example_contacts(1, 11))
    scene = example_scene(*hands, births=2, instruments=(tool,), contacts=contacts, detect=np.float64(3.0))
    stamp, frame_id = scene.stamp_ns, scene.frame_id
    sent = conversions.hand_array_message(scene, messages)
    assert [h.track_id for h in sent.hands] == [1, 2]
    conversions.mesh_vertices_message(conversions.sendable_hands(scene), stamp, frame_id, messages)
    conversions.instrument_array_message(scene, messages)
    conversions.instrument_pose_message(tool, stamp, frame_id, messages)
    conversions.joint_state_message(tool, stamp, frame_id, messages)
    conversions.contact_array_message(scene, messages)
    conversions.tf_message(scene, messages, tips=True)
    conversions.frame_status_message(scene, messages, dropped_frames=3)
    conversions.mesh_topology_message(Side.LEFT, example_faces(), messages)
    conversions.camera_info_message(example_camera(), stamp, "eye", messages)
    conversions.joint_poses_message(sent, Side.LEFT, messages)
    faces = {side: example_faces() for side in Side}
    markers = conversions.markers_message(scene, faces, messages, shown=[("hands", 9)])
    assert [m.action for m in markers.markers] == [2, 0, 0, 0, 0, 0]
    lines = [Diagnostic("camera", Level.STALE, "silent", {"rate_hz": np.float64(3.0), "reason": None})]
    assert conversions.diagnostics_message(lines, stamp, messages).status[0].level == b"\x03"


def test_a_whole_scene_comes_back() -> None:
    scene = example_scene(example_hand(), instruments=(example_instrument(),), contacts=(example_contacts(),))
    message = conversions.scene_message(scene, StrictMessages())
    back = conversions.scene_from_message(message, scene.camera)
    np.testing.assert_allclose(back.hands[0].joints_camera, scene.hands[0].joints_camera, rtol=1e-6)
    np.testing.assert_allclose(back.instruments[0].tips_camera, scene.instruments[0].tips_camera, rtol=1e-6)
    np.testing.assert_allclose(back.contacts[0].points_camera, scene.contacts[0].points_camera, rtol=1e-6)


def test_nothing_is_sent_as_nothing() -> None:
    message = conversions.scene_message(example_scene(), StrictMessages())
    assert (message.hands, message.instruments, message.contacts.points) == ([], [], array("f"))


def test_detections_for_other_packages() -> None:
    """A hand whose wrist is not turned: the box is that of its vertices, by hand."""
    messages = StrictMessages()
    pose = np.zeros((16, 3))
    hand = example_hand(track_id=4, parameters=HandParameters(pose, np.zeros(10), np.array([0.1, 0.0, 0.6])))
    tool = example_instrument()
    message = conversions.detections_3d_message(example_scene(hand, instruments=(tool,)), messages)
    first, second = message.detections
    assert (first.id, first.results[0].hypothesis.class_id) == ("hand_right_4", "hand_right")
    low, high = hand.vertices_camera.min(axis=0), hand.vertices_camera.max(axis=0)
    center, size = first.bbox.center.position, first.bbox.size
    np.testing.assert_allclose([center.x, center.y, center.z], (low + high) / 2, atol=1e-6)
    np.testing.assert_allclose([size.x, size.y, size.z], high - low, atol=1e-6)
    assert first.results[0].pose.pose.position.x == 0.1
    assert (second.id, second.results[0].hypothesis.score) == ("forceps_11", 0.5)
    np.testing.assert_array_equal(second.results[0].pose.covariance, tool.covariance.reshape(36))
    R, t = conversions.pose_from_message(second.bbox.center)
    corners = np.vstack([tool.t_camera_instrument, tool.tips_camera])
    half = 0.5 * np.array([second.bbox.size.x, second.bbox.size.y, second.bbox.size.z])
    assert (np.abs((corners - t) @ R) <= half + 1e-9).all()


def everything_sent(messages: Messages) -> dict[str, Any]:
    """One message of each conversion, on a scene with everything in it."""
    hands = (example_hand(Side.LEFT, 1), example_hand(Side.RIGHT, 2, landmarks=None))
    tool = example_instrument()
    scene = example_scene(*hands, births=2, instruments=(tool,), contacts=(example_contacts(2, 11),))
    at = (scene.stamp_ns, scene.frame_id, messages)
    faces = {side: example_faces() for side in Side}
    picture = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    return {
        "hands": conversions.hand_array_message(scene, messages),
        "meshes": conversions.mesh_vertices_message(scene.hands, *at),
        "topology": conversions.mesh_topology_message(Side.LEFT, example_faces(), messages),
        "instruments": conversions.instrument_array_message(scene, messages),
        "pose": conversions.instrument_pose_message(tool, *at),
        "joints": conversions.joint_state_message(tool, *at),
        "contacts": conversions.contact_array_message(scene, messages),
        "scene": conversions.scene_message(scene, messages),
        "tf": conversions.tf_message(scene, messages, tips=True),
        "markers": conversions.markers_message(scene, faces, messages, shown=[("hands", 9)]),
        "diagnostics": conversions.diagnostics_message(
            [Diagnostic("a", Level.ERROR, "b", {"c": 1.0})], scene.stamp_ns, messages
        ),
        "image": conversions.image_message(picture, *at),
        "info": conversions.camera_info_message(scene.camera, *at),
    }


def test_the_bytes_are_those_of_ros() -> None:
    """The same scene, through the classes of a real ROS 2 and through rosbags': the same CDR."""
    serialization = pytest.importorskip("rclpy.serialization", reason="rclpy comes with a ROS installation")
    pytest.importorskip("hoi_perception.msg", reason="the workspace with this package is not sourced")
    from hoi_perception.ros.rclpy_messages import RclpyMessages

    ours, bags = everything_sent(RclpyMessages()), BagMessages()
    for name, message in everything_sent(bags).items():
        assert bytes(serialization.serialize_message(ours[name])) == bags.encode(message), name


def test_an_image_comes_in_and_goes_out() -> None:
    image = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    message = conversions.image_message(image, 1, "eye", StrictMessages())
    assert isinstance(message.data, array)
    np.testing.assert_array_equal(conversions.image_bgr(message), image)
    info = conversions.camera_info_message(example_camera(), 1, "eye", StrictMessages())
    np.testing.assert_array_equal(conversions.calibration_from_message(info).camera().K, example_camera().K)
