"""Image encodings beyond our own, where ROS can decode them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class CvBridgeDecoder:
    """Decodes a sensor_msgs/Image to BGR by cv_bridge; None where that is not installed or does not load.

    It is loaded with the first encoding that needs it: builds for another NumPy complain at length or fail.
    """

    def __init__(self) -> None:
        self._bridge: Any = None
        self._tried = False

    @property
    def available(self) -> bool:
        """Whether cv_bridge loads here."""
        if not self._tried:
            self._tried = True
            try:
                from cv_bridge import CvBridge

                self._bridge = CvBridge()
            except Exception:  # noqa: BLE001  builds for another NumPy fail in ways of their own
                self._bridge = None
        return self._bridge is not None

    def __call__(self, message: Any) -> NDArray[Any] | None:
        """The image, or None."""
        if not self.available:
            return None
        try:
            return np.asarray(self._bridge.imgmsg_to_cv2(message, desired_encoding="bgr8"))
        except Exception:  # noqa: BLE001  OpenCV's errors and its own alike: the image is refused with its encoding
            return None
