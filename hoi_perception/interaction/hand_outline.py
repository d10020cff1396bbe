"""The outline of a hand as a camera sees it: places on edges between a face it sees and one it does not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.hands.surface import face_normals
from hoi_perception.interaction.hand_points import HandPoints

Array = NDArray[np.float64]
PIECE_M = 0.0015
"""Longest piece of an edge that one place stands for."""


@dataclass(frozen=True)
class HandOutline:
    """Places (m, camera frame) on the outline, inner parts of it too, with the nearest vertex of each."""

    places: Float64[Array, "n 3"]
    vertices: Int64[NDArray[np.int64], " n"]


def hand_outline(points: HandPoints, vertices: Float64[Array, "778 3"]) -> HandOutline:
    """The outline of a hand whose vertices are in the camera frame; the border of the open wrist is no part of it."""
    ends, faces = _edges(points)
    normals = face_normals(vertices, points.faces)
    seen = (vertices[points.faces[:, 0]] * normals).sum(axis=1) < 0.0
    rim = ends[seen[faces[:, 0]] != seen[faces[:, 1]]]
    a, b = vertices[rim[:, 0]], vertices[rim[:, 1]]
    pieces = np.maximum(np.ceil(np.linalg.norm(b - a, axis=1) / PIECE_M).astype(np.int64), 1)
    edge = np.repeat(np.arange(len(rim)), pieces)
    place = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    share = (place + 0.5) / pieces[edge]
    places = a[edge] * (1.0 - share)[:, None] + b[edge] * share[:, None]
    return HandOutline(places, np.where(share < 0.5, rim[edge, 0], rim[edge, 1]).astype(np.int64))


@lru_cache(maxsize=4)
def _edges(points: HandPoints) -> tuple[Int64[NDArray[np.int64], "e 2"], Int64[NDArray[np.int64], "e 2"]]:
    """Edges with two faces: their ends and their faces."""
    faces = points.faces.astype(np.int64)
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort(ends.T)
    ends, owner = ends[order], owner[order]
    twin = np.flatnonzero((ends[1:] == ends[:-1]).all(axis=1))
    return ends[twin], np.column_stack([owner[twin], owner[twin + 1]])
