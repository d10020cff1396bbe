"""Which camera a recording without its own calibration was taken with."""

from __future__ import annotations

from dataclasses import dataclass

from hoi_perception.camera import camera_from_fov
from hoi_perception.io.input_error import InputError
from hoi_perception.types import Camera

DEFAULT_FOV_DEG = 55.0
"""Horizontal field of view of a usual webcam or phone in video mode."""


@dataclass(frozen=True)
class CameraChoice:
    """A calibrated camera, or a horizontal field of view in degrees, or neither: then 55 deg are assumed."""

    calibrated: Camera | None = None
    fov_deg: float | None = None

    @property
    def stated(self) -> bool:
        """Whether the user chose, which goes before what a bag says."""
        return self.calibrated is not None or self.fov_deg is not None

    def camera(self, width: int, height: int, source: str) -> Camera:
        """Camera for images of that size; InputError if the calibration belongs to another size."""
        if self.calibrated is None:
            return camera_from_fov(width, height, DEFAULT_FOV_DEG if self.fov_deg is None else float(self.fov_deg))
        check_size(self.calibrated, width, height, source)
        return self.calibrated


def check_size(camera: Camera, width: int, height: int, source: str) -> None:
    """InputError unless the camera is one for images of that size."""
    if (camera.width, camera.height) != (width, height):
        raise InputError(
            f"{source}: the image is {width}x{height}, the calibration is for {camera.width}x{camera.height}: "
            "give the calibration of this resolution"
        )
