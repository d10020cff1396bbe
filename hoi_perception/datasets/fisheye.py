"""The fisheye cameras of Aria and Quest 3, and straight views out of them.

FISHEYE624: with theta the angle from the optical axis, a point goes to theta times its direction in the image plane;
six radial, two tangential and four thin-prism coefficients follow (facebookresearch/hand_tracking_toolkit,
`camera_distortion.py`, OVR624Distortion and ArctanProjection). Pixels are focal length times that, plus the principal
point.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.datasets.conventions import pinhole
from hoi_perception.types import Camera

Array = NDArray[np.float64]
CAMERA_FROM_UPRIGHT: Float64[Array, "3 3"] = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""The sensors lie on their side: a quarter turn clockwise sets their images upright (`vis_clips.py`: rot90, k=3)."""
LIMIT = np.pi / 2.0
"""Angle from the axis up to which the model holds (`OVR624CameraModel.model_fov_limit`)."""


@dataclass(frozen=True)
class Fisheye:
    """A FISHEYE624 camera of `size` (width, height): fx, fy, cx, cy, then k1 to k6, p1, p2, s1 to s4."""

    parameters: tuple[float, ...]
    size: tuple[int, int]

    @staticmethod
    def of(parameters: Float64[Array, " n"], size: tuple[int, int]) -> Fisheye:
        """From the stated numbers: Aria states one focal length (15 numbers), Quest 3 two (16)."""
        values = tuple(float(value) for value in parameters)
        if len(values) == 15:
            values = (values[0], *values)
        if len(values) != 16:
            raise ValueError(f"{len(parameters)} numbers of a FISHEYE624 camera, not 15 or 16")
        return Fisheye(values, size)

    def project(self, points: Float[Array, "*b 3"]) -> Float64[Array, "*b 2"]:
        """Pixels of points in the camera's frame; NaN beyond the model's field of view."""
        fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2, s1, s2, s3, s4 = self.parameters
        radius = np.hypot(points[..., 0], points[..., 1])
        theta = np.arctan2(radius, points[..., 2])
        factor = np.where(radius > 1e-12, theta / np.where(radius > 1e-12, radius, 1.0), 1.0)
        t2 = theta * theta
        radial = 1.0 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * (k4 + t2 * (k5 + t2 * k6)))))
        x, y = points[..., 0] * factor * radial, points[..., 1] * factor * radial
        r2 = x * x + y * y
        dx = 2.0 * p2 * x * y + p1 * (r2 + 2.0 * x * x) + s1 * r2 + s2 * r2 * r2
        dy = 2.0 * p1 * x * y + p2 * (r2 + 2.0 * y * y) + s3 * r2 + s4 * r2 * r2
        pixels = np.stack([(x + dx) * fx + cx, (y + dy) * fy + cy], axis=-1)
        return np.where((theta < LIMIT)[..., None], pixels, np.nan)

    def upright(self) -> Camera:
        """The straight camera of the same focal length whose image is the fisheye's, undistorted and upright."""
        fx, fy, cx, cy = self.parameters[:4]
        width, height = self.size
        return pinhole(fy, fx, height - 1.0 - cy, cx, (height, width))

    def straightened(self, image: UInt8[NDArray[np.uint8], "h w 3"]) -> UInt8[NDArray[np.uint8], "w h 3"]:
        """What the camera `upright()` sees, black where the fisheye does not look."""
        u, v = _map(self)
        return np.asarray(cv2.remap(image, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), dtype=np.uint8)


@lru_cache(maxsize=4)
def _map(fisheye: Fisheye) -> tuple[Float32[NDArray[np.float32], "h w"], Float32[NDArray[np.float32], "h w"]]:
    """Where in the fisheye image each pixel of the upright one is."""
    camera = fisheye.upright()
    v, u = np.mgrid[: camera.height, : camera.width].astype(np.float64)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(camera.K).T
    pixels = np.nan_to_num(fisheye.project(rays @ CAMERA_FROM_UPRIGHT.T), nan=-1.0).astype(np.float32)
    return np.ascontiguousarray(pixels[..., 0]), np.ascontiguousarray(pixels[..., 1])
