"""The conversions on message classes as picky as rclpy's, whose setters check every field."""

from __future__ import annotations

from array import array
from types import SimpleNamespace
from typing import Any

import numpy as np
from example_scenes import example_camera, example_faces, example_hand, example_scene
from rosbags.interfaces import Nodetype

from hoi_perception.ros import conversions
from hoi_perception.ros.messages import BagMessages
from hoi_perception.types import Side

TYPES = BagMessages().typestore
RANGES = {f"{'u' * (low == 0)}int{bits}": (low, high) for bits in (8, 16, 32, 64)
          for low, high in ((0, 2**bits - 1), (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))}  # fmt: skip
CODES = {"uint8": "B", "uint32": "I", "float32": "f", "float64": "d"}


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


def test_everything_that_is_sent_fits() -> None:
    messages = StrictMessages()
    hands = (
        example_hand(Side.LEFT, 1, score=np.float64(0.5), residual_px=np.float64(1.5)),
        example_hand(Side.RIGHT, 2, landmarks=None, limit_violation_deg=np.float64(0.0)),
    )
    scene = example_scene(*hands, births=2, detect=np.float64(3.0))
    sent = conversions.hand_array_message(scene, messages)
    assert [h.track_id for h in sent.hands] == [1, 2]
    conversions.mesh_vertices_message(conversions.sendable_hands(scene), scene.stamp_ns, scene.frame_id, messages)
    conversions.tf_message(scene, messages)
    conversions.frame_status_message(scene, messages, dropped_frames=3)
    conversions.mesh_topology_message(Side.LEFT, example_faces(), messages)
    conversions.camera_info_message(example_camera(), scene.stamp_ns, "eye", messages)


def test_an_image_comes_in_and_goes_out() -> None:
    image = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    message = conversions.image_message(image, 1, "eye", StrictMessages())
    assert isinstance(message.data, array)
    np.testing.assert_array_equal(conversions.image_bgr(message), image)
    info = conversions.camera_info_message(example_camera(), 1, "eye", StrictMessages())
    np.testing.assert_array_equal(conversions.calibration_from_message(info).camera().K, example_camera().K)
