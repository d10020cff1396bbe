"""Nearest points on the mesh of a hand and ways out of it, as Warp kernels."""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.kernel
def nearest_on_mesh(
    mesh: wp.uint64,
    normals: wp.array(dtype=wp.vec3),
    points: wp.array(dtype=wp.vec3),
    reach: float,
    face: wp.array(dtype=wp.int32),
    corner_weights: wp.array(dtype=wp.vec3),
    distance: wp.array(dtype=wp.float32),
) -> None:
    """Face (-1: none within `reach`, m), barycentric place and signed distance of the nearest point of a mesh.

    The sign is that of the vertex normals blended there: right near the surface, which is all that `reach` lets in.
    """
    i = wp.tid()
    face[i] = -1
    query = wp.mesh_query_point_no_sign(mesh, points[i], reach)
    if query.result:
        f = query.face
        corners = wp.mesh_get(mesh).indices
        u = query.u
        v = query.v
        near = wp.mesh_eval_position(mesh, f, u, v)
        n = normals[corners[3 * f]] * u + normals[corners[3 * f + 1]] * v + normals[corners[3 * f + 2]] * (1.0 - u - v)
        off = points[i] - near
        face[i] = f
        corner_weights[i] = wp.vec3(u, v, 1.0 - u - v)
        distance[i] = wp.length(off) * wp.where(wp.dot(off, n) < 0.0, -1.0, 1.0)


@wp.kernel
def way_out(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    directions: wp.array(dtype=wp.vec3),
    reach: float,
    face: wp.array(dtype=wp.int32),
    corner_weights: wp.array(dtype=wp.vec3),
    distance: wp.array(dtype=wp.float32),
) -> None:
    """Face (-1: none within `reach`, m), barycentric place and distance where a ray first leaves a closed mesh.

    A ray that begins outside enters before it leaves.
    """
    i = wp.tid()
    face[i] = -1
    d = wp.normalize(directions[i])
    gone = float(0.0)
    for _ in range(4):
        query = wp.mesh_query_ray(mesh, points[i] + d * gone, d, reach - gone)
        if not query.result:
            return
        gone += query.t
        if wp.dot(query.normal, d) > 0.0:
            face[i] = query.face
            corner_weights[i] = wp.vec3(query.u, query.v, 1.0 - query.u - query.v)
            distance[i] = gone
            return
        gone += 1.0e-5
