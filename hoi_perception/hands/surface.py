"""The hand's surface: open wrist, closings, normals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray

from hoi_perception.hands.inert_pickle import HandFileError

Faces = Int[NDArray[np.integer], "f 3"]
Array = NDArray[np.floating]


class Closing(Enum):
    """How the wrist is closed.

    FAN: n - 2 faces on the border's own vertices (14 for MANO). CENTRE: one more vertex, the mean of the border, and n
    faces (16).
    """

    FAN = "fan"
    CENTRE = "centre"


@dataclass(frozen=True, eq=False)
class ClosedSurface:
    """Faces of the closed hand: those of the open one first, then those of the closing."""

    faces: Int[NDArray[np.int32], "f 3"]
    loop: Int[NDArray[np.int32], " n"]
    closing: Closing

    def vertices(self, vertices: Float[Array, "*b v 3"]) -> Float[Array, "*b w 3"]:
        """The vertices that `faces` index: the given ones, with the wrist's centre appended for CENTRE."""
        if self.closing is Closing.FAN:
            return vertices
        centre = vertices[..., self.loop, :].mean(axis=-2, keepdims=True)
        return np.concatenate([vertices, centre], axis=-2)


def wrist_loop(faces: Faces) -> Int[NDArray[np.int32], " n"]:
    """Vertices of the open border in the order in which the faces run along it (16 for MANO).

    Raises HandFileError where the border is not one simple loop.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).tolist()
    directed = {(a, b) for a, b in edges}
    following = {a: b for a, b in edges if (b, a) not in directed}
    if not following:
        raise HandFileError("hand surface has no open border: give faces with an open wrist, as MANO's are")
    start = min(following)
    loop = [start]
    while (vertex := following.get(loop[-1], -1)) != start:
        if vertex < 0 or len(loop) > len(following):
            raise HandFileError("hand surface has a torn border: give faces that form one surface with an open wrist")
        loop.append(vertex)
    if len(loop) != len(following):
        raise HandFileError("hand surface has several holes: give faces whose only hole is the wrist")
    return np.array(loop, dtype=np.int32)


def close_wrist(faces: Faces, closing: Closing = Closing.CENTRE) -> ClosedSurface:
    """The watertight surface of a hand, wound as the open one."""
    loop = wrist_loop(faces)
    backward = loop[::-1]
    if closing is Closing.FAN:
        apex, first, second = np.full(loop.size - 2, backward[0]), backward[1:-1], backward[2:]
    else:
        apex, first, second = np.full(loop.size, faces.max() + 1), backward, np.roll(backward, -1)
    cap = np.stack([apex, first, second], axis=1)
    return ClosedSurface(np.concatenate([faces, cap]).astype(np.int32), loop, closing)


def face_normals(vertices: Float[Array, "*b v 3"], faces: Faces) -> Float64[NDArray[np.float64], "*b f 3"]:
    """Unnormalised outward normals: length twice the face's area."""
    a, b, c = (vertices[..., faces[:, i], :] for i in range(3))
    (ux, uy, uz), (wx, wy, wz) = np.moveaxis(b - a, -1, 0), np.moveaxis(c - a, -1, 0)
    return np.stack([uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx], axis=-1).astype(np.float64)


def vertex_normals(vertices: Float[Array, "v 3"], faces: Faces) -> Float64[NDArray[np.float64], "v 3"]:
    """Unit outward normals, each the area-weighted mean over the faces of a vertex."""
    corner = face_normals(vertices, faces)
    index = faces.T.ravel()
    sums = [np.bincount(index, np.tile(corner[:, axis], 3), vertices.shape[0]) for axis in range(3)]
    normals = np.stack(sums, axis=1)
    length = np.sqrt((normals * normals).sum(axis=1, keepdims=True))
    return np.asarray(normals / np.where(length > 0, length, 1.0))


def enclosed_volume(vertices: Float[Array, "v 3"], faces: Faces) -> float:
    """Volume of a closed surface, m³; positive where the faces are seen counter-clockwise from outside."""
    moved = vertices - vertices.mean(axis=0)
    return float(np.sum(moved[faces[:, 0]] * face_normals(moved, faces)) / 6.0)
