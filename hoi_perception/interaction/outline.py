"""The outline of an instrument as a camera sees it: places on edges between a face it sees and one it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.surface import face_normals
from hoi_perception.instruments.model import InstrumentModel

Array = NDArray[np.float64]
PIECE_M = 0.0015
"""Longest piece of an edge that one place stands for."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Places along all edges of an instrument's meshes (m, in the frames of `links`), with both faces' normals."""

    places: Float64[Array, "n 3"]
    links: Int64[NDArray[np.int64], " n"]
    first_normals: Float64[Array, "n 3"]
    second_normals: Float64[Array, "n 3"]

    @staticmethod
    def of(model: InstrumentModel) -> Edges:
        """The edges of the links' surfaces that are not flat."""
        parts = [_of_mesh(*link.surface(), index) for index, link in enumerate(model.links) if len(link.surface()[1])]
        return Edges(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def outline(self, R: Float64[Array, "l 3 3"], t: Float64[Array, "l 3"]) -> Int64[NDArray[np.int64], " m"]:
        """Indices of the places on the outline (inner ones too) for links posed in the camera frame."""
        eye = -(np.swapaxes(R, 1, 2) @ t[..., None])[..., 0]
        view = self.places - eye[self.links]
        first = (view * self.first_normals).sum(axis=1)
        second = (view * self.second_normals).sum(axis=1)
        return np.flatnonzero((first < 0.0) != (second < 0.0))


def _of_mesh(
    vertices: Float64[Array, "n 3"], faces: Int64[NDArray[np.int64], "m 3"], link: int
) -> tuple[Array, NDArray[np.int64], Array, Array]:
    normals = face_normals(vertices, faces)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
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
    places = a[edge] * (1.0 - share) + b[edge] * share
    return places, np.full(len(places), link), normals[first][edge], normals[second][edge]
