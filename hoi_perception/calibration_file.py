"""Calibration files of ROS's camera_calibration and camera_info_manager, and what a camera is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from hoi_perception.calibration import Calibration
from hoi_perception.camera import CameraError

_GIVE_ROS = "give a file written by camera_calibration"


def read_calibration(path: Path) -> Calibration:
    """What a ROS calibration YAML says; CameraError that names the file, what is wrong with it and what to do."""
    content = read_yaml(path, _GIVE_ROS)
    if isinstance(content.get("cameras"), dict):
        raise CameraError(f"{path}: a calibration of several cameras: give as many sources, or the file of one camera")
    return calibration_of(content, str(path))


def read_yaml(path: Path, remedy: str) -> dict[str, Any]:
    """What a YAML file holds by name. CameraError where it cannot be read or holds something else."""
    if not path.is_file():
        raise CameraError(f"{path}: no such calibration file: check the path")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise CameraError(f"{path}: not YAML ({reason}): {remedy}") from None
    if not isinstance(content, dict):
        raise CameraError(f"{path}: not a calibration: {remedy}")
    return content


def calibration_of(content: dict[str, Any], where: str, remedy: str = _GIVE_ROS) -> Calibration:
    """One camera by the names of ROS's files. CameraError that begins with `where` and ends with the remedy."""
    K = _matrix(content, "camera_matrix", 9, where, remedy).reshape(3, 3)
    without_P = "projection_matrix" not in content
    P = np.hstack([K, np.zeros((3, 1))]) if without_P else _matrix(content, "projection_matrix", 12, where, remedy)
    return Calibration(
        width=_size(content, "image_width", where),
        height=_size(content, "image_height", where),
        model=str(content.get("distortion_model", content.get("camera_model", "")) or ""),
        K=K,
        D=_matrix(content, "distortion_coefficients", None, where, remedy)
        if "distortion_coefficients" in content
        else np.zeros(0),
        P=P.reshape(3, 4),
    )


def _matrix(content: dict[str, Any], key: str, count: int | None, where: str, remedy: str) -> NDArray[np.float64]:
    entry = content.get(key)
    data = entry.get("data") if isinstance(entry, dict) else entry
    try:
        values = np.array(data, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        values = np.full(1, np.nan)
    if entry is None or (count is not None and values.size != count):
        wanted = f"with {count} numbers " if count else ""
        raise CameraError(f"{where}: no '{key}' {wanted}in it: {remedy}")
    return values


def _size(content: dict[str, Any], key: str, where: str) -> int:
    value = content.get(key)
    if not isinstance(value, int) or value <= 0:
        raise CameraError(
            f"{where}: '{key}' is {value!r}, not a size in pixels: set it to that of the calibrated image"
        )
    return value
