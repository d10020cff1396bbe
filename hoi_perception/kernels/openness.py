"""How open to the sky points of a depth picture are, as Warp kernels."""

# In Warp `float(0.0)` declares a variable that a loop may change, plain `0.0` a constant.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.kernel
def coarse_depth(
    keys: wp.array2d(dtype=wp.uint64),
    step: int,
    ground_depth: wp.array2d(dtype=wp.float32),
    depth: wp.array2d(dtype=wp.float32),
) -> None:
    """Depth of every second pixel, of bodies or else of the ground."""
    y, x = wp.tid()
    key = keys[y * step, x * step]
    if key == wp.uint64(0):
        depth[y, x] = ground_depth[2 * y, 2 * x]
    else:
        depth[y, x] = 1.0 / wp.cast(wp.uint32(key >> wp.uint64(32)), wp.float32)


@wp.kernel
def find_openness(
    depth: wp.array2d(dtype=wp.float32),
    directions: wp.array(dtype=wp.vec2),
    focal: float,
    reach: float,
    openness: wp.array2d(dtype=wp.float32),
) -> None:
    """How much of the sky points of a depth picture see: the angles by which what lies `reach` m round them stands out.

    After Bavoil, Sainz, Screen space ambient occlusion (2008): pairs of opposite directions, so that slopes cancel.
    """
    y, x = wp.tid()
    z = depth[y, x]
    if z > 50.0:
        openness[y, x] = 1.0
        return
    covered = float(0.0)
    for k in range(directions.shape[0]):
        step = directions[k] * wp.clamp(reach * focal / z, 2.0, 40.0)
        x0 = wp.clamp(int(float(x) + step[0] + 0.5), 0, depth.shape[1] - 1)
        y0 = wp.clamp(int(float(y) + step[1] + 0.5), 0, depth.shape[0] - 1)
        x1 = wp.clamp(int(float(x) - step[0] + 0.5), 0, depth.shape[1] - 1)
        y1 = wp.clamp(int(float(y) - step[1] + 0.5), 0, depth.shape[0] - 1)
        length = wp.length(step) * z / focal
        a = wp.clamp((z - depth[y0, x0]) / length, -2.0, 4.0)
        b = wp.clamp((z - depth[y1, x1]) / length, -2.0, 4.0)
        near = wp.where(wp.max(a, b) >= 4.0, 0.35, 1.0)  # what stands far in front hides little
        covered += near * wp.clamp((a + b) * 0.5, 0.0, 1.0)
    openness[y, x] = wp.clamp(1.0 - 1.15 * covered / float(directions.shape[0]), 0.12, 1.0)
