"""Message classes: where they come from with and without ROS, behind one small interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

PACKAGE = "hoi_perception"


@runtime_checkable
class Messages(Protocol):
    """Makes messages of one kind of classes: rosbags' (files, DDS) or rclpy's."""

    def make(self, name: str, /, **fields: Any) -> Any:
        """A message of type `name` ("sensor_msgs/msg/Image"), every field given."""

    def sequence(self, values: NDArray[Any]) -> Any:
        """What a field of unbounded numbers takes."""

    def byte(self, value: int) -> Any:
        """What a field of type `byte` takes."""


class BagMessages:
    """Messages of ROS 2 and of this package without ROS installed, and their CDR encoding.

    `distribution` is the one whose common interfaces count ("jazzy"); one that is not known here counts as Jazzy, the
    interfaces in use being the same. `others` names packages beyond them with the folders of their `.msg` files.
    """

    def __init__(self, distribution: str = "jazzy", others: Mapping[str, Path] | None = None) -> None:
        stores = {store.value: store for store in Stores}
        self._store = stores.get(f"ros2_{distribution}", Stores.ROS2_JAZZY)
        self._others = dict(others or {})

    @cached_property
    def typestore(self) -> Typestore:
        """Definitions of the common interfaces, of `msg/` and of the other packages."""
        typestore, types = get_typestore(self._store), {}
        files = [(PACKAGE, path) for path in definition_files()]
        files += [(package, path) for package, folder in self._others.items() for path in sorted(folder.glob("*.msg"))]
        for package, path in files:
            types.update(get_types_from_msg(path.read_text(encoding="utf-8"), f"{package}/msg/{path.stem}"))
        typestore.register(types)  # together, since they refer to one another
        return typestore

    def make(self, name: str, /, **fields: Any) -> Any:
        """A message of type `name` ("sensor_msgs/msg/Image"), every field given."""
        return self.typestore.types[name](**fields)

    def sequence(self, values: NDArray[Any]) -> Any:
        """rosbags takes arrays as they are."""
        return np.ascontiguousarray(values).reshape(-1)

    def byte(self, value: int) -> Any:
        """rosbags takes numbers."""
        return value

    def encode(self, message: Any) -> bytes:
        """CDR, little endian."""
        return bytes(self.typestore.serialize_cdr(message, message.__msgtype__))

    def decode(self, data: bytes | memoryview, name: str) -> Any:
        """The message of type `name` that `data` encodes."""
        return self.typestore.deserialize_cdr(data, name)


def definition_files() -> Sequence[Path]:
    """The package's `.msg` files: beside this module where installed, in `msg/` of a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "interfaces", here.parents[1] / "msg"):
        if files := sorted(folder.glob("*.msg")):
            return files
    raise FileNotFoundError(f"no message definitions in {here / 'interfaces'}: install {PACKAGE} again")
