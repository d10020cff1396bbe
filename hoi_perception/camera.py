"""Projection with distortion, rays, checks of calibrations."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.types import Camera, Distortion

Array = NDArray[np.floating]
_POLISHING_STEPS = 20  # OpenCV's own five leave up to a pixel in the corners of strong lenses
_POLISHED = 1e-10
_COEFFICIENTS = {
    Distortion.NONE: (0,),
    Distortion.PLUMB_BOB: (4, 5),
    Distortion.RATIONAL_POLYNOMIAL: (8,),
    Distortion.EQUIDISTANT: (4,),
}


class CameraError(ValueError):
    """A calibration that cannot be used; the text says why and what to do."""


def camera_from_fov(width: int, height: int, fov_deg: float, *, assumed: bool = True) -> Camera:
    """Camera with square pixels, central principal point and the given horizontal field of view in degrees."""
    if not 1.0 <= fov_deg <= 175.0:
        raise CameraError(f"horizontal field of view {fov_deg} deg is outside 1 to 175: give the lens's true value")
    focal = 0.5 * width / np.tan(np.radians(fov_deg) / 2.0)
    K = np.array([[focal, 0.0, (width - 1) / 2.0], [0.0, focal, (height - 1) / 2.0], [0.0, 0.0, 1.0]])
    text = f"horizontal field of view of {fov_deg:g} deg assumed" if assumed else ""
    return Camera(K=K, width=width, height=height, assumed=text)


def check_camera(camera: Camera) -> Camera:
    """The camera itself, or a CameraError that names what is wrong with it."""
    K, D = camera.K, camera.D
    if not np.isfinite(K).all():
        raise CameraError("camera matrix K holds values that are not finite: calibrate the camera again")
    if K[0, 0] <= 0 or K[1, 1] <= 0 or abs(np.linalg.det(K)) < 1e-9:
        raise CameraError("camera matrix K is zero or singular, the camera is not calibrated: publish a calibration")
    if not np.isfinite(D).all():
        raise CameraError("distortion D holds values that are not finite: calibrate the camera again")
    if D.size not in _COEFFICIENTS[camera.distortion]:
        wanted = " or ".join(str(n) for n in _COEFFICIENTS[camera.distortion])
        raise CameraError(f"distortion {camera.distortion.value} needs {wanted} coefficients, got {D.size}")
    if camera.width <= 0 or camera.height <= 0:
        raise CameraError(f"camera size {camera.width}x{camera.height} is empty: set width and height")
    return camera


def camera_of_size(camera: Camera, width: int, height: int) -> Camera:
    """The same camera for its image resized to another resolution; centres of pixels are at whole numbers."""
    if (camera.width, camera.height) == (width, height):
        return camera
    sx, sy = width / camera.width, height / camera.height
    K = np.diag([sx, sy, 1.0]) @ camera.K
    K[:2, 2] = (camera.K[:2, 2] + 0.5) * [sx, sy] - 0.5
    return Camera(K, width, height, camera.distortion, camera.D, camera.assumed)


def project(points_camera: Float[Array, "*b 3"], camera: Camera) -> Float[Array, "*b 2"]:
    """Pixels of points in the camera frame, with distortion. Points need z > 0; others come out as NaN."""
    z = points_camera[..., 2:]
    valid = z > 1e-6
    normalised = points_camera[..., :2] / np.where(valid, z, 1.0)
    distorted = distort(normalised, camera)
    px = distorted @ camera.K[:2, :2].T + camera.K[:2, 2]
    return np.asarray(np.where(valid, px, np.nan))


def distort(normalised: Float[Array, "*b 2"], camera: Camera) -> Float[Array, "*b 2"]:
    """Lens distortion on the plane z = 1 (OpenCV's `projectPoints` and `fisheye` models)."""
    match camera.distortion:
        case Distortion.NONE:
            return normalised
        case Distortion.EQUIDISTANT:
            return _distort_equidistant(normalised, camera.D)
        case _:
            return _distort_brown(normalised, camera.D)


def _distort_brown(xy: Float[Array, "*b 2"], D: Float[Array, " n"]) -> Float[Array, "*b 2"]:
    k = np.zeros(8)
    k[: D.size] = D
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    radial = (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])))
    dx = 2 * k[2] * x * y + k[3] * (r2 + 2 * x * x)
    dy = k[2] * (r2 + 2 * y * y) + 2 * k[3] * x * y
    return np.stack([x * radial + dx, y * radial + dy], axis=-1)


def _distort_equidistant(xy: Float[Array, "*b 2"], D: Float[Array, "4"]) -> Float[Array, "*b 2"]:
    r = np.linalg.norm(xy, axis=-1, keepdims=True)
    theta = np.arctan(r)
    t2 = theta * theta
    bent = theta * (1 + t2 * (D[0] + t2 * (D[1] + t2 * (D[2] + t2 * D[3]))))
    return np.asarray(xy * np.where(r > 1e-9, bent / np.where(r > 1e-9, r, 1.0), 1.0))


def undistort(points_px: Float[Array, "n 2"], camera: Camera) -> Float[Array, "n 2"]:
    """Points on the plane z = 1 whose projections are `points_px`, to 1e-6 px within what the lens model covers.

    Points beyond it come back anywhere: projecting them again tells.
    """
    if camera.distortion is Distortion.NONE:
        return np.asarray((points_px - camera.K[:2, 2]) / camera.K.diagonal()[:2], dtype=np.float64)
    pts = np.ascontiguousarray(points_px, dtype=np.float64).reshape(-1, 1, 2)
    if camera.distortion is Distortion.EQUIDISTANT:
        start = cv2.fisheye.undistortPoints(pts, camera.K, camera.D)
    else:
        start = cv2.undistortPoints(pts, camera.K, camera.D if camera.D.size else None)
    xy = np.asarray(start, dtype=np.float64).reshape(-1, 2)
    inverse = np.linalg.inv(camera.K[:2, :2]).T
    for _ in range(_POLISHING_STEPS):
        missed = distort(xy, camera) @ camera.K[:2, :2].T + camera.K[:2, 2] - points_px
        step = np.clip(missed @ inverse, -0.1, 0.1)
        xy = xy - step
        if np.abs(step).max(initial=0.0) < _POLISHED:
            break
    return xy
