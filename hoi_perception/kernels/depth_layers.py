"""Faces that rays pass through one after the other, as a Warp kernel."""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

STEP = wp.constant(1.0e-5)
"""How far behind a face the search for the next one goes on, m."""
FAR = wp.constant(1.0e3)


@wp.kernel
def peel(
    directions: wp.array(dtype=wp.vec3),
    mesh: wp.uint64,
    depths: wp.array2d(dtype=wp.float32),
    faces: wp.array2d(dtype=wp.int32),
) -> None:
    """Distances along unit rays from the camera to the first layers of a mesh, and their faces (-1: no more)."""
    i = wp.tid()
    gone = float(0.0)
    passed = int(0)
    for layer in range(faces.shape[1]):
        depths[i, layer] = 0.0
        faces[i, layer] = -1
        if passed == layer:
            hit = wp.mesh_query_ray(mesh, directions[i] * gone, directions[i], FAR)
            if hit.result:
                gone += hit.t
                depths[i, layer] = gone
                faces[i, layer] = hit.face
                gone += STEP
                passed += 1
