"""Inside or outside of a mesh by its generalised winding number, as a Warp kernel."""

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.kernel
def inside(mesh: wp.uint64, points: wp.array(dtype=wp.vec3), result: wp.array(dtype=wp.int32)) -> None:
    """1 where the mesh winds round a point more than half a time."""
    i = wp.tid()
    query = wp.mesh_query_point_sign_winding_number(mesh, points[i], 1.0e6)
    if query.result and query.sign < 0.0:
        result[i] = 1
