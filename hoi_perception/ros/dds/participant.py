"""A ROS node as a DDS participant: its publishers, its subscriptions, and its place in ROS's graph."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np
from cyclonedds.domain import DomainParticipant
from cyclonedds.qos import Policy, Qos
from cyclonedds.topic import Topic as CycloneTopic

from hoi_perception.ros.dds.domain import Domain
from hoi_perception.ros.dds.idl import IdlTypes
from hoi_perception.ros.dds.names import NodeNames, NodeSetupError, dds_topic
from hoi_perception.ros.dds.qos_overrides import End, QosOverrides
from hoi_perception.ros.dds.reader import Log, Reader, Receiver
from hoi_perception.ros.dds.writer import Writer
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.topics import Durability, Topic

_GRAPH = Topic(
    "ros_discovery_info",
    "rmw_dds_common/msg/ParticipantEntitiesInfo",
    durability=Durability.TRANSIENT_LOCAL,
    depth=1,
)
"""Where ROS nodes tell which endpoints are theirs; a plain DDS name, the same in every namespace."""
_NOTHING_OVERRIDDEN = QosOverrides()


class Participant:
    """A node. `ros2 node list` and `ros2 topic info -v` name it like any other."""

    def __init__(
        self,
        domain: Domain,
        names: NodeNames,
        messages: BagMessages,
        log: Log,
        overrides: QosOverrides = _NOTHING_OVERRIDDEN,
    ) -> None:
        self.names, self._messages, self._overrides = names, messages, overrides
        self._types = IdlTypes(messages.typestore)
        # Without the enclave ROS takes the participant for one that is not ROS's.
        participant = DomainParticipant(domain.number, Qos(Policy.Userdata(b"enclave=/;")))
        self._participant: DomainParticipant | None = participant
        self._gid = bytes(participant.guid.bytes)
        self._topics: dict[str, CycloneTopic[Any]] = {}
        self._writers: list[Writer] = []
        self._readers: list[Reader] = []
        self._receiver = Receiver(participant, log)
        for name in overrides.left_out:
            log("info", f"{name} is left out: {names.full} has no such topic")
        self._graph = Writer(
            _GRAPH, participant, self._topic(_GRAPH.name, _GRAPH.type), self._type_hash(_GRAPH), messages
        )
        self._announce()

    def writer(self, topic: Topic) -> Writer:
        """A publisher of the topic under its resolved name."""
        topic = self._overrides.applied(topic, self.names.resolve(topic.name), End.PUBLISHER)
        writer = Writer(topic, self._open, self._resolved(topic), self._type_hash(topic), self._messages)
        self._writers.append(writer)
        self._announce()
        return writer

    def reader(self, topic: Topic, callback: Callable[[Any], None]) -> Reader:
        """A subscription of the topic under its resolved name; `callback` is called in the receiver's thread."""
        topic = self._overrides.applied(topic, self.names.resolve(topic.name), End.SUBSCRIPTION)
        on_topic, type_hash = self._resolved(topic), self._type_hash(topic)
        reader = Reader(topic, self._open, on_topic, type_hash, self._messages, callback)
        self._readers.append(reader)
        self._receiver.add(reader)
        self._announce()
        return reader

    def close(self) -> None:
        """Leaves the domain; no callback runs any more. Idempotent."""
        if self._participant is None:
            return
        self._receiver.close()
        for writer in (*self._writers, self._graph):
            writer.close()
        for reader in self._readers:
            reader.close()
        self._topics.clear()
        self._participant = None

    def __enter__(self) -> Participant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _open(self) -> DomainParticipant:
        if self._participant is None:
            raise NodeSetupError(f"{self.names.full} is closed: open another node")
        return self._participant

    def _resolved(self, topic: Topic) -> CycloneTopic[Any]:
        return self._topic(dds_topic(self.names.resolve(topic.name)), topic.type)

    def _topic(self, dds_name: str, ros_type: str) -> CycloneTopic[Any]:
        """One per name: a writer and a reader of the same topic share it."""
        if dds_name not in self._topics:
            self._topics[dds_name] = CycloneTopic(self._open, dds_name, self._types.struct(ros_type))
        return self._topics[dds_name]

    def _type_hash(self, topic: Topic) -> str:
        """What ROS looks for in the user data of writers and readers; it warns where there is none."""
        return f"typehash={self._messages.typestore.hash_rihs01(topic.type)};"

    def _announce(self) -> None:
        """Tells ROS which writers and readers are this node's."""
        make = self._messages.make
        node = make(
            "rmw_dds_common/msg/NodeEntitiesInfo",
            node_namespace=self.names.namespace,
            node_name=self.names.node,
            reader_gid_seq=[self._gid_message(reader.gid) for reader in self._readers],
            writer_gid_seq=[self._gid_message(writer.gid) for writer in self._writers],
        )
        gid = self._gid_message(self._gid)
        self._graph.publish(make(_GRAPH.type, gid=gid, node_entities_info_seq=[node]))

    def _gid_message(self, gid: bytes) -> Any:
        return self._messages.make("rmw_dds_common/msg/Gid", data=np.frombuffer(gid, dtype=np.uint8))
