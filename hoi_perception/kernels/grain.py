"""Value noise for Warp kernels, cheap enough to call many times a pixel."""

from __future__ import annotations

import warp as wp


@wp.func
def hashed(x: int, y: int, z: int, seed: wp.uint32) -> float:
    """A number in -1 to 1 for each lattice point."""
    h = (
        wp.uint32(x) * wp.uint32(0x4DA6B343)
        + wp.uint32(y) * wp.uint32(0x58163841)
        + wp.uint32(z) * wp.uint32(0x6B1AB31F)
    )
    h = h + seed * wp.uint32(0x1E3779B9)
    h = (h ^ (h >> wp.uint32(15))) * wp.uint32(0x2C1B3C6D)
    h = (h ^ (h >> wp.uint32(12))) * wp.uint32(0x297A2D39)
    h = h ^ (h >> wp.uint32(15))
    return float(wp.int32(h >> wp.uint32(8))) * (2.0 / 16777216.0) - 1.0


@wp.func
def grain(seed: wp.uint32, p: wp.vec3) -> float:
    """Smooth value noise of unit lattice, -1 to 1; several times cheaper than gradient noise."""
    fx = wp.floor(p[0])
    fy = wp.floor(p[1])
    fz = wp.floor(p[2])
    x = int(fx)
    y = int(fy)
    z = int(fz)
    u = p[0] - fx
    v = p[1] - fy
    w = p[2] - fz
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    w = w * w * (3.0 - 2.0 * w)
    near = wp.lerp(
        wp.lerp(hashed(x, y, z, seed), hashed(x + 1, y, z, seed), u),
        wp.lerp(hashed(x, y + 1, z, seed), hashed(x + 1, y + 1, z, seed), u),
        v,
    )
    far = wp.lerp(
        wp.lerp(hashed(x, y, z + 1, seed), hashed(x + 1, y, z + 1, seed), u),
        wp.lerp(hashed(x, y + 1, z + 1, seed), hashed(x + 1, y + 1, z + 1, seed), u),
        v,
    )
    return wp.lerp(near, far, w)
