"""Volume in which a hand and an object intersect: by voxels as the published scripts count them, and exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.union_surface import components
from hoi_perception.kernels import distance_build, mesh_queries
from hoi_perception.metrics.closed_mesh import ClosedMesh

CM3 = 1e6
MESH_ERROR = "the exact volume needs manifold3d: pip install 'hoi_perception[instruments]'"
Cells = Bool[NDArray[np.bool_], "x y z"]


def iv_cm3(hand: ClosedMesh, body: ClosedMesh, pitch: float) -> float:
    """Volume of the object's voxels with their centres inside the hand, in cm³.

    The object is voxelised in the frame of its vertices: voxels of edge `pitch` (m) centred at whole multiples of it,
    those that the surface touches and those with their centres inside. This is `intersect_vox` of obman's script
    (Hasson et al., CVPR 2019) with the trimesh of its time, which filled closed meshes.
    """
    region = _Region.of(hand, body, pitch)
    if region is None:
        return 0.0
    voxels = region.touched(body) | region.inside(body)
    return int((voxels & region.inside(hand)).sum()) * pitch**3 * CM3


def iv_surface_cm3(hand: ClosedMesh, body: ClosedMesh, pitch: float) -> float:
    """The same with only those voxels that the object's surface touches: what the scripts count with trimesh >= 3."""
    region = _Region.of(hand, body, pitch)
    if region is None:
        return 0.0
    return int((region.touched(body) & region.inside(hand)).sum()) * pitch**3 * CM3


def iv_exact_cm3(hand: ClosedMesh, body: ClosedMesh) -> float:
    """Volume of the boolean intersection of the two meshes, in cm³; overlapping parts of the object count once.

    ModuleNotFoundError without manifold3d, ValueError for a mesh that is no manifold.
    """
    centre = hand.vertices.mean(axis=0)
    return float((_solid(hand, centre, "hand") ^ _solid(body, centre, "object")).volume()) * CM3


class _Region:
    """Voxels where the boxes of two meshes meet: (x, y, z) is centred at `pitch` (`first` + (x, y, z))."""

    def __init__(self, first: Int64[NDArray[np.int64], "3"], shape: tuple[int, ...], pitch: float) -> None:
        self._first, self._shape, self._pitch = first, shape, pitch

    @staticmethod
    def of(a: ClosedMesh, b: ClosedMesh, pitch: float) -> _Region | None:
        """None where the boxes are apart."""
        if not pitch > 0.0:
            raise ValueError(f"a voxel's edge is a positive length, not {pitch} m")
        low, high = np.maximum(a.box[0], b.box[0]), np.minimum(a.box[1], b.box[1])
        first, last = np.floor(low / pitch).astype(np.int64), np.ceil(high / pitch).astype(np.int64)
        if (last < first).any():
            return None
        return _Region(first, tuple(int(n) for n in last - first + 1), pitch)

    def touched(self, mesh: ClosedMesh) -> Cells:
        """Voxels that hold a corner of the faces cut up until no edge is longer than half a voxel."""
        result = wp.zeros(self._shape, dtype=wp.uint8, device="cpu")
        inputs = [
            wp.array(mesh.vertices, dtype=wp.vec3d, device="cpu", copy=False),
            mesh.device_mesh.indices.reshape((-1, 3)),
            wp.float64(self._pitch),
            wp.vec3i(*(int(i) for i in self._first)),
        ]
        wp.launch(mesh_queries.touch_voxels, dim=len(mesh.faces), inputs=inputs, outputs=[result], device="cpu")
        return np.asarray(result.numpy().view(np.bool_))

    def inside(self, mesh: ClosedMesh) -> Cells:
        """Voxels with their centre inside, by the winding numbers along lines in z."""
        nx, ny, nz = self._shape
        steps = wp.zeros((nx, ny, nz + 1), dtype=wp.int32, device="cpu")
        inputs = [
            mesh.device_mesh.points,
            mesh.device_mesh.indices.reshape((-1, 3)).view(wp.vec3i),
            wp.vec3(*(float(x) for x in self._first * self._pitch - mesh.centre)),
            self._pitch,
            2,
        ]
        wp.launch(distance_build.count_crossings, dim=len(mesh.faces), inputs=inputs, outputs=[steps], device="cpu")
        return np.asarray(np.cumsum(steps.numpy()[:, :, :nz], axis=2, dtype=np.int8) > 0)


def _solid(mesh: ClosedMesh, centre: Float64[NDArray[np.float64], "3"], name: str) -> Any:
    """The union of a mesh's parts."""
    try:
        import manifold3d
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(MESH_ERROR, name="manifold3d") from error
    vertices = mesh.vertices - centre
    part = components(len(vertices), mesh.faces)[mesh.faces[:, 0]]
    solids = []
    for label in np.unique(part):
        used, faces = np.unique(mesh.faces[part == label], return_inverse=True)
        triangles = faces.reshape(-1, 3).astype(np.uint64)
        solid = manifold3d.Manifold(manifold3d.Mesh64(np.ascontiguousarray(vertices[used]), triangles))
        if solid.status() != manifold3d.Error.NoError:
            raise ValueError(f"the {name} is no manifold ({solid.status()}): repair it first")
        solids.append(solid)
    return manifold3d.Manifold.batch_boolean(solids, manifold3d.OpType.Add)
