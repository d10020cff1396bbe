"""Cyclone's types of ROS messages, made from their field definitions.

They only describe the bytes: Cyclone checks every message against them, so that none that is cut off or garbled is sent
or handed on. Encoding and decoding is rosbags' work, whose arrays Cyclone's own serialiser does not take.
"""

from __future__ import annotations

from typing import Any

from cyclonedds.idl import make_idl_struct, types
from rosbags.interfaces import Nodetype
from rosbags.typesys.store import Typestore

from hoi_perception.ros.dds.names import dds_type

_types: Any = types  # whose classes take sizes where a type checker expects types
_NUMBERS: dict[str, Any] = {
    "bool": bool,
    **dict.fromkeys(("octet", "byte", "char"), types.uint8),
    **{name: getattr(types, name) for name in ("int8", "int16", "int32", "int64", "float32", "float64")},
    **{name: getattr(types, name) for name in ("uint8", "uint16", "uint32", "uint64")},
}


class IdlTypes:
    """IdlStructs of the messages that a typestore knows, each made once."""

    def __init__(self, typestore: Typestore) -> None:
        self._typestore = typestore
        self._structs: dict[str, type[Any]] = {}

    def struct(self, ros_type: str) -> type[Any]:
        """The IdlStruct of a message type ("sensor_msgs/msg/Image")."""
        if ros_type not in self._structs:
            _, definitions = self._typestore.fielddefs[ros_type]
            fields = {name: self._field(*definition) for name, definition in definitions}
            name = ros_type.rpartition("/")[2] + "_"
            self._structs[ros_type] = make_idl_struct(name, dds_type(ros_type), fields, dataclassify=False)
        return self._structs[ros_type]

    def _field(self, kind: int, content: Any) -> Any:
        match Nodetype(kind):
            case Nodetype.BASE:
                name, bound = content
                if name == "string":
                    return _types.bounded_str[bound] if bound else str
                return _NUMBERS[name]
            case Nodetype.NAME:
                return self.struct(content)
            case Nodetype.ARRAY:
                return _types.array[self._field(*content[0]), content[1]]
            case _:
                element, bound = self._field(*content[0]), content[1]
                return _types.sequence[element, bound] if bound else _types.sequence[element]
