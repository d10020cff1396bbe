"""Calibration files of ROS's camera_calibration and camera_info_manager."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from hoi_perception.calibration import Calibration
from hoi_perception.camera import CameraError
from hoi_perception.io.input_error import InputError
from hoi_perception.io.whole_results import whole_file
from hoi_perception.types import Camera, Distortion


def read_camera_file(path: Path, *, rectified: bool = False) -> Camera:
    """Camera of a ROS calibration YAML; InputError that names the file, what is wrong with it and what to do."""
    if not path.is_file():
        raise InputError(f"{path}: no such calibration file: check the path given with --camera")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not YAML ({reason}): give a file written by camera_calibration") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a calibration: give a file written by camera_calibration")
    try:
        return _calibration(content, path).camera(rectified=rectified)
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


def _calibration(content: dict[str, Any], path: Path) -> Calibration:
    K = _matrix(content, "camera_matrix", 9, path).reshape(3, 3)
    without_P = "projection_matrix" not in content
    P = np.hstack([K, np.zeros((3, 1))]) if without_P else _matrix(content, "projection_matrix", 12, path)
    return Calibration(
        width=_size(content, "image_width", path),
        height=_size(content, "image_height", path),
        model=str(content.get("distortion_model", content.get("camera_model", "")) or ""),
        K=K,
        D=_matrix(content, "distortion_coefficients", None, path)
        if "distortion_coefficients" in content
        else np.zeros(0),
        P=P.reshape(3, 4),
    )


def _matrix(content: dict[str, Any], key: str, count: int | None, path: Path) -> NDArray[np.float64]:
    entry = content.get(key)
    data = entry.get("data") if isinstance(entry, dict) else entry
    try:
        values = np.array(data, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        values = np.full(1, np.nan)
    if entry is None or (count is not None and values.size != count):
        wanted = f"with {count} numbers " if count else ""
        raise InputError(f"{path}: no '{key}' {wanted}in it: give a file written by camera_calibration")
    return values


def _size(content: dict[str, Any], key: str, path: Path) -> int:
    value = content.get(key)
    if not isinstance(value, int) or value <= 0:
        raise InputError(f"{path}: '{key}' is {value!r}, not a size in pixels: set it to that of the calibrated image")
    return value
