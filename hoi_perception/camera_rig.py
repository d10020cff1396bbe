"""Several cameras that look at one scene, and the YAML file that says where they stand.

The file gives each camera as ROS's calibration files do, and its pose in a frame that all share:

    rate_hz: 30
    cameras:
      left:
        image_width: 640
        image_height: 480
        camera_matrix: [900, 0, 320, 0, 900, 240, 0, 0, 1]
        T_common_camera: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
      right: ...
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.calibration_file import calibration_of, read_yaml
from hoi_perception.camera import CameraError
from hoi_perception.types import Camera, PlacedCamera

Array = NDArray[np.float64]
FARTHEST_M = 20.0
"""Distance between two cameras beyond which a file is taken to be in another unit."""
_UNIT = 1e-3
"""How far columns of a rotation may be from unit length and right angles."""
_SHAPE = "give `cameras:` with size, camera_matrix and T_common_camera of each by its name (docs/cameras.md)"
_POSE = "camera_matrix and T_common_camera of each camera are needed (docs/cameras.md)"
_KEYS = {
    "image_width",
    "image_height",
    "camera_name",
    "camera_matrix",
    "camera_model",
    "distortion_model",
    "distortion_coefficients",
    "rectification_matrix",
    "projection_matrix",
    "T_common_camera",
}


@dataclass(frozen=True, eq=False)
class CameraRig:
    """Cameras that take their images at the same times, `rate_hz` of them a second where that is known.

    All results are in the frame of the first one.
    """

    cameras: tuple[PlacedCamera, ...]
    rate_hz: float | None = None

    @property
    def first(self) -> Camera:
        """The camera whose frame is that of all results."""
        return self.cameras[0].camera

    @property
    def further(self) -> tuple[PlacedCamera, ...]:
        """The others."""
        return self.cameras[1:]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all, the first one first."""
        return tuple(placed.name for placed in self.cameras)

    @staticmethod
    def of(
        cameras: dict[str, Camera], Ts_common_camera: Float64[Array, "n 4 4"], rate_hz: float | None = None
    ) -> CameraRig:
        """Cameras by their names with their poses in a common frame (m)."""
        placed = []
        for (name, camera), T in zip(cameras.items(), Ts_common_camera, strict=True):
            T_own_first = np.linalg.inv(T) @ Ts_common_camera[0]
            placed.append(PlacedCamera(name, camera, T_own_first[:3, :3], T_own_first[:3, 3]))
        return CameraRig(tuple(placed), rate_hz)


def read_rig(path: Path) -> CameraRig:
    """The cameras of a calibration file; CameraError that names the file, what is wrong with it and what to do."""
    content = read_yaml(path, _SHAPE)
    entries = content.get("cameras")
    if not isinstance(entries, dict) or not entries:
        raise CameraError(f"{path}: not a calibration of several cameras: {_SHAPE}")
    if unknown := set(content) - {"cameras", "rate_hz"}:
        raise CameraError(f"{path}: unknown {_listed(unknown)}: there are cameras and rate_hz")
    rate = content.get("rate_hz")
    if rate is not None and not (_is_number(rate) and rate > 0.0):
        raise CameraError(f"{path}: rate_hz is {rate!r}: give the frames a second of all cameras, or leave it out")
    cameras, Ts = {}, []
    for name, entry in entries.items():
        where = f"{path}: camera {name!r}"
        cameras[str(name)] = _camera(entry, where)
        Ts.append(_pose(entry.get("T_common_camera"), where))
    _check_distances(list(cameras), np.array(Ts), path)
    return CameraRig.of(cameras, np.array(Ts), None if rate is None else float(rate))


def _camera(entry: Any, where: str) -> Camera:
    if not isinstance(entry, dict):
        raise CameraError(f"{where} is {entry!r}: {_POSE}")
    if unknown := set(entry) - _KEYS:
        raise CameraError(f"{where}: unknown {_listed(unknown)}: there are {_listed(_KEYS)}")
    try:
        return calibration_of(entry, where, _POSE).camera()
    except CameraError as error:
        text = str(error)
        raise CameraError(text if text.startswith(where) else f"{where}: {text}") from None


def _pose(value: Any, where: str) -> Float64[Array, "4 4"]:
    """A stated pose, its rotation exact."""
    try:
        T = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        T = np.zeros(0)
    if T.shape != (4, 4) or not np.isfinite(T).all():
        raise CameraError(f"{where}: T_common_camera is not a matrix of four rows of four numbers: {_POSE}")
    if np.abs(T[3] - [0.0, 0.0, 0.0, 1.0]).max() > 1e-9:
        raise CameraError(f"{where}: the last row of T_common_camera is {T[3].tolist()}: it has to be [0, 0, 0, 1]")
    off = float(np.abs(T[:3, :3].T @ T[:3, :3] - np.eye(3)).max())
    if off > _UNIT or np.linalg.det(T[:3, :3]) < 0.0:
        raise CameraError(
            f"{where}: T_common_camera holds no rotation (its columns are off by {off:.2g}, "
            f"determinant {np.linalg.det(T[:3, :3]):.3g}): give the camera's axes in the common frame as columns"
        )
    u, _, v = np.linalg.svd(T[:3, :3])
    T[:3, :3] = u @ v
    return T


def _check_distances(names: list[str], Ts: Float64[Array, "n 4 4"], path: Path) -> None:
    for i, one in enumerate(Ts):
        for j, other in enumerate(Ts[:i]):
            apart = float(np.linalg.norm(one[:3, 3] - other[:3, 3]))
            which = f"{path}: cameras {names[j]!r} and {names[i]!r}"
            if apart > FARTHEST_M:
                raise CameraError(f"{which} are {apart:.3g} m apart: give T_common_camera in metres")
            if apart < 1e-6:
                raise CameraError(f"{which} are at one place: give each its own T_common_camera")


def _listed(names: set[Any]) -> str:
    return ", ".join(sorted(map(str, names)))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))
