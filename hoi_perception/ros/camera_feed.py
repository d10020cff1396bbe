"""The camera of each image: from a file, from `camera_info`, or assumed."""

from __future__ import annotations

from pathlib import Path

from hoi_perception.calibration import Calibration
from hoi_perception.calibration_file import read_calibration
from hoi_perception.camera import CameraError, camera_from_fov
from hoi_perception.config import NodeConfig
from hoi_perception.ros import conversions
from hoi_perception.ros.companions import Stamped
from hoi_perception.ros.health import Reason, Trouble
from hoi_perception.types import Camera


class RefusedError(ValueError):
    """An image that is not processed."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.reason = Reason(trouble, text)


def fixed_calibration(config: NodeConfig) -> Calibration | None:
    """That of `camera_file`, checked; None where none is given. CameraError names what is wrong with the file."""
    if not config.camera_file:
        return None
    calibration = read_calibration(Path(config.camera_file))
    try:
        calibration.camera(rectified=config.rectified)
    except CameraError as error:
        raise CameraError(f"{config.camera_file}: {error}") from None
    return calibration


def camera_from_file(fixed: Calibration, config: NodeConfig, size: tuple[int, int]) -> Camera:
    """Camera of an image of `size` (width, height) by the calibration file; RefusedError if it is for another size."""
    return of_size(fixed.camera(rectified=config.rectified), size, config.camera_file)


def camera_from_info(info: Stamped, config: NodeConfig, size: tuple[int, int]) -> Camera:
    """Camera of an image of `size` (width, height) by its CameraInfo; RefusedError if it cannot be used or is for
    another size."""
    try:
        camera = conversions.calibration_from_message(info.message).camera(rectified=config.rectified)
    except ValueError as error:  # CameraError, or arrays of a wrong length
        raise RefusedError(Trouble.CAMERA_INFO, f"camera_info refused: {error}") from None
    return of_size(camera, size, "camera_info")


def camera_without_info(other_frames: list[str], frame_id: str, config: NodeConfig, size: tuple[int, int]) -> Camera:
    """The assumed camera, where one is to be assumed; RefusedError else, and where `camera_info` is of other frames."""
    if other_frames:
        names = ", ".join(repr(name) for name in other_frames)
        text = f"camera_info is of frame {names}, the image of {frame_id!r}: remap camera_info to that of this camera"
        raise RefusedError(Trouble.CAMERA_INFO, text)
    if config.fov_deg == 0.0:
        text = "no camera_info: publish or remap it, or set camera_file or fov_deg"
        raise RefusedError(Trouble.NO_CAMERA_INFO, text)
    try:
        return camera_from_fov(*size, config.fov_deg)
    except CameraError as error:
        raise RefusedError(Trouble.CAMERA_INFO, f"fov_deg refused: {error}") from None


def of_size(camera: Camera, size: tuple[int, int], source: str) -> Camera:
    """The camera of images of `size` (width, height); RefusedError where `source` has it for another size."""
    if (camera.width, camera.height) == size:
        return camera
    text = (
        f"the image is {size[0]}x{size[1]}, {source} is for {camera.width}x{camera.height}: "
        "use the calibration of this image size"
    )
    raise RefusedError(Trouble.CAMERA_INFO, text)
