"""Scenes as a recording that ROS 2 and other MCAP tools read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jaxtyping import Integer
from numpy.typing import NDArray
from rosbags.interfaces import Connection, Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from hoi_perception.io.whole_results import whole_file
from hoi_perception.ros.conversions import (
    camera_info_message,
    frame_status_message,
    hand_array_message,
    mesh_topology_message,
    mesh_vertices_message,
    sendable_hands,
    tf_message,
)
from hoi_perception.ros.messages import BagMessages
from hoi_perception.types import Scene, Side

TOPICS = {
    "/hands": "hoi_perception/msg/HandArray",
    "/hand_meshes": "hoi_perception/msg/MeshVerticesArray",
    "/mesh_topology": "hoi_perception/msg/MeshTopology",
    "/frame_status": "hoi_perception/msg/FrameStatus",
    "/camera_info": "sensor_msgs/msg/CameraInfo",
    "/tf": "tf2_msgs/msg/TFMessage",
}
_LATCHED = ("/mesh_topology",)
Faces = Integer[NDArray[Any], "f 3"]


class SceneBag:
    """An open recording; every scene goes in with its own stamp."""

    def __init__(self, writer: Writer, faces: Mapping[Side, Faces]) -> None:
        self._writer, self._faces = writer, faces
        self._messages = BagMessages()
        self._connections = {topic: self._connect(topic, name) for topic, name in TOPICS.items()}
        self._empty = True

    def write(self, scene: Scene, *, device: str = "cpu", dropped_frames: int = 0) -> None:
        """Hands, meshes, frames and timing of one image; the faces go before the first."""
        stamp, frame_id, messages = scene.stamp_ns, scene.frame_id, self._messages
        if self._empty:
            for side, faces in self._faces.items():
                self._put("/mesh_topology", stamp, mesh_topology_message(side, faces, messages))
            self._empty = False
        hands = sendable_hands(scene)
        self._put("/camera_info", stamp, camera_info_message(scene.camera, stamp, frame_id, messages))
        self._put("/hands", stamp, hand_array_message(scene, messages))
        self._put("/hand_meshes", stamp, mesh_vertices_message(hands, stamp, frame_id, messages))
        self._put("/tf", stamp, tf_message(scene, messages))
        status = frame_status_message(scene, messages, device=device, dropped_frames=dropped_frames)
        self._put("/frame_status", stamp, status)

    def _put(self, topic: str, stamp: int, message: Any) -> None:
        self._writer.write(self._connections[topic], stamp, self._messages.encode(message))

    def _connect(self, topic: str, name: str) -> Connection:
        qos = [_qos(latched=topic in _LATCHED)]
        return self._writer.add_connection(topic, name, typestore=self._messages.typestore, offered_qos_profiles=qos)


@contextmanager
def open_scene_bag(target: Path, faces: Mapping[Side, Faces], *, compressed: bool = True) -> Iterator[SceneBag]:
    """A recording that appears as the one file `target` when the context ends well, in zstd chunks where compressed."""
    with whole_file(target) as partial, TemporaryDirectory(prefix=".bag-", dir=target.parent) as folder:
        bag = Path(folder) / "bag"
        writer = Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP)
        if compressed:
            writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        with writer:
            yield SceneBag(writer, faces)
        (bag / "bag.mcap").replace(partial)


def _qos(*, latched: bool) -> Qos:
    forever = QosTime(9223372036, 854775807)
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=2 if latched else 10,
        reliability=QosReliability.RELIABLE,
        durability=QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        deadline=forever,
        lifespan=forever,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=forever,
        avoid_ros_namespace_conventions=False,
    )
