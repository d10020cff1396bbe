"""The outline of an instrument as a camera sees it: places on edges between a face it sees and one it does not."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

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

    def outlines(
        self, R: Float64[Array, "b l 3 3"], t: Float64[Array, "b l 3"]
    ) -> list[Int64[NDArray[np.int64], " m"]]:
        """Indices of the places on the outline (inner ones too) for links posed in the camera frame."""
        eyes = -(np.swapaxes(R, 2, 3) @ t[..., None])[..., 0]
        flags = np.empty((len(R), len(self.places)), dtype=bool)
        for link, first, last, normals, offsets in self._sides:
            height = normals @ eyes[:, link].T - offsets[:, None]
            seen = height > 0.0
            n = last - first
            flags[:, first:last] = (seen[:n] != seen[n:]).T
        return [np.flatnonzero(of_one) for of_one in flags]

    def placed(
        self, index: Int64[NDArray[np.int64], " m"], R: Float64[Array, "l 3 3"], t: Float64[Array, "l 3"]
    ) -> Float64[Array, "m 3"]:
        """Some of the places (ascending) in the camera frame, for links posed there."""
        out = np.empty((len(index), 3))
        for link, first, last, *_ in self._sides:
            own = slice(*np.searchsorted(index, (first, last)))
            out[own] = self.places[index[own]] @ R[link].T + t[link]
        return out

    @cached_property
    def _sides(self) -> list[tuple[int, int, int, Array, Array]]:
        """For each run of places on one link, from place to place: the planes of both faces, first ones first."""
        borders = [0, *(np.flatnonzero(np.diff(self.links)) + 1), len(self.links)]
        out = []
        for first, last in itertools.pairwise(int(n) for n in borders):
            own = slice(first, last)
            normals = np.concatenate([self.first_normals[own], self.second_normals[own]])
            offsets = (normals * np.tile(self.places[own], (2, 1))).sum(axis=1)
            out.append((int(self.links[first]), first, last, normals, offsets))
        return out


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
