"""Small recordings with frames that tell their own number."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from hoi_perception.camera import camera_from_fov
from hoi_perception.io.video_writer import open_video
from hoi_perception.ros.conversions import camera_info_message, header_message, image_message
from hoi_perception.ros.messages import BagMessages
from hoi_perception.types import Camera

WIDTH, HEIGHT = 64, 48
MESSAGES = BagMessages()


def numbered_image(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Even grey that tells the number: 20 levels a frame."""
    return np.full((height, width, 3), 20 * (index % 12) + 10, dtype=np.uint8)


def number_of(image: np.ndarray) -> int:
    """The number of such an image, lossy coding survived."""
    return round((float(image.mean()) - 10) / 20)


def write_video(path: Path, frames: int = 10, rate_hz: float = 25.0) -> Path:
    with open_video(path, rate_hz) as video:
        for index in range(frames):
            video.write(numbered_image(index))
    return path


def write_noise_video(path: Path, frames: int = 60) -> Path:
    """A video whose bytes are spread over its frames, for cutting off."""
    rng = np.random.default_rng(0)
    with open_video(path, 25.0) as video:
        for _ in range(frames):
            video.write(rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    return path


def camera_of_bag() -> Camera:
    return camera_from_fov(WIDTH, HEIGHT, 40.0, assumed=False)


def compressed_message(image: np.ndarray, stamp: int) -> object:
    data = cv2.imencode(".png", image)[1].reshape(-1)
    header = header_message(stamp, "eye", MESSAGES)
    return MESSAGES.make(
        "sensor_msgs/msg/CompressedImage", header=header, format="bgr8; png compressed bgr8", data=data
    )


def images(count: int = 4, first_ns: int = 5_000_000_000) -> list[tuple[int, object]]:
    """Raw images 1/25 s apart with stamps of their own; the bag's clock runs 1 s ahead of them."""
    stamps = [first_ns + 40_000_000 * i for i in range(count)]
    return [(s + 1_000_000_000, image_message(numbered_image(i), s, "eye", MESSAGES)) for i, s in enumerate(stamps)]


def infos(camera: Camera | None = None, count: int = 4) -> list[tuple[int, object]]:
    camera = camera or camera_of_bag()
    return [(s, camera_info_message(camera, 0, "eye", MESSAGES)) for s, _ in images(count)]


def write_bag(
    path: Path, topics: dict[str, list[tuple[int, object]]], storage: StoragePlugin = StoragePlugin.MCAP
) -> Path:
    """A bag of `(received ns, message)` per topic."""
    with Writer(path, version=9, storage_plugin=storage) as writer:
        connections = {
            topic: writer.add_connection(topic, messages[0][1].__msgtype__, typestore=MESSAGES.typestore)
            for topic, messages in topics.items()
        }
        rows = [(received, topic, m) for topic, messages in topics.items() for received, m in messages]
        for received, topic, message in sorted(rows, key=lambda row: row[0]):
            writer.write(connections[topic], received, MESSAGES.encode(message))
    return path
