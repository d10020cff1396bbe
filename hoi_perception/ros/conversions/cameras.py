"""Camera calibrations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.calibration import Calibration, Window
from hoi_perception.ros.conversions.headers import header_message
from hoi_perception.ros.messages import Messages
from hoi_perception.types import Camera, Distortion


def calibration_from_message(info: Any) -> Calibration:
    """What a sensor_msgs/CameraInfo says; `.camera(rectified=…)` of it is checked."""
    roi = info.roi
    return Calibration(
        width=int(info.width),
        height=int(info.height),
        model=str(info.distortion_model),
        K=_numbers(info.k).reshape(3, 3),
        D=_numbers(info.d),
        P=_numbers(info.p).reshape(3, 4),
        window=Window(int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)),
        binning=(int(info.binning_x), int(info.binning_y)),
    )


def camera_info_message(camera: Camera, stamp: int, frame_id: str, messages: Messages) -> Any:
    """sensor_msgs/CameraInfo of a raw image: K with D, P = [K 0], no window, no binning."""
    without = camera.distortion is Distortion.NONE
    model = Distortion.PLUMB_BOB if without else camera.distortion
    roi = messages.make("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return messages.make(
        "sensor_msgs/msg/CameraInfo",
        header=header_message(stamp, frame_id, messages),
        height=camera.height,
        width=camera.width,
        distortion_model=model.value,
        d=messages.sequence(np.zeros(5) if without else camera.D),
        k=camera.K.reshape(9),
        r=np.eye(3).reshape(9),
        p=np.hstack([camera.K, np.zeros((3, 1))]).reshape(12),
        binning_x=0,
        binning_y=0,
        roi=roi,
    )


def _numbers(values: Any) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64).reshape(-1)
