"""Stamps and frame ids."""

from __future__ import annotations

from typing import Any

from hoi_perception.ros.messages import Messages

_NS = 1_000_000_000


class MessageError(ValueError):
    """A message that cannot be used; the text says which, why and what to do."""


class EncodingError(MessageError):
    """An image encoding that no message of this topic will ever be decoded from."""


def header_message(stamp: int, frame_id: str, messages: Messages) -> Any:
    """std_msgs/Header of a stamp in nanoseconds."""
    time = messages.make("builtin_interfaces/msg/Time", sec=int(stamp // _NS), nanosec=int(stamp % _NS))
    return messages.make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)


def stamp_ns(header: Any) -> int:
    """Stamp of a header in nanoseconds."""
    return int(header.stamp.sec) * _NS + int(header.stamp.nanosec)


def stamp_and_frame(message: Any) -> tuple[int, str]:
    """Stamp in nanoseconds and frame id of a message with a header."""
    return stamp_ns(message.header), str(message.header.frame_id)
