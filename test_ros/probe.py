"""A ROS node for tests: sends frames, collects what comes, asks services."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParameters
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from hoi_perception.ros.conversions import camera_info_message, image_message
from hoi_perception.ros.rclpy_messages import RclpyMessages, message_class
from hoi_perception.types import Frame

TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}
LATCHED = QoSProfile(depth=8, durability=DurabilityPolicy.TRANSIENT_LOCAL, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
TIMEOUT_S = 60.0


class Probe:
    """A node that spins in its own thread while the context lasts; `target` is the full name of the node tested.

    It is a camera from the first image that it sends.
    """

    def __init__(self, target: str, camera: str = "/camera") -> None:
        self.target, self.camera = target, camera

    def __enter__(self) -> Probe:
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node("probe", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self._messages = RclpyMessages()
        return self

    @cached_property
    def _image(self) -> Any:
        return self._camera_publisher("sensor_msgs/msg/Image", "image_raw")

    @cached_property
    def _info(self) -> Any:
        return self._camera_publisher("sensor_msgs/msg/CameraInfo", "camera_info")

    def _camera_publisher(self, kind: str, name: str) -> Any:
        """As soon as somebody subscribes."""
        made = self.publisher(kind, f"{self.camera}/{name}")
        self.wait(made.get_subscription_count, f"nobody subscribes to {self.camera}/{name}")
        return made

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        rclpy.shutdown(context=self._context)
        self._thread.join()
        self.node.destroy_node()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def publisher(self, kind: str, topic: str, qos: QoSProfile | int = 5) -> Any:
        """A publisher of a message type by name."""
        return self.node.create_publisher(message_class(kind), topic, qos)

    def collect(self, kind: str, topic: str, qos: QoSProfile | int = 50) -> list[Any]:
        """Every message of a topic from now on, in a list that grows."""
        taken: list[Any] = []
        self.node.create_subscription(message_class(kind), topic, taken.append, qos)
        return taken

    def send(self, frame: Frame, stamp_ns: int | None = None, *, info: bool = True) -> int:
        """One image with its calibration; the stamp that it got, now by default."""
        stamp = time.time_ns() if stamp_ns is None else stamp_ns
        if info:
            self.send_info(frame, stamp)
        self._image.publish(image_message(frame.image_bgr, stamp, frame.frame_id, self._messages))
        return stamp

    def send_info(self, frame: Frame, stamp_ns: int) -> None:
        """The calibration of a frame."""
        self._info.publish(camera_info_message(frame.camera, stamp_ns, frame.frame_id, self._messages))

    def send_raw(self, message: Any) -> None:
        """An image message as it is."""
        self._image.publish(message)

    def play(self, frames: Sequence[Frame], until: Callable[[], Any], what: str, rate_hz: float = 15.0) -> Any:
        """Send the frames again and again until something is true; its value. Fails with `what` after a minute."""
        end, index = time.monotonic() + TIMEOUT_S, 0
        while time.monotonic() < end:
            self.send(frames[index % len(frames)])
            index += 1
            time.sleep(1.0 / rate_hz)
            if value := until():
                return value
        raise AssertionError(f"after {TIMEOUT_S:.0f} s of images: {what}")

    def wait(self, until: Callable[[], Any], what: str, timeout_s: float = TIMEOUT_S) -> Any:
        """Wait until something is true; its value. Fails with `what` after a while."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if value := until():
                return value
            time.sleep(0.02)
        raise AssertionError(f"after {timeout_s:.0f} s: {what}")

    def settle(self, taken: list[Any], for_s: float = 1.0) -> None:
        """Wait until nothing more comes into a list that `collect` gave."""
        count = -1
        while count != len(taken):
            count = len(taken)
            time.sleep(for_s)

    def call(self, kind: type[Any], service: str, request: Any) -> Any:
        """Answer of a service of the node tested (`~/name`) or of any other."""
        client = self.node.create_client(kind, service.replace("~", self.target))
        try:
            assert client.wait_for_service(TIMEOUT_S), f"{service} is not offered"
            future = client.call_async(request)
            self.wait(future.done, f"{service} did not answer")
            return future.result()
        finally:
            self.node.destroy_client(client)

    def transition(self, name: str) -> bool:
        """Whether a transition of the lifecycle succeeded."""
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[name]))
        return bool(self.call(ChangeState, "~/change_state", request).success)

    def state(self) -> str:
        """Label of the lifecycle's state."""
        return str(self.call(GetState, "~/get_state", GetState.Request()).current_state.label)

    def set_parameter(self, name: str, value: Any) -> Any:
        """Result of setting one parameter: `successful`, `reason`."""
        message = Parameter(name, value=value).to_parameter_msg()
        return self.call(SetParameters, "~/set_parameters", SetParameters.Request(parameters=[message])).results[0]

    def parameter(self, name: str) -> Any:
        """Value of a parameter."""
        values = self.call(GetParameters, "~/get_parameters", GetParameters.Request(names=[name])).values
        return Parameter.from_parameter_msg(_named(name, values[0])).value

    def describe(self, name: str) -> Any:
        """Descriptor of a parameter."""
        request = DescribeParameters.Request(names=[name])
        return self.call(DescribeParameters, "~/describe_parameters", request).descriptors[0]


def _named(name: str, value: Any) -> Any:
    from rcl_interfaces.msg import Parameter as Message

    return Message(name=name, value=value)


def stamp_of(header: Any) -> int:
    """Stamp of a header in nanoseconds."""
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)
