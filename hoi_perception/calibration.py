"""Calibrations as ROS writes them, whether in a CameraInfo message or in a file, and the Camera they describe."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import CameraError, check_camera
from hoi_perception.types import Camera, Distortion

_COEFFICIENTS = {Distortion.PLUMB_BOB: 5, Distortion.RATIONAL_POLYNOMIAL: 8, Distortion.EQUIDISTANT: 4}


@dataclass(frozen=True)
class Window:
    """Part of the sensor that the image shows, in pixels of the full resolution; size 0 means all of it."""

    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Calibration:
    """Intrinsics at full resolution, with the names and the meaning of sensor_msgs/CameraInfo.

    `K` and `D` belong to the raw image, `P` to the rectified one; `binning` counts the pixels that are merged into one,
    across and down.
    """

    width: int
    height: int
    model: str
    K: Float64[NDArray[np.float64], "3 3"]
    D: Float64[NDArray[np.float64], " n"]
    P: Float64[NDArray[np.float64], "3 4"]
    window: Window = field(default_factory=Window)
    binning: tuple[int, int] = (1, 1)

    def camera(self, *, rectified: bool = False) -> Camera:
        """Camera of the image as it is sent: raw (K with D) or rectified (P without D), region and binning applied.

        Raises CameraError for a zero or singular matrix, values that are not finite, an unknown lens model.
        """
        if rectified:
            K, model, D = self.P[:, :3], Distortion.NONE, np.zeros(0)
        else:
            K, (model, D) = self.K, _lens(self.model, self.D)
        bx, by = (max(1, b) for b in self.binning)
        scale = np.array([[1.0 / bx], [1.0 / by], [1.0]])
        shown = K - np.array([[0.0, 0.0, self.window.x], [0.0, 0.0, self.window.y], [0.0, 0.0, 0.0]])
        width, height = self.window.width or self.width, self.window.height or self.height
        camera = Camera(K=shown * scale, width=width // bx, height=height // by, distortion=model, D=D)
        # The zero matrix that uncalibrated drivers publish must be refused before the window is taken off it.
        check_camera(Camera(K=K, width=self.width, height=self.height, distortion=model, D=D))
        return check_camera(camera)


def _lens(model: str, D: Float64[NDArray[np.float64], " n"]) -> tuple[Distortion, Float64[NDArray[np.float64], " m"]]:
    """Lens model and coefficients; zeros beyond the model's count are left out (some drivers send 14)."""
    if not model and not D.any():
        return Distortion.NONE, np.zeros(0)
    known = {m.value: m for m in _COEFFICIENTS}
    if model not in known:
        raise CameraError(f"distortion model '{model}' is unknown: use one of {', '.join(known)}")
    count = _COEFFICIENTS[known[model]]
    if D.size == 0:
        return Distortion.NONE, D
    if D.size > count and not D[count:].any():
        D = D[:count]
    return known[model], D
