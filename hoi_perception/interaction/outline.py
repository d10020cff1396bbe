"""The outline of an instrument as a camera sees it: places on edges between a face it sees and one it does not."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.surface import face_normals
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.kernels import outline as kernels

Array = NDArray[np.float64]
PIECE_M = 0.0015
"""Longest piece of an edge that one place stands for."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Places along all edges of an instrument's meshes (m, in the frames of `links`), with the numbers of both faces.

    Face f of `face_links` lies in the plane `normals` . x = `offsets`, its normal points outward.
    """

    places: Float64[Array, "n 3"]
    links: Int64[NDArray[np.int64], " n"]
    first: Int64[NDArray[np.int64], " n"]
    second: Int64[NDArray[np.int64], " n"]
    normals: Float64[Array, "f 3"]
    offsets: Float64[Array, " f"]
    face_links: Int64[NDArray[np.int64], " f"]

    @staticmethod
    def of(model: InstrumentModel) -> Edges:
        """The edges of the links' surfaces that are not flat."""
        columns: list[list[Any]] = [[] for _ in fields(Edges)]
        n_faces = 0
        for index, link in enumerate(model.links):
            vertices, faces = link.surface()
            if len(faces) == 0:
                continue
            places, first, second = _of_mesh(vertices, faces)
            normals = _unit_normals(vertices, faces)
            offsets = (normals * vertices[faces[:, 0]]).sum(axis=1)
            on_link = np.full(len(places), index), first + n_faces, second + n_faces
            for column, part in zip(
                columns, (places, *on_link, normals, offsets, np.full(len(faces), index)), strict=True
            ):
                column.append(part)
            n_faces += len(faces)
        joined: list[Any] = [np.concatenate(column) for column in columns]
        return Edges(*joined)

    def on(self, device: Any) -> Any:
        """The edges as the kernels read them, on a device: made once, shared by all engines there."""
        name = str(device)
        if name not in self._on:
            rim = kernels.Rim()
            with wp.ScopedDevice(device):
                for key in ("face_links", "first", "second", "links"):
                    setattr(rim, key, wp.array(getattr(self, key).astype(np.int32), dtype=wp.int32))
                rim.normals, rim.places = (wp.array(x, dtype=wp.vec3d) for x in (self.normals, self.places))
                rim.offsets = wp.array(self.offsets, dtype=wp.float64)
            self._on[name] = rim
        return self._on[name]

    @cached_property
    def _on(self) -> dict[str, Any]:
        return {}


def _unit_normals(vertices: Float64[Array, "n 3"], faces: Int64[NDArray[np.int64], "m 3"]) -> Float64[Array, "m 3"]:
    normals = face_normals(vertices, faces)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30))


def _of_mesh(
    vertices: Float64[Array, "n 3"], faces: Int64[NDArray[np.int64], "m 3"]
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Places on edges between two faces that are not in one plane, and both faces of each."""
    normals = _unit_normals(vertices, faces)
    corners = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort(np.sort(corners, axis=1).T)
    ends, owner = np.sort(corners, axis=1)[order], owner[order]
    twin = np.flatnonzero((ends[1:] == ends[:-1]).all(axis=1))
    ends, first, second = ends[twin], owner[twin], owner[twin + 1]
    bent = (normals[first] * normals[second]).sum(axis=1) < 1.0 - 1e-9
    ends, first, second = ends[bent], first[bent], second[bent]
    a, b = vertices[ends[:, 0]], vertices[ends[:, 1]]
    pieces = np.maximum(np.ceil(np.linalg.norm(b - a, axis=1) / PIECE_M).astype(int), 1)
    edge = np.repeat(np.arange(len(ends)), pieces)
    place = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    share = ((place + 0.5) / pieces[edge])[:, None]
    return a[edge] * (1.0 - share) + b[edge] * share, first[edge], second[edge]
