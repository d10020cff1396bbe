"""Receiving ROS messages over DDS: one thread waits for all readers of a node."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cyclonedds._clayer import ddspy_take
from cyclonedds.core import GuardCondition, InstanceState, ReadCondition, SampleState, ViewState, WaitSet
from cyclonedds.domain import DomainParticipant
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic as CycloneTopic
from rosbags.serde import SerdeError

from hoi_perception.ros.dds.qos import qos
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.topics import Topic

_ANY = SampleState.Any | ViewState.Any | InstanceState.Any
_AT_ONCE = 100
"""Messages taken in one go at most: Cyclone refuses very large numbers. What is left wakes the waitset again."""
_HOUR_NS = 3_600_000_000_000
Log = Callable[[str, str], None]


class Reader:
    """Subscribes to one topic and hands its messages to `callback`, in the thread of a `Receiver`."""

    def __init__(
        self,
        topic: Topic,
        participant: DomainParticipant,
        on_topic: CycloneTopic[Any],
        user_data: str,
        messages: BagMessages,
        callback: Callable[[Any], None],
    ) -> None:
        self.topic = topic
        self._messages, self._callback = messages, callback
        self._reader: DataReader[Any] | None = DataReader(participant, on_topic, qos(topic, user_data))
        self.gid = bytes(self._reader.guid.bytes)
        """The 16 bytes by which ROS knows the reader."""

    @property
    def publishers(self) -> int:
        """Writers that match."""
        return len(self._reader.get_matched_publications()) if self._reader is not None else 0

    def attach_to(self, waitset: WaitSet) -> None:
        """Lets the waitset wake up for what arrives."""
        if self._reader is not None:
            waitset.attach(ReadCondition(self._reader, _ANY))

    def take(self) -> list[bytes]:
        """What has arrived since the last time, the newest last, or the first part of it."""
        if self._reader is None:
            return []
        taken = ddspy_take(self._reader._ref, _ANY, min(self.topic.depth, _AT_ONCE))
        if isinstance(taken, int):
            raise OSError(f"Cyclone DDS refuses to read: status {taken}")
        return [data for data, info in taken if info.valid_data]

    def hand_on(self, data: bytes) -> None:
        """Decodes one message for `callback`. Raises SerdeError for bytes that are none, and what `callback` raises."""
        self._callback(self._messages.decode(memoryview(data), self.topic.type))

    def close(self) -> None:
        """Ends the subscription."""
        self._reader = None


class Receiver:
    """The thread that waits for messages. What goes wrong with one is logged, and the next one is received."""

    def __init__(self, participant: DomainParticipant, log: Log) -> None:
        self._log = log
        self._readers: tuple[Reader, ...] = ()
        end, waitset = GuardCondition(participant), WaitSet(participant)
        waitset.attach(end)
        self._end: GuardCondition | None = end
        self._waitset: WaitSet | None = waitset
        self._thread = threading.Thread(target=self._run, args=(waitset, end), name="dds_receiver", daemon=True)
        self._thread.start()

    def add(self, reader: Reader) -> None:
        """Receives for one more reader from now on."""
        if self._waitset is not None:
            self._readers = (*self._readers, reader)
            reader.attach_to(self._waitset)

    def close(self) -> None:
        """Ends the thread after the message that it is at."""
        if self._end is not None:
            self._end.set(True)
            self._thread.join()
        self._readers, self._waitset, self._end = (), None, None

    def _run(self, waitset: WaitSet, end: GuardCondition) -> None:
        while True:
            waitset.wait(_HOUR_NS)
            if end.read():
                return
            for reader in self._readers:
                with self._telling(reader):
                    taken = reader.take()
                    for data in taken:
                        with self._telling(reader):
                            reader.hand_on(data)

    @contextmanager
    def _telling(self, reader: Reader) -> Iterator[None]:
        try:
            yield
        except SerdeError as error:
            self._log("warning", f"{reader.topic.name}: a message that cannot be decoded is left out ({error})")
        except Exception as error:  # noqa: BLE001 - the node lives on, and the log tells
            self._log("error", f"{reader.topic.name}: {type(error).__name__}: {error}")
