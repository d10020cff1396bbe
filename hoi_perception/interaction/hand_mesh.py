"""Where instruments' samples are with respect to the surface of a hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from jaxtyping import Float32, Float64, Int32
from numpy.typing import NDArray

from hoi_perception.hands.surface import close_wrist
from hoi_perception.interaction.launches import Launch
from hoi_perception.kernels.hand_mesh import nearest_on_mesh, way_out

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NearestOnHand:
    """Of each point: face of the hand's closed mesh (-1 where none is within reach), barycentric weights of its
    corners, signed distance (m, negative inside)."""

    face: Int32[NDArray[np.int32], " n"]
    weights: Float32[NDArray[np.float32], "n 3"]
    distance: Float32[NDArray[np.float32], " n"]


class HandMesh:
    """The closed mesh of a hand for queries, its vertices moved from call to call.

    `rest` orders the tree of faces: what is near in rest stays near.
    """

    def __init__(
        self, rest: Float64[Array, "778 3"], faces: Int32[NDArray[np.int32], "f 3"], device: str = "cpu"
    ) -> None:
        self._device = wp.get_device(device)
        self.surface = close_wrist(faces)
        self.faces = self.surface.faces
        with wp.ScopedDevice(self._device):
            start = wp.array(self.surface.vertices(rest).astype(np.float32), dtype=wp.vec3)
            self._mesh = wp.Mesh(points=start, indices=wp.array(self.faces.ravel(), dtype=wp.int32))
        self._at = np.zeros((len(rest), 3))
        self._points: NDArray[np.float32] = self._mesh.points.numpy()
        self._outward = np.zeros(self._points.shape, dtype=np.float32)
        inputs = wp.vec3, wp.vec3, wp.int32, wp.vec3
        self._launch = Launch(nearest_on_mesh, inputs, (wp.int32, wp.vec3, wp.float32), device)
        self._ways_out = Launch(way_out, (wp.vec3, wp.vec3), (wp.int32, wp.vec3, wp.float32), device)

    def __len__(self) -> int:
        return len(self._points)

    def nearest(
        self,
        vertices: Float64[Array, "778 3"],
        normals: Float64[Array, "778 3"],
        points: Float64[Array, "n 3"],
        reach: float,
        near: NearestOnHand | None = None,
    ) -> NearestOnHand:
        """The nearest places on the hand to points, within `reach` (m).

        `near` is what was found for them when hand and points were nearly there: it changes nothing but the time taken.
        """
        self._move(vertices)
        self._outward[: len(normals)] = normals
        n = len(points)
        thought = (np.full(n, -1), np.zeros((n, 3))) if near is None else (near.face, near.weights)
        face, weights, distance = self._launch(n, (self._outward, points, *thought), (reach,), (self._mesh.id,))
        return NearestOnHand(face, weights, distance)

    def ways_out(
        self,
        vertices: Float64[Array, "778 3"],
        points: Float64[Array, "n 3"],
        directions: Float64[Array, "n 3"],
        reach: float,
    ) -> NearestOnHand:
        """Where rays from points first leave the hand within `reach` (m); the distance along them counts negative."""
        self._move(vertices)
        face, weights, distance = self._ways_out(len(points), (points, directions), (reach,), (self._mesh.id,))
        return NearestOnHand(face, weights, -distance)

    def _move(self, vertices: Float64[Array, "778 3"]) -> None:
        if np.array_equal(vertices, self._at):
            return
        self._at[...] = vertices
        self._points[...] = self.surface.vertices(self._at)
        if not self._device.is_cpu:
            self._mesh.points.assign(self._points)
        self._mesh.refit()
