"""Publishing ROS messages over DDS."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np
from cyclonedds.core import DDSException
from cyclonedds.domain import DomainParticipant
from cyclonedds.internal import DDS
from cyclonedds.pub import DataWriter
from cyclonedds.topic import Sample
from cyclonedds.topic import Topic as CycloneTopic

from hoi_perception.ros.dds.qos import qos
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.topics import Topic

# Called through ctypes other threads run meanwhile; the function of Cyclone's package holds the interpreter's lock.
_write = DDS._dll_handle["dds_write"]
_write.argtypes = (ctypes.c_int32, ctypes.c_void_p)
_write.restype = ctypes.c_int32
_LITTLE_ENDIAN = bytes([0, 1, 0, 0])  # the header of CDR


class Encoder:
    """CDR of one type of message, in memory that is used again: fresh memory costs 3 ms for an image of 2.7 MB."""

    def __init__(self, messages: BagMessages, ros_type: str) -> None:
        self._typestore, self._definition = messages.typestore, messages.typestore.get_msgdef(ros_type)
        self._memory = bytearray(_LITTLE_ENDIAN)

    def encode(self, message: Any) -> memoryview:
        """The message in little endian and whole words, valid until the next one is encoded."""
        content = self._definition.getsize_cdr(0, message, self._typestore)
        size = len(_LITTLE_ENDIAN) + content + -content % 4
        if len(self._memory) < size:
            self._memory = bytearray(_LITTLE_ENDIAN + bytes(size))
        view = memoryview(self._memory)[:size]
        np.frombuffer(view, dtype=np.uint8)[len(_LITTLE_ENDIAN) :] = 0  # gaps and ends of texts are not written
        self._definition.serialize_cdr_le(view[len(_LITTLE_ENDIAN) :], 0, message, self._typestore)
        return view


class Writer:
    """Publishes one topic. `lost` counts messages that were given up."""

    def __init__(
        self,
        topic: Topic,
        participant: DomainParticipant,
        on_topic: CycloneTopic[Any],
        user_data: str,
        messages: BagMessages,
    ) -> None:
        self.topic = topic
        self.lost = 0
        self._encoder, self._encoding = Encoder(messages, topic.type), threading.Lock()
        self._writer: DataWriter[Any] | None = DataWriter(participant, on_topic, qos(topic, user_data))
        self.gid = bytes(self._writer.guid.bytes)
        """The 16 bytes by which ROS knows the writer."""

    @property
    def subscribed(self) -> int:
        """Readers that match."""
        return len(self._writer.get_matched_subscriptions()) if self._writer is not None else 0

    def publish(self, message: Any) -> bool:
        """Sends a message of rosbags' classes; False if it was given up because a reader does not keep up."""
        with self._encoding:
            return self.publish_encoded(self._encoder.encode(message))

    def publish_encoded(self, data: bytes | memoryview) -> bool:
        """Sends CDR; DDSException if it is not that of the topic's type."""
        writer = self._writer
        if writer is None:
            return False
        if len(data) % 4:  # Cyclone sends whole words
            data = bytes(data) + bytes(-len(data) % 4)
        buffer = np.frombuffer(data, dtype=np.uint8)
        sample = Sample(buffer.ctypes.data, buffer.size)
        code = int(_write(writer._ref, ctypes.byref(sample)))
        if code < 0 and code != DDSException.DDS_RETCODE_TIMEOUT:
            raise DDSException(code, f"Publishing {self.topic.name}")
        self.lost += code < 0
        return code >= 0

    def close(self) -> None:
        """Ends the publisher; nothing is sent any more."""
        self._writer = None
