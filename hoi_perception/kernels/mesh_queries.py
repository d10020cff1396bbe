"""Signed distances to a closed mesh, nearest points of a set and voxels that a surface touches, as Warp kernels."""

# In Warp `int(0)` declares a variable that a loop may change, plain `0` a constant.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.distance_build import crossing

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

FAR = wp.constant(1.0e6)
ASIDE = wp.constant(wp.vec2(2.3e-7, 1.1e-7))
"""How far rays pass beside their points, m: a ray straight through a vertex may meet too many faces or too few."""


@wp.func
def winding(mesh: wp.uint64, p: wp.vec3) -> int:
    """How often a closed mesh winds round a point, from the faces that a ray along +z passes through.

    Exact but for points nearer to the surface than the ray passes beside them.
    """
    vertices = wp.mesh_get(mesh).points
    corners = wp.mesh_get(mesh).indices
    total = int(0)
    x = p[0] + ASIDE[0]
    y = p[1] + ASIDE[1]
    for face in wp.mesh_query_aabb(mesh, wp.vec3(x, y, p[2]), wp.vec3(x, y, FAR)):
        i = wp.vec3i(corners[3 * face], corners[3 * face + 1], corners[3 * face + 2])
        hit = crossing(i, vertices[i[0]], vertices[i[1]], vertices[i[2]], 2, 0, 1, x, y)
        if hit[1] != 0.0 and hit[0] > p[2]:
            total -= int(hit[1])
    return total


@wp.kernel
def signed_distances(mesh: wp.uint64, points: wp.array(dtype=wp.vec3), result: wp.array(dtype=wp.float32)) -> None:
    """Distance to the nearest face, negative where the mesh winds round a point."""
    i = wp.tid()
    query = wp.mesh_query_point_no_sign(mesh, points[i], FAR)
    near = wp.mesh_eval_position(mesh, query.face, query.u, query.v)
    distance = wp.length(points[i] - near)
    if winding(mesh, points[i]) > 0:
        distance = -distance
    result[i] = distance


@wp.kernel
def depths(mesh: wp.uint64, points: wp.array(dtype=wp.vec3), result: wp.array(dtype=wp.float32)) -> None:
    """Distance to the nearest face of points that the mesh winds round, 0 for all others."""
    i = wp.tid()
    if winding(mesh, points[i]) > 0:
        query = wp.mesh_query_point_no_sign(mesh, points[i], FAR)
        result[i] = wp.length(points[i] - wp.mesh_eval_position(mesh, query.face, query.u, query.v))
    else:
        result[i] = 0.0


@wp.kernel
def nearest_points(mesh: wp.uint64, points: wp.array(dtype=wp.vec3), result: wp.array(dtype=wp.int32)) -> None:
    """Index of the nearest point of a set, which is given as a mesh whose face i has all corners at point i."""
    i = wp.tid()
    result[i] = wp.mesh_query_point_no_sign(mesh, points[i], FAR).face


@wp.func
def index_range(low: wp.float64, high: wp.float64, pitch: wp.float64, first: int, count: int) -> bool:
    """Whether voxels `first` to `first` + `count` - 1 of one axis can be touched between two coordinates."""
    return int(wp.rint(high / pitch)) >= first and int(wp.rint(low / pitch)) < first + count


@wp.kernel
def touch_voxels(
    vertices: wp.array(dtype=wp.vec3d),
    faces: wp.array2d(dtype=wp.int32),
    pitch: wp.float64,
    first: wp.vec3i,
    touched: wp.array3d(dtype=wp.uint8),
) -> None:
    """Mark the voxels of the corners of all pieces when each face is quartered until no edge is over half a voxel.

    Voxel (x, y, z) of the grid is centred at `pitch` (first + (x, y, z)).
    """
    face = wp.tid()
    a, b, c = vertices[faces[face, 0]], vertices[faces[face, 1]], vertices[faces[face, 2]]
    low = wp.min(a, wp.min(b, c))
    high = wp.max(a, wp.max(b, c))
    for axis in range(3):
        if not index_range(low[axis], high[axis], pitch, first[axis], touched.shape[axis]):
            return
    longest = wp.max(wp.length(b - a), wp.max(wp.length(c - b), wp.length(a - c)))
    n = int(1)
    while longest > wp.float64(n) * pitch * wp.float64(0.5):
        n = 2 * n
    step = wp.float64(1.0) / wp.float64(n)
    for i in range(n + 1):
        for j in range(n + 1 - i):
            p = a + (b - a) * (wp.float64(i) * step) + (c - a) * (wp.float64(j) * step)
            x = int(wp.rint(p[0] / pitch)) - first[0]
            y = int(wp.rint(p[1] / pitch)) - first[1]
            z = int(wp.rint(p[2] / pitch)) - first[2]
            if x >= 0 and y >= 0 and z >= 0 and x < touched.shape[0] and y < touched.shape[1] and z < touched.shape[2]:
                touched[x, y, z] = wp.uint8(1)
