"""A camera, and somebody who listens, in a process of their own: `camera_process.py DOOR SECONDS JPEG TOPIC…`.

Called by ros_doors.py. Images are stamped just before they are published.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np

from hoi_perception.camera import camera_from_fov
from hoi_perception.ros import conversions, topics
from hoi_perception.ros.messages import Messages
from hoi_perception.ros.topics import Topic

WIDTH, HEIGHT, RATE_HZ = 1280, 720, 30.0
CAMERA = camera_from_fov(WIDTH, HEIGHT, 60.0)
Publish = Callable[[Topic, Any], None]


def picture() -> np.ndarray:
    """Faint noise."""
    return np.random.default_rng(1).integers(60, 90, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def jpeg_of(image: np.ndarray) -> np.ndarray:
    """As a camera would send it."""
    return np.asarray(cv2.imencode(".jpg", cv2.GaussianBlur(image, (9, 9), 0))[1]).reshape(-1)


def play(publish: Publish, messages: Messages, seconds: float, *, jpeg: bool) -> int:
    """Publish images with their CameraInfo at the camera's rate; how many."""
    image = picture()
    coded, frames = jpeg_of(image), round(seconds * RATE_HZ)
    begin = time.monotonic() + 0.1
    for i in range(frames):
        time.sleep(max(0.0, begin + i / RATE_HZ - time.monotonic()))
        stamp = time.time_ns()
        publish(topics.CAMERA_INFO, conversions.camera_info_message(CAMERA, stamp, "camera", messages))
        if jpeg:
            publish(topics.COMPRESSED_IMAGE, jpeg_message(coded, stamp, messages))
        else:
            publish(topics.IMAGE, conversions.image_message(image, stamp, "camera", messages))
    return frames


def jpeg_message(coded: np.ndarray, stamp: int, messages: Messages) -> Any:
    """sensor_msgs/CompressedImage."""
    header = conversions.header_message(stamp, "camera", messages)
    data = messages.sequence(coded)
    return messages.make("sensor_msgs/msg/CompressedImage", header=header, format="jpeg", data=data)


@contextmanager
def rclpy_camera(listened: set[str]) -> Iterator[tuple[Publish, Messages]]:
    """Through rclpy."""
    import threading

    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from hoi_perception.ros.rclpy_messages import RclpyMessages, message_class
    from hoi_perception.ros.rclpy_qos import qos_profile

    rclpy.init()
    node = rclpy.create_node("camera")
    made = {t: node.create_publisher(message_class(t.type), t.name, qos_profile(t)) for t in topics.INPUTS}
    for topic in topics.OUTPUTS:
        if topic.name in listened:
            node.create_subscription(message_class(topic.type), topic.name, lambda _: None, qos_profile(topic))
    executor, end = SingleThreadedExecutor(), rclpy.task.Future()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin_until_future_complete, args=(end,))
    thread.start()
    yield lambda topic, message: made[topic].publish(message), RclpyMessages()
    end.set_result(None)
    thread.join()
    node.destroy_node()
    rclpy.shutdown()


@contextmanager
def dds_camera(listened: set[str]) -> Iterator[tuple[Publish, Messages]]:
    """Through Cyclone DDS."""
    from hoi_perception.ros.dds.domain import Domain, Reach, domain_of_environment
    from hoi_perception.ros.dds.names import NodeNames
    from hoi_perception.ros.dds.participant import Participant
    from hoi_perception.ros.messages import BagMessages

    messages = BagMessages()
    with (
        Domain(domain_of_environment(), Reach.LOCALHOST) as domain,
        Participant(domain, NodeNames.of("camera"), messages, lambda *_: None) as participant,
    ):
        made = {t: participant.writer(t) for t in topics.INPUTS}
        for topic in topics.OUTPUTS:
            if topic.name in listened:
                participant.reader(topic, lambda _: None)
        yield lambda topic, message: made[topic].publish(message) and None, messages


CAMERAS = {"rclpy": rclpy_camera, "dds": dds_camera}


def main(door: str, seconds: str, jpeg: str, *listened: str) -> None:
    """One run."""
    with CAMERAS[door](set(listened)) as (publish, messages):
        time.sleep(2.0)  # until both sides know each other
        play(publish, messages, float(seconds), jpeg=jpeg == "jpeg")
        time.sleep(0.5)


if __name__ == "__main__":
    main(*sys.argv[1:])
