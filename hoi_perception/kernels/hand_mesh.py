"""Nearest points on the mesh of a hand and ways out of it, as Warp kernels."""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.kernel
def vertex_normals(
    points: wp.array3d(dtype=wp.vec3d),
    faces: wp.array2d(dtype=wp.vec3i),
    first: wp.array2d(dtype=wp.int32),
    around: wp.array2d(dtype=wp.int32),
    out: wp.array3d(dtype=wp.vec3d),
) -> None:
    """Unit normals of the first points of each hand (b, h): area-weighted means over the faces of a vertex.

    Vertex i of hand h has the faces `around[h]` from `first[h, i]` to `first[h, i + 1]`.
    """
    b, h, i = wp.tid()
    n = wp.vec3d()
    for e in range(first[h, i], first[h, i + 1]):
        corners = faces[h, around[h, e]]
        p = points[b, h, corners[0]]
        n += wp.cross(points[b, h, corners[1]] - p, points[b, h, corners[2]] - p)
    out[b, h, i] = wp.normalize(n)


@wp.kernel
def nearest_on_mesh(
    mesh: wp.uint64,
    normals: wp.array(dtype=wp.vec3),
    points: wp.array(dtype=wp.vec3),
    near_face: wp.array(dtype=wp.int32),
    near_weights: wp.array(dtype=wp.vec3),
    reach: float,
    face: wp.array(dtype=wp.int32),
    corner_weights: wp.array(dtype=wp.vec3),
    distance: wp.array(dtype=wp.float32),
) -> None:
    """Face (-1: none within `reach`, m), barycentric place and signed distance of the nearest point of a mesh.

    `near_face` (-1: none) and `near_weights` are places thought to be near: nothing farther is looked at. The sign is
    that of the vertex normals blended there: right near the surface, which is all that `reach` lets in.
    """
    i = wp.tid()
    face[i] = -1
    bound = reach
    if near_face[i] >= 0:
        w = near_weights[i]
        thought = wp.mesh_eval_position(mesh, near_face[i], w[0], w[1])
        bound = wp.min(bound, wp.length(points[i] - thought) * 1.0001 + 1.0e-6)
    query = wp.mesh_query_point_no_sign(mesh, points[i], bound)
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
