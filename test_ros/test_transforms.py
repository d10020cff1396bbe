"""TF as tf2 has it and as the node without ROS has it: the same places, and the same that are refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
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
CLOCK = "rosgraph_msgs/msg/Clock"


class Both:
    """One tree of frames, heard by tf2 and by our own buffer, through the bytes that go over the wire."""

    def __init__(self, node: Any) -> None:
        self.node, self.news = node, 0
        self.ros, self.own, self._bag = HeardFrames(node, self._tell), TransformBuffer(), BagMessages()
        self.ros.listen()

    def _tell(self) -> None:
        self.news += 1

    def hear(self, stamp: int, parent: str, child: str, numbers: Any, *, static: bool = False) -> None:
        """A place, and a quaternion x, y, z, w of any length."""
        one = message_class("geometry_msgs/msg/TransformStamped")(child_frame_id=child)
        one.header.frame_id = parent
        one.header.stamp = Time(nanoseconds=stamp).to_msg()
        q = np.asarray(numbers[3:]) / np.linalg.norm(numbers[3:])
        t, r = one.transform.translation, one.transform.rotation
        t.x, t.y, t.z, r.x, r.y, r.z, r.w = (float(v) for v in (*numbers[:3], *q))
        message, listener = message_class(KIND)(transforms=[one]), self.ros._listener
        (listener.static_callback if static else listener.callback)(message)
        self.own.add(self._bag.decode(serialize_message(message), KIND), static=static)


@contextmanager
def hearing(**parameters: Any) -> Iterator[Both]:
    """A node that hears nothing but what it is told."""
    context = rclpy.Context()
    rclpy.init(context=context)
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    node = rclpy.create_node("hears", context=context, parameter_overrides=overrides)
    both = Both(node)
    try:
        yield both
    finally:
        both.ros.stop()
        node.destroy_node()
        rclpy.shutdown(context=context)


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    """A camera that stays, and a tip on an arm, both moving by chance, each at times of its own."""
    rng = np.random.default_rng(3)
    with hearing() as made:
        for k in range(20):
            made.hear(T0 + k * SECOND // 10, "base", "arm", rng.normal(size=7))
            made.hear(T0 + k * SECOND // 7, "arm", "tip", rng.normal(size=7))
        made.hear(0, "base", "camera", rng.normal(size=7), static=True)
        assert made.news == 41, "every transform is told"
        yield made


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


def test_nothing_is_known_once_it_listens_no_more() -> None:
    with hearing() as both:
        both.hear(0, "base", "camera", [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0], static=True)
        assert both.ros.find("base", "camera", T0).t_target_source[1] == 2.0
        both.ros.stop()
        with pytest.raises(NoTransformError, match="TF is not heard yet"):
            both.ros.find("base", "camera", T0)


def test_a_recording_that_starts_again_starts_tf_anew() -> None:
    """Simulated time jumps back by ten seconds: what was heard of frames that move is of the last round."""
    with hearing(use_sim_time=True) as both:
        executor = SingleThreadedExecutor(context=both.node.context)
        executor.add_node(both.node)
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        clock = both.node.create_publisher(message_class(CLOCK), "/clock", best_effort)

        def at(stamp: int) -> None:
            for _ in range(500):
                if both.node.get_clock().now().nanoseconds == stamp:
                    return
                clock.publish(message_class(CLOCK)(clock=Time(nanoseconds=stamp).to_msg()))
                executor.spin_once(timeout_sec=0.02)
            raise AssertionError("the clock does not follow")

        at(T0 + 10 * SECOND)
        both.hear(T0 + 10 * SECOND, "base", "arm", [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
        both.hear(0, "base", "camera", [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0], static=True)
        assert both.ros.find("base", "arm", T0 + 10 * SECOND).t_target_source[0] == 1.0
        at(T0)
        with pytest.raises(NoTransformError, match="does not say where 'arm' is"):
            both.ros.find("base", "arm", T0 + 10 * SECOND)
        assert both.ros.find("base", "camera", T0).t_target_source[1] == 2.0
