"""Images of a ROS 2 bag (mcap or sqlite3) with the calibration that was recorded beside them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection
from rosbags.rosbag2.errors import ReaderError

from hoi_perception.camera import CameraError
from hoi_perception.io.bag_copy import Originals
from hoi_perception.io.camera_choice import CameraChoice, check_size
from hoi_perception.io.input_error import InputError
from hoi_perception.io.sources import Skip, bag_files
from hoi_perception.ros.conversions import (
    EncodingError,
    MessageError,
    calibration_from_message,
    image_bgr,
    stamp_ns,
)
from hoi_perception.ros.messages import BagMessages
from hoi_perception.types import Camera, Frame

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
INFO_TYPE = "sensor_msgs/msg/CameraInfo"
_DAMAGED = (
    AnyReaderError,
    ReaderError,
    apsw.Error,
    struct.error,
    OSError,
    AssertionError,
    KeyError,
    ValueError,
    TypeError,
    EOFError,
)


@dataclass(frozen=True)
class BagFrame(Frame):
    """A frame with the time of its receipt by the bag's clock, which need not be that of the stamps."""

    received_ns: int = 0


class BagSource:
    """Images of one topic with their own stamps and frame ids.

    The camera is the one that the user states, else the latest CameraInfo before the image (a zoom change is followed),
    else the assumed one. An image topic named image_rect is taken as rectified.
    """

    live = False

    def __init__(self, path: Path, choice: CameraChoice, *, topic: str | None = None, rectified: bool = False) -> None:
        self.name = str(path)
        self.skipped: list[Skip] = []
        self.notes: list[str] = []
        self._path, self._choice = path, choice
        with self._reader() as reader:
            self.topic = choose_topic(self.name, reader.connections, topic)
            self.info_topic = choose_info_topic(self.topic, reader.connections)
            count = sum(c.msgcount for c in reader.connections if c.topic == self.topic)
            duration = reader.duration * 1e-9
        self.frame_count: int | None = count
        self.rate_hz: float | None = (count - 1) / duration if count > 1 and duration > 0 else None
        self._rectified = rectified or "image_rect" in self.topic
        if self.info_topic is None and not choice.stated:
            self.notes.append(f"no CameraInfo beside {self.topic}")
        elif self.info_topic not in (None, sibling_info(self.topic)) and not choice.stated:
            self.notes.append(
                f"no CameraInfo beside {self.topic}: that of {self.info_topic} is used, the only one of the bag; "
                "state the camera with --camera if it belongs to another"
            )

    def frames(self) -> Iterator[Frame]:
        """Decoded images; a damaged one is a stated skip."""
        read, camera = 0, self._first_camera()
        with self._reader() as reader:
            wanted = [c for c in reader.connections if c.topic in (self.topic, self.info_topic)]
            for connection, received, data in self._messages(reader, wanted):
                message = self._message(reader, connection, data)
                if message is None:
                    continue
                if connection.topic == self.info_topic:
                    camera = self._camera(message)
                elif (frame := self._frame(message, received, camera)) is not None:
                    read += 1
                    yield frame
        if not read:
            reason = self.skipped[0].reason if self.skipped else "it holds no message"
            raise InputError(f"{self.name}: no image of {self.topic} could be read ({reason}): record the bag again")

    @property
    def size_bytes(self) -> int:
        """What the bag takes on the disk."""
        files = bag_files(self._path) if self._path.is_dir() else [self._path]
        return sum(file.stat().st_size for file in files)

    @contextmanager
    def originals(self, digests: Mapping[str, str]) -> Iterator[Originals]:
        """Every message of the bag as it is, up to where the bag may be damaged, without other versions of types."""
        with self._reader() as reader:
            yield Originals(reader, _until_damage(reader), digests)

    def _frame(self, message: Any, received: int, camera: Camera | None) -> Frame | None:
        try:
            image = image_bgr(message)
        except EncodingError as error:
            raise InputError(f"{self.name}: {self.topic}: {error}") from None
        except MessageError as error:
            self.skipped.append(Skip(1, f"{self.topic}: {error}"))
            return None
        height, width = image.shape[:2]
        where = f"{self.name}: {self.topic}"
        if camera is None:
            camera = self._choice.camera(width, height, where)
        check_size(camera, width, height, where)
        return BagFrame(
            image_bgr=image,
            camera=camera,
            stamp_ns=stamp_ns(message.header) or received,
            frame_id=str(message.header.frame_id) or "camera",
            received_ns=received,
        )

    def _first_camera(self) -> Camera | None:
        """Camera of the first CameraInfo, for images that were recorded before it; None if the user's goes first."""
        if self.info_topic is None or self._choice.stated:
            self.info_topic = None
            return None
        with self._reader() as reader:
            wanted = [c for c in reader.connections if c.topic == self.info_topic]
            for connection, _, data in self._messages(reader, wanted):
                if (message := self._message(reader, connection, data)) is not None:
                    return self._camera(message)
        self.notes.append(f"{self.info_topic} holds no message")
        return None

    def _camera(self, message: Any) -> Camera:
        try:
            return calibration_from_message(message).camera(rectified=self._rectified)
        except CameraError as error:
            hint = "or state the camera with --camera or --fov"
            raise InputError(f"{self.name}: {self.info_topic}: {error}, {hint}") from None

    def _message(self, reader: AnyReader, connection: Connection, data: bytes) -> Any:
        """The message, or None and a stated skip where its bytes are damaged."""
        try:
            return reader.deserialize(data, connection.msgtype)
        except _DAMAGED as error:
            self.skipped.append(Skip(1, f"{connection.topic}: a message is damaged: {_first_line(error)}"))
            return None

    def _messages(self, reader: AnyReader, wanted: list[Connection]) -> Iterator[tuple[Connection, int, bytes]]:
        """Messages of the wanted topics; a damaged end of the bag is a stated skip."""
        try:
            yield from reader.messages(connections=wanted)
        except _DAMAGED as error:
            self.skipped.append(Skip(0, f"the bag is damaged from here on: {_first_line(error)}"))

    @contextmanager
    def _reader(self) -> Iterator[AnyReader]:
        path = self._path
        if path.is_dir() and not (path / "metadata.yaml").is_file():
            path = bag_files(path)[0]
        if path.is_file() and path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty: record it again")
        reader = None
        try:
            reader = AnyReader([path], default_typestore=BagMessages().typestore)
            reader.open()
        except _DAMAGED as error:
            raise InputError(
                f"{self.name}: not a ROS 2 bag that can be read ({_first_line(error)}): "
                "try `ros2 bag reindex` or `mcap recover`, or record it again"
            ) from None
        try:
            yield reader
        finally:
            reader.close()


def choose_topic(name: str, connections: list[Connection], topic: str | None) -> str:
    """The image topic asked for, or the only one there is; raw before its own compressed twin."""
    topics = sorted({c.topic for c in connections if c.msgtype in IMAGE_TYPES and "compressedDepth" not in c.topic})
    if topic is not None:
        if topic not in topics:
            raise InputError(
                f"{name}: no image topic {topic}: choose one with --topic: {', '.join(topics) or 'none there'}"
            )
        return topic
    if not topics:
        raise InputError(f"{name}: no topic with images (sensor_msgs/Image or CompressedImage) in it: record one")
    distinct = [t for t in topics if t.removesuffix("/compressed") == t or t.removesuffix("/compressed") not in topics]
    if len(distinct) > 1:
        raise InputError(f"{name}: several topics with images: choose one with --topic: {', '.join(distinct)}")
    return distinct[0]


def choose_info_topic(topic: str, connections: list[Connection]) -> str | None:
    """The CameraInfo in the image's namespace, else the only one of the bag."""
    infos = {c.topic for c in connections if c.msgtype == INFO_TYPE}
    if (sibling := sibling_info(topic)) in infos:
        return sibling
    return infos.pop() if len(infos) == 1 else None


def sibling_info(topic: str) -> str:
    """Where the CameraInfo of an image topic is by ROS's custom."""
    return topic.removesuffix("/compressed").rpartition("/")[0] + "/camera_info"


def _until_damage(reader: AnyReader) -> Iterator[tuple[Connection, int, bytes]]:
    """Every message; the reading of frames tells where the bag is damaged."""
    with suppress(*_DAMAGED):
        yield from reader.messages()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
