"""`camera_node`: a USB camera or a recording as a ROS camera, for machines without a camera driver.

Without a calibration there is no `camera_info`: an assumption would pass for a measurement.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from hoi_perception.ros import topics
from hoi_perception.ros.conversions import camera_info_message, image_message
from hoi_perception.ros.rclpy_messages import installed_messages, message_class
from hoi_perception.ros.rclpy_qos import qos_profile
from hoi_perception.ros.topics import Reliability, Topic
from hoi_perception.types import Frame

IMAGE = Topic("image_raw", topics.IMAGE.type, Reliability.RELIABLE, depth=2)
INFO = Topic("camera_info", topics.CAMERA_INFO.type, Reliability.RELIABLE, depth=2)


@dataclass(frozen=True)
class CameraSettings:
    """Parameters of the node."""

    source: str
    camera_file: str
    frame_id: str
    loop: bool


_PARAMETERS: dict[str, tuple[Any, str]] = {
    "source": ("0", "Index of a camera, a video file, or a folder of images."),
    "camera_file": ("", "ROS calibration YAML of the camera; without it no camera_info is published."),
    "frame_id": ("camera", "Optical frame of the images."),
    "loop": (True, "Start a recording again at its end."),
}


class CameraNode(Node):
    """Publishes `image_raw` and `camera_info` from a thread of its own. `ended` is called when no frame is to come.

    `frames` opens the source; what it raises is raised here.
    """

    def __init__(
        self, frames: Callable[[CameraSettings], Iterator[Frame]], ended: Callable[[str], None], **options: Any
    ) -> None:
        super().__init__("camera", **options)
        for name, (default, text) in _PARAMETERS.items():
            self.declare_parameter(name, default, ParameterDescriptor(description=text, read_only=True))
        settings = CameraSettings(**{name: self.get_parameter(name).value for name in _PARAMETERS})
        self._messages = installed_messages()
        self._image = self.create_publisher(message_class(IMAGE.type), IMAGE.name, qos_profile(IMAGE))
        self._info = self.create_publisher(message_class(INFO.type), INFO.name, qos_profile(INFO))
        self._frames, self._ended = frames(settings), ended
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()
        self.get_logger().info(f"{settings.source} on {self._image.topic_name}")

    def close(self) -> None:
        """End the thread and the node."""
        self._stop.set()
        self._thread.join()
        self.destroy_node()

    def _run(self) -> None:
        reason = "the source has ended"
        try:
            for frame in self._frames:
                if self._stop.is_set():
                    return
                self._publish(frame)
        except Exception as error:  # noqa: BLE001  whatever it is, the process ends and tells it
            reason = f"{type(error).__name__}: {error}"
        self._ended(reason)

    def _publish(self, frame: Frame) -> None:
        stamp, name, messages = frame.stamp_ns, frame.frame_id, self._messages
        if not frame.camera.assumed:
            self._info.publish(messages.encode(camera_info_message(frame.camera, stamp, name, messages)))
        self._image.publish(messages.encode(image_message(frame.image_bgr, stamp, name, messages)))
