"""Image encodings beyond our own, where ROS can decode them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.ros.conversions import Fallback


def cv_bridge_decoder() -> Fallback | None:
    """Decodes a sensor_msgs/Image to BGR by cv_bridge; None where that is not installed or does not load."""
    try:
        from cv_bridge import CvBridge
    except Exception:  # noqa: BLE001  builds for another NumPy fail in ways of their own
        return None
    bridge = CvBridge()

    def decode(message: Any) -> NDArray[Any] | None:
        try:
            return np.asarray(bridge.imgmsg_to_cv2(message, desired_encoding="bgr8"))
        except Exception:  # noqa: BLE001  OpenCV's and its own errors alike: the image is refused with its encoding
            return None

    return decode
