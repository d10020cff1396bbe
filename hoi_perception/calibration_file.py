"""Calibration files of ROS's camera_calibration and camera_info_manager."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from hoi_perception.calibration import Calibration
from hoi_perception.camera import CameraError


def read_calibration(path: Path) -> Calibration:
    """What a ROS calibration YAML says; CameraError that names the file, what is wrong with it and what to do."""
    if not path.is_file():
        raise CameraError(f"{path}: no such calibration file: check the path")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise CameraError(f"{path}: not YAML ({reason}): give a file written by camera_calibration") from None
    if not isinstance(content, dict):
        raise CameraError(f"{path}: not a calibration: give a file written by camera_calibration")
    return _calibration(content, path)


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
        raise CameraError(f"{path}: no '{key}' {wanted}in it: give a file written by camera_calibration")
    return values


def _size(content: dict[str, Any], key: str, path: Path) -> int:
    value = content.get(key)
    if not isinstance(value, int) or value <= 0:
        raise CameraError(f"{path}: '{key}' is {value!r}, not a size in pixels: set it to that of the calibrated image")
    return value
