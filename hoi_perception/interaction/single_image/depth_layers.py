"""Depth layers of a mesh along rays from the camera: the nearest surface, what is behind it, and so on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from jaxtyping import Bool, Float64, Int, Int32
from numpy.typing import NDArray

from hoi_perception.kernels.depth_layers import peel

Array = NDArray[np.float64]
LAYERS = 4


@dataclass(frozen=True)
class DepthLayers:
    """Places (m, camera frame) where rays pass through a mesh, from near to far; face -1 where there are no more."""

    points: Float64[Array, "n l 3"]
    faces: Int32[NDArray[np.int32], "n l"]

    def take(self, rays: slice) -> DepthLayers:
        """Some of the rays."""
        return DepthLayers(self.points[rays], self.faces[rays])

    def nearest(self, of: Bool[NDArray[np.bool_], " f"] | None = None) -> Float64[Array, "m 3"]:
        """The first place on each ray that meets the mesh, faces that are not `of` the wanted ones passed over."""
        return self._chosen(of, last=False)

    def farthest(self, of: Bool[NDArray[np.bool_], " f"] | None = None) -> Float64[Array, "m 3"]:
        """The last place on each ray, likewise."""
        return self._chosen(of, last=True)

    def _chosen(self, of: Bool[NDArray[np.bool_], " f"] | None, *, last: bool) -> Float64[Array, "m 3"]:
        wanted = self.faces >= 0
        if of is not None:
            wanted &= of[self.faces]
        rays = np.flatnonzero(wanted.any(axis=1))
        order = wanted[rays][:, ::-1] if last else wanted[rays]
        layer = order.argmax(axis=1)
        return np.asarray(self.points[rays, wanted.shape[1] - 1 - layer if last else layer])


def depth_layers(
    vertices: Float64[Array, "v 3"],
    faces: Int[NDArray[np.integer], "f 3"],
    places: Float64[Array, "n 2"],
    layers: int = LAYERS,
    device: str = "cpu",
) -> DepthLayers:
    """The layers of a mesh (m, camera frame) on the rays through `places` on the plane z = 1."""
    rays = np.column_stack([places, np.ones(len(places))])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    if not len(places):
        return DepthLayers(np.zeros((0, layers, 3)), np.zeros((0, layers), dtype=np.int32))
    with wp.ScopedDevice(device):
        corners = wp.array(np.ascontiguousarray(faces, dtype=np.int32).ravel(), dtype=wp.int32)
        mesh = wp.Mesh(wp.array(vertices.astype(np.float32), dtype=wp.vec3), corners)
        depth = wp.empty((len(rays), layers), dtype=wp.float32)
        hit = wp.empty((len(rays), layers), dtype=wp.int32)
        wp.launch(peel, len(rays), [wp.array(rays.astype(np.float32), dtype=wp.vec3), mesh.id, depth, hit])
        along = depth.numpy().astype(np.float64)
        return DepthLayers(rays[:, None] * along[..., None], hit.numpy())
