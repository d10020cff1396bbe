"""TF as tf2 has it and as the node without ROS has it: the same places, and the same that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rclpy
from rclpy.serialization import serialize_message
from rclpy.time import Time

from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.rclpy_frames import HeardFrames
from hoi_perception.ros.rclpy_messages import message_class
from hoi_perception.ros.tf import NoTransformError
from hoi_perception.ros.tf_buffer import TransformBuffer

SECOND = 1_000_000_000
T0 = 1_700_000_000 * SECOND
KIND = "tf2_msgs/msg/TFMessage"


class Both:
    """One tree of frames, heard by both, through the bytes that go over the wire."""

    def __init__(self, heard: HeardFrames) -> None:
        self.ros, self.own, self._bag = heard, TransformBuffer(), BagMessages()

    def hear(self, stamp: int, parent: str, child: str, numbers: Any, *, static: bool = False) -> None:
        one = message_class("geometry_msgs/msg/TransformStamped")(child_frame_id=child)
        one.header.frame_id = parent
        one.header.stamp = Time(nanoseconds=stamp).to_msg()
        q = np.asarray(numbers[3:]) / np.linalg.norm(numbers[3:])
        t, r = one.transform.translation, one.transform.rotation
        t.x, t.y, t.z, r.x, r.y, r.z, r.w = (float(v) for v in (*numbers[:3], *q))
        message = message_class(KIND)(transforms=[one])
        (self.ros._listener.static_callback if static else self.ros._listener.callback)(message)
        self.own.add(self._bag.decode(serialize_message(message), KIND), static=static)


@pytest.fixture
def both() -> Any:
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("hears", context=context)
    news: list[int] = []
    heard = HeardFrames(node, lambda: news.append(1))
    heard.listen()
    made = Both(heard)
    rng = np.random.default_rng(3)
    for k in range(20):
        made.hear(T0 + k * SECOND // 10, "base", "arm", rng.normal(size=7))
        made.hear(T0 + k * SECOND // 7, "arm", "tip", rng.normal(size=7))
    made.hear(0, "base", "camera", rng.normal(size=7), static=True)
    assert len(news) == 41, "every transform is told"
    yield made
    heard.stop()
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.mark.parametrize(
    ("target", "source"), [("camera", "tip"), ("tip", "camera"), ("arm", "tip"), ("arm", "camera")]
)
@pytest.mark.parametrize("after_ns", [0, 1, 333_333_333, SECOND, 1_899_999_999])
def test_the_same_places_at_the_same_times(both: Both, target: str, source: str, after_ns: int) -> None:
    ros, own = (one.find(target, source, T0 + after_ns) for one in (both.ros, both.own))
    np.testing.assert_allclose(own.t_target_source, ros.t_target_source, atol=1e-9)
    np.testing.assert_allclose(own.R_target_source, ros.R_target_source, atol=1e-9)


@pytest.mark.parametrize(
    ("source", "after_ns", "reason"),
    [
        ("tip", 2_150_000_000, "is 0.25 s older than the image"),
        ("tip", -1, "the image is older than all"),
        ("nowhere", 0, "does not say where 'nowhere' is in 'camera'"),
    ],
)
def test_the_same_is_refused_with_the_same_reason(both: Both, source: str, after_ns: int, reason: str) -> None:
    told = []
    for one in (both.ros, both.own):
        with pytest.raises(NoTransformError) as refused:
            one.find("camera", source, T0 + after_ns)
        told.append(str(refused.value))
    assert reason in told[0] and told[0] == told[1]


def test_nothing_is_known_once_it_listens_no_more(both: Both) -> None:
    both.ros.stop()
    with pytest.raises(NoTransformError, match="TF is not heard yet"):
        both.ros.find("camera", "tip", T0)
