"""Scenes as a recording that ROS 2 and other MCAP tools read, on their own or beside the recording they came from."""

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

from hoi_perception.io.bag_copy import Channel, Originals
from hoi_perception.io.whole_results import whole_file
from hoi_perception.ros import topics
from hoi_perception.ros.conversions import (
    camera_info_message,
    contact_array_message,
    frame_status_message,
    hand_array_message,
    instrument_array_message,
    mesh_topology_message,
    mesh_vertices_message,
    scene_message,
    sendable_scene,
    tf_message,
)
from hoi_perception.ros.frame_names import FrameNames
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.topics import Durability, Topic
from hoi_perception.types import Scene, Side

RESULTS = (
    topics.HANDS,
    topics.HAND_MESHES,
    topics.MESH_TOPOLOGY,
    topics.INSTRUMENTS,
    topics.CONTACTS,
    topics.SCENE,
    topics.FRAME_STATUS,
)
CAMERA_INFO = Topic("camera_info", "sensor_msgs/msg/CameraInfo")
TOPICS = (*RESULTS, CAMERA_INFO, topics.TF)
Faces = Integer[NDArray[Any], "f 3"]


class SceneBag:
    """An open recording: every scene goes in at the time given with it, else at its own stamp.

    With `originals`, each scene comes after what was received up to its time. `renamed` says which of our topics have
    another name than usual, because the recording has one of that name.
    """

    def __init__(self, writer: Writer, faces: Mapping[Side, Faces], originals: Originals | None = None) -> None:
        self._writer, self._faces, self._originals = writer, faces, originals
        self._messages, self._names, self._empty = BagMessages(), FrameNames(), True
        channels = originals.channels if originals is not None else ()
        self._copied = {channel: self._connect_channel(channel) for channel in channels}
        names = topic_names({channel.topic: channel.type for channel in channels})
        self._connections = {topic: self._connect(topic, name) for topic, name in names.items()}
        self.renamed = {_usual_name(t): name for t, name in names.items() if name != _usual_name(t)}

    def write(
        self, scene: Scene, *, device: str = "cpu", dropped_frames: int = 0, received_ns: int | None = None
    ) -> None:
        """Everything of one image; the faces go before the first."""
        time = scene.stamp_ns if received_ns is None else received_ns
        self._copy(time)
        self._names = self._names.after(scene)
        scene, messages = sendable_scene(scene), self._messages
        stamp, frame_id = scene.stamp_ns, scene.frame_id
        if self._empty:
            for side, faces in self._faces.items():
                self._put(topics.MESH_TOPOLOGY, time, mesh_topology_message(side, faces, messages))
            self._empty = False
        for topic, message in (
            (CAMERA_INFO, camera_info_message(scene.camera, stamp, frame_id, messages)),
            (topics.HANDS, hand_array_message(scene, messages)),
            (topics.HAND_MESHES, mesh_vertices_message(scene.hands, stamp, frame_id, messages)),
            (topics.INSTRUMENTS, instrument_array_message(scene, messages)),
            (topics.CONTACTS, contact_array_message(scene, messages)),
            (topics.TF, tf_message(scene, messages, names=self._names, tips=True)),
            (topics.FRAME_STATUS, frame_status_message(scene, messages, device=device, dropped_frames=dropped_frames)),
            (topics.SCENE, scene_message(scene, messages, device=device, dropped_frames=dropped_frames)),
        ):
            self._put(topic, time, message)

    def finish(self) -> None:
        """The rest of the originals, after the last scene."""
        self._copy(None)

    def _copy(self, received_ns: int | None) -> None:
        if self._originals is not None:
            for channel, received, data in self._originals.until(received_ns):
                self._writer.write(self._copied[channel], received, data)

    def _put(self, topic: Topic, time: int, message: Any) -> None:
        self._writer.write(self._connections[topic], time, self._messages.encode(message))

    def _connect(self, topic: Topic, name: str) -> Connection:
        for channel, connection in self._copied.items():
            if channel.topic == name:
                return connection
        return self._writer.add_connection(
            name, topic.type, typestore=self._messages.typestore, offered_qos_profiles=[_qos(topic)]
        )

    def _connect_channel(self, channel: Channel) -> Connection:
        return self._writer.add_connection(
            channel.topic,
            channel.type,
            msgdef=channel.definition,
            rihs01=channel.digest,
            serialization_format=channel.encoding,
            offered_qos_profiles=channel.qos,
        )


def topic_names(taken: Mapping[str, str]) -> dict[Topic, str]:
    """Names of our topics beside those of a recording, given with their types.

    A name that is taken goes under /hoi_perception (or _2, …); where one of our results' is, from an earlier run, all
    do. TF is one topic for everybody.
    """
    prefix = next(p for p in _prefixes() if not any(name.startswith(f"{p}/") for name in taken))
    ran_before = any(_usual_name(topic) in taken for topic in RESULTS)
    names = {}
    for topic in TOPICS:
        name = _usual_name(topic)
        free = name not in taken or (topic is topics.TF and taken[name] == topic.type)
        names[topic] = name if free and not ran_before else prefix + name
    return names


def type_digests() -> dict[str, str]:
    """ROS 2's hashes of the types that are written: a recording has room for one definition of each."""
    typestore = BagMessages().typestore
    return {topic.type: typestore.hash_rihs01(topic.type) for topic in TOPICS}


def _prefixes() -> Iterator[str]:
    yield "/hoi_perception"
    number = 2
    while True:
        yield f"/hoi_perception_{number}"
        number += 1


def _usual_name(topic: Topic) -> str:
    return "/" + topic.name.lstrip("/")


@contextmanager
def open_scene_bag(
    target: Path, faces: Mapping[Side, Faces], *, compressed: bool = True, originals: Originals | None = None
) -> Iterator[SceneBag]:
    """A recording that appears as the one file `target` when the context ends well, in zstd chunks where compressed."""
    with whole_file(target) as partial, TemporaryDirectory(prefix=".bag-", dir=target.parent) as folder:
        bag = Path(folder) / "bag"
        writer = Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP)
        if compressed:
            writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        with writer:
            yield SceneBag(writer, faces, originals)
        (bag / "bag.mcap").replace(partial)


def _qos(topic: Topic) -> Qos:
    forever = QosTime(9223372036, 854775807)
    latched = topic.durability is Durability.TRANSIENT_LOCAL
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=topic.depth,
        reliability=QosReliability.RELIABLE,
        durability=QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        deadline=forever,
        lifespan=forever,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=forever,
        avoid_ros_namespace_conventions=False,
    )
