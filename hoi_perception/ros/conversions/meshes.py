"""Meshes: vertices per image, faces once."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Integer
from numpy.typing import NDArray

from hoi_perception.ros.conversions.headers import header_message
from hoi_perception.ros.messages import Messages
from hoi_perception.types import N_VERTICES, Hand, Side


def topology_id(side: Side) -> str:
    """Name that joins vertices with faces."""
    return f"hand_{side.label}"


def mesh_vertices_message(hands: tuple[Hand, ...], stamp: int, frame_id: str, messages: Messages) -> Any:
    """hoi_perception/MeshVerticesArray of the hands (those of `sendable_hands`)."""
    meshes = [
        messages.make(
            "hoi_perception/msg/MeshVertices",
            side=int(hand.side),
            track_id=int(hand.track_id),
            topology_id=topology_id(hand.side),
            vertices=np.ascontiguousarray(hand.vertices_camera, dtype=np.float32).reshape(-1),
        )
        for hand in hands
    ]
    header = header_message(stamp, frame_id, messages)
    return messages.make("hoi_perception/msg/MeshVerticesArray", header=header, meshes=meshes)


def mesh_topology_message(side: Side, faces: Integer[NDArray[Any], "f 3"], messages: Messages) -> Any:
    """hoi_perception/MeshTopology of one side's hand."""
    return messages.make(
        "hoi_perception/msg/MeshTopology",
        topology_id=topology_id(side),
        vertex_count=N_VERTICES,
        faces=messages.sequence(faces.astype(np.uint32)),
    )


def faces_from_message(message: Any) -> Integer[NDArray[Any], "f 3"]:
    """Faces of a MeshTopology."""
    return np.array(message.faces, dtype=np.int32).reshape(-1, 3)
