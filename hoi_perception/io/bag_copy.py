"""The messages of a recording as they are, for a copy beside the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rosbags.interfaces import Connection, ConnectionExtRosbag2, Qos

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

Raw = tuple["Channel", int, bytes]
"""A topic, when the message was received (ns), and its bytes."""


@dataclass(frozen=True)
class Channel:
    """One topic of a recording with all that a copy needs."""

    topic: str
    type: str
    definition: str
    digest: str
    encoding: str
    qos: tuple[Qos, ...]


class Originals:
    """Messages in the order of their receipt. `left_out` says which topics cannot be copied, and why.

    `digests` are those of types that may only be copied in this version.
    """

    def __init__(
        self, reader: AnyReader, messages: Iterator[tuple[Connection, int, bytes]], digests: Mapping[str, str]
    ) -> None:
        self.left_out: list[str] = []
        self._channels: dict[int, Channel] = {}
        for connection in reader.connections:
            channel = _channel(reader, connection)
            if channel is None:
                self.left_out.append(f"{connection.topic}: the bag does not say what {connection.msgtype} is")
            elif digests.get(channel.type, channel.digest) != channel.digest:
                self.left_out.append(f"{connection.topic}: {connection.msgtype} is not the one that is written here")
            else:
                self._channels[connection.id] = channel
        self._messages = self._known(messages)
        self._next = next(self._messages, None)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Every topic once, even where several publishers had it."""
        return tuple(dict.fromkeys(self._channels.values()))

    def until(self, received_ns: int | None) -> Iterator[Raw]:
        """What was received up to then and did not come before; everything for None."""
        while self._next is not None and (received_ns is None or self._next[1] <= received_ns):
            message, self._next = self._next, next(self._messages, None)
            yield message

    def _known(self, messages: Iterator[tuple[Connection, int, bytes]]) -> Iterator[Raw]:
        for connection, received, data in messages:
            if (channel := self._channels.get(connection.id)) is not None:
                yield channel, received, data


def _channel(reader: AnyReader, connection: Connection) -> Channel | None:
    """None where neither the recording nor ROS's own definitions tell the type."""
    if connection.msgtype not in reader.typestore.fielddefs:
        return None
    definition = connection.msgdef.data or reader.typestore.generate_msgdef(connection.msgtype, ros_version=2)[0]
    digest = reader.typestore.hash_rihs01(connection.msgtype)
    assert isinstance(connection.ext, ConnectionExtRosbag2)
    qos = tuple(connection.ext.offered_qos_profiles)
    encoding = connection.ext.serialization_format
    return Channel(connection.topic, connection.msgtype, definition, digest, encoding, qos)
