"""Smooth noise with its gradient from a periodic volume, for Warp kernels: one look-up is several octaves cheaper."""

from __future__ import annotations

import warp as wp

CELLS = 32
"""Samples of the volume along each axis; a power of two. Features are about three samples wide."""


@wp.func
def noise_at(volume: wp.array3d(dtype=wp.vec4), p: wp.vec3) -> wp.vec4:
    """Value (about -1 to 1, mean 0) and its gradient at a point in samples."""
    fx = wp.floor(p[0])
    fy = wp.floor(p[1])
    fz = wp.floor(p[2])
    u = p[0] - fx
    v = p[1] - fy
    w = p[2] - fz
    x = int(fx) & 31
    y = int(fy) & 31
    z = int(fz) & 31
    x1 = (x + 1) & 31
    y1 = (y + 1) & 31
    z1 = (z + 1) & 31
    low = (volume[x, y, z] * (1.0 - w) + volume[x, y, z1] * w) * (1.0 - v)
    low = low + (volume[x, y1, z] * (1.0 - w) + volume[x, y1, z1] * w) * v
    high = (volume[x1, y, z] * (1.0 - w) + volume[x1, y, z1] * w) * (1.0 - v)
    high = high + (volume[x1, y1, z] * (1.0 - w) + volume[x1, y1, z1] * w) * v
    return low * (1.0 - u) + high * u


@wp.func
def gradient(n: wp.vec4) -> wp.vec3:
    """The gradient of what `noise_at` gave, per sample."""
    return wp.vec3(n[1], n[2], n[3])
