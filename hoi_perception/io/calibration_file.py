"""Cameras from and to calibration files of ROS's camera_calibration and camera_info_manager."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from hoi_perception.calibration_file import read_calibration
from hoi_perception.camera import CameraError
from hoi_perception.io.input_error import InputError
from hoi_perception.io.whole_results import whole_file
from hoi_perception.types import Camera, Distortion


def read_camera_file(path: Path, *, rectified: bool = False) -> Camera:
    """Camera of a ROS calibration YAML; InputError that names the file, what is wrong with it and what to do."""
    try:
        calibration = read_calibration(path)
    except CameraError as error:
        raise InputError(str(error)) from None
    try:
        return calibration.camera(rectified=rectified)
    except CameraError as error:
        raise InputError(f"{path}: {error}") from None


def write_camera_file(path: Path, camera: Camera, name: str) -> None:
    """The camera as a calibration YAML that `read_camera_file` and camera_info_manager read."""
    plain = camera.distortion is Distortion.NONE
    P = np.hstack([camera.K, np.zeros((3, 1))])
    content = {
        "image_width": camera.width,
        "image_height": camera.height,
        "camera_name": name,
        "camera_matrix": _entry(camera.K),
        "distortion_model": Distortion.PLUMB_BOB.value if plain else camera.distortion.value,
        "distortion_coefficients": _entry(np.zeros((1, 5)) if plain else camera.D[None]),
        "rectification_matrix": _entry(np.eye(3)),
        "projection_matrix": _entry(P),
    }
    with whole_file(path) as partial:
        partial.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _entry(matrix: NDArray[np.float64]) -> dict[str, Any]:
    return {"rows": matrix.shape[0], "cols": matrix.shape[1], "data": [float(v) for v in matrix.reshape(-1)]}
