"""Projection through a lens for Warp kernels, as `camera.project` does it."""

from __future__ import annotations

import numpy as np
import warp as wp

from hoi_perception.types import Camera, Distortion

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

STRAIGHT, POLYNOMIAL, FISHEYE = wp.constant(0), wp.constant(1), wp.constant(2)
coefficients = wp.types.vector(8, wp.float64)


@wp.struct
class Lens:
    """Focal lengths with skew and principal point (px), lens model and its coefficients."""

    focal: wp.mat22d
    middle: wp.vec2d
    model: wp.int32
    k: coefficients


def lens_of(camera: Camera) -> Lens:
    """What kernels need to know of a camera."""
    lens = Lens()
    lens.focal, lens.middle = wp.mat22d(camera.K[:2, :2].ravel()), wp.vec2d(*camera.K[:2, 2])
    models = {Distortion.NONE: STRAIGHT, Distortion.EQUIDISTANT: FISHEYE}
    lens.model = int(models.get(camera.distortion, POLYNOMIAL))
    lens.k = coefficients(np.append(camera.D, np.zeros(8 - camera.D.size)))
    return lens


@wp.func
def bent(lens: Lens, p: wp.vec2d) -> wp.vec2d:
    """Where a lens shows a place of the plane z = 1 on that plane (OpenCV's `projectPoints` and `fisheye` models)."""
    one = wp.float64(1.0)
    two = wp.float64(2.0)
    k = lens.k
    x = p[0]
    y = p[1]
    if lens.model == POLYNOMIAL:
        r2 = x * x + y * y
        radial = (one + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (one + r2 * (k[5] + r2 * (k[6] + r2 * k[7])))
        return wp.vec2d(
            x * radial + two * k[2] * x * y + k[3] * (r2 + two * x * x),
            y * radial + k[2] * (r2 + two * y * y) + two * k[3] * x * y,
        )
    if lens.model == FISHEYE:
        r = wp.sqrt(x * x + y * y)
        if r > wp.float64(1.0e-9):
            angle = wp.atan(r)
            t2 = angle * angle
            return p * (angle * (one + t2 * (k[0] + t2 * (k[1] + t2 * (k[2] + t2 * k[3])))) / r)
    return p


@wp.func
def pixel_of(lens: Lens, p: wp.vec3d) -> wp.vec2d:
    """Pixel of a point in the camera frame; not a number where it is not before the camera."""
    if not p[2] > wp.float64(1.0e-6):
        return wp.vec2d(wp.float64(wp.nan), wp.float64(wp.nan))
    return lens.focal * bent(lens, wp.vec2d(p[0] / p[2], p[1] / p[2])) + lens.middle
