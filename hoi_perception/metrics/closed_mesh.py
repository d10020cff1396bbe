"""Exact distances to a closed triangle mesh, and which points lie within it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Bool, Float, Float64, Int, Int64
from numpy.typing import NDArray

from hoi_perception.hands.surface import ClosedSurface, close_wrist
from hoi_perception.instruments.repair import open_edges, signed_volume
from hoi_perception.kernels import mesh_queries as kernels

Vertices = Float[NDArray[np.floating], "_ 3"]
Faces = Int[NDArray[np.integer], "_ 3"]


class ClosedMesh:
    """A mesh (m) whose faces run counter-clockwise seen from outside; parts may overlap.

    Distances are to the nearest face; inside is where the mesh winds round a point. Built once per topology and moved
    by `place`. ValueError for a mesh that is empty, open, inside out or not finite.
    """

    def __init__(self, vertices: Vertices, faces: Faces) -> None:
        _check(vertices, faces)
        if len(open_edges(faces.astype(np.int64))):
            raise ValueError("the mesh is not closed: close a hand by ClosedMesh.of_hand, repair other meshes first")
        self._start(vertices, faces, None)

    @staticmethod
    def of_hand(vertices: Vertices, faces: Faces) -> ClosedMesh:
        """A hand whose wrist may be open: it is closed by a fan of 16 faces round the middle of its border."""
        _check(vertices, faces)
        mesh = ClosedMesh.__new__(ClosedMesh)
        surface = _closing(faces.astype(np.int32).tobytes())
        mesh._start(vertices, faces if surface is None else surface.faces, surface)
        return mesh

    def _start(self, vertices: Vertices, faces: Faces, surface: ClosedSurface | None) -> None:
        self._surface = surface
        self._faces = faces.astype(np.int64)
        self._set(vertices)
        if signed_volume(self._vertices - self._centre, self._faces) <= 0.0:
            raise ValueError("the mesh is inside out or flat: faces run counter-clockwise seen from outside")
        with wp.ScopedDevice("cpu"):
            points = wp.array((self._vertices - self._centre).astype(np.float32), dtype=wp.vec3)
            self._mesh = wp.Mesh(points, wp.array(faces.astype(np.int32).ravel(), dtype=wp.int32))

    def _set(self, vertices: Vertices) -> None:
        closed = vertices if self._surface is None else self._surface.vertices(vertices)
        self._vertices = closed.astype(np.float64)
        self._centre = self._vertices.mean(axis=0)

    @property
    def vertices(self) -> Float64[NDArray[np.float64], "_ 3"]:
        """Vertices, m, with that of the wrist's closing."""
        return self._vertices

    @property
    def own_vertices(self) -> Float64[NDArray[np.float64], "_ 3"]:
        """Vertices, m, without that of the wrist's closing."""
        return self._vertices if self._surface is None else self._vertices[:-1]

    @property
    def faces(self) -> Int64[NDArray[np.int64], "_ 3"]:
        """Faces, with those of the wrist's closing."""
        return self._faces

    @property
    def box(self) -> tuple[Float64[NDArray[np.float64], "3"], Float64[NDArray[np.float64], "3"]]:
        """Least and greatest coordinates, m."""
        return self._vertices.min(axis=0), self._vertices.max(axis=0)

    @property
    def centre(self) -> Float64[NDArray[np.float64], "3"]:
        """What is taken off the vertices before they become 32-bit numbers."""
        return np.asarray(self._centre)

    @property
    def device_mesh(self) -> Any:
        """Warp's mesh: vertices less `centre`, and faces."""
        return self._mesh

    def place(self, vertices: Vertices) -> None:
        """Moves the mesh: as many vertices as it was made of, in their order."""
        if vertices.shape != self.own_vertices.shape or not np.isfinite(vertices).all():
            expected = self.own_vertices.shape
            raise ValueError(f"expected finite vertices of shape {expected}, got an array of shape {vertices.shape}")
        self._set(vertices)
        self._mesh.points.numpy()[...] = self._vertices - self._centre
        self._mesh.refit()

    def signed_distance(self, points: Vertices) -> Float64[NDArray[np.float64], " _"]:
        """Distance of each point to the surface, m, negative inside; NaN for a point that is not finite."""
        return self._query(kernels.signed_distances, points)

    def depth(self, points: Vertices) -> Float64[NDArray[np.float64], " _"]:
        """Distance to the surface of the points inside, m, and 0 for those outside; quicker than `signed_distance`."""
        low, high = self.box
        within = ((points > low) & (points < high)).all(axis=1)
        result = np.where(np.isfinite(points).all(axis=1), 0.0, np.nan)
        result[within] = self._query(kernels.depths, points[within])
        return result

    def contains(self, points: Vertices) -> Bool[NDArray[np.bool_], " _"]:
        """Whether a point is inside."""
        return np.asarray(self.depth(points) > 0.0)

    def _query(self, kernel: Any, points: Vertices) -> Float64[NDArray[np.float64], " _"]:
        if len(points) == 0:
            return np.zeros(0)
        local = points.astype(np.float64) - self._centre
        finite = np.isfinite(local).all(axis=1)
        places = wp.array(np.where(finite[:, None], local, 0.0).astype(np.float32), dtype=wp.vec3, device="cpu")
        result = wp.zeros(len(points), dtype=wp.float32, device="cpu")
        wp.launch(kernel, dim=len(points), inputs=[self._mesh.id, places], outputs=[result], device="cpu")
        return np.where(finite, result.numpy().astype(np.float64), np.nan)


@lru_cache(maxsize=8)
def _closing(faces: bytes) -> ClosedSurface | None:
    """How these faces (32-bit) are closed, None where they are closed already: the same for all hands of a model."""
    own = np.frombuffer(faces, dtype=np.int32).reshape(-1, 3)
    return close_wrist(own) if len(open_edges(own.astype(np.int64))) else None


def _check(vertices: Vertices, faces: Faces) -> None:
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f"a mesh has vertices (n, 3) and faces (m, 3), these are {vertices.shape} and {faces.shape}")
    if len(faces) == 0:
        raise ValueError("the mesh has no faces")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError(f"faces name vertices {faces.min()} to {faces.max()}, the mesh has {len(vertices)}")
    if not np.isfinite(vertices).all():
        raise ValueError("the mesh has vertices that are not finite")
