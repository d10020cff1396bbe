"""Message classes of a sourced ROS 2, behind the interface of `messages.py`."""

from __future__ import annotations

import os
from array import array
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.ros.messages import BagMessages

_TYPECODES = {
    "float64": "d",
    "float32": "f",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
}


class RclpyMessages:
    """Makes messages of rclpy's classes."""

    def make(self, name: str, /, **fields: Any) -> Any:
        """A message of type `name` ("sensor_msgs/msg/Image"), every field given."""
        return message_class(name)(**fields)

    def sequence(self, values: NDArray[Any]) -> array[Any]:
        """`array.array` of the values: the only sequence whose bytes rclpy's setters do not look at one by one."""
        flat = np.ascontiguousarray(values).reshape(-1)
        sequence = array(_TYPECODES[flat.dtype.name])
        sequence.frombytes(flat.view(np.uint8).data)
        return sequence

    def byte(self, value: int) -> bytes:
        """rclpy takes a `byte` as bytes of length 1."""
        return bytes([value])


def installed_messages() -> BagMessages:
    """Messages of the sourced distribution by their definitions; rclpy sends and takes them as bytes.

    vision_msgs is among them where it is installed.
    """
    others = {}
    if is_installed("vision_msgs/msg/Detection3DArray"):
        from ament_index_python.packages import get_package_share_path

        others["vision_msgs"] = get_package_share_path("vision_msgs") / "msg"
    return BagMessages(os.environ.get("ROS_DISTRO", "jazzy"), others)


@cache
def message_class(name: str) -> Any:
    """The class of a message, service or action type; ImportError where its package is not installed."""
    package, kind, short = name.split("/")
    try:
        return getattr(import_module(f"{package}.{kind}"), short)
    except AttributeError:
        raise ImportError(f"{package} has no {kind} {short}: build the workspace and source it again") from None


def is_installed(name: str) -> bool:
    """Whether messages of that type can be made here."""
    try:
        message_class(name)
    except ImportError:
        return False
    return True
