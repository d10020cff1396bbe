"""Images scaled to fit a network's picture and centred on black."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

Image = UInt8[NDArray[np.uint8], "h w 3"]


@dataclass(frozen=True)
class Letterbox:
    """How an image lies in a picture: pixel of the image = (pixel of the picture - offset) / scale."""

    scale: float
    offset: tuple[float, float]

    def to_image(
        self, px: Float64[NDArray[np.float64], "*b 2"] | tuple[float, float]
    ) -> Float64[NDArray[np.float64], "*b 2"]:
        """Points of the picture in pixels of the image."""
        return np.asarray((np.asarray(px, dtype=np.float64) - self.offset) / self.scale)


def letterboxed(image_bgr: Image, size: tuple[int, int]) -> tuple[UInt8[NDArray[np.uint8], "y x 3"], Letterbox]:
    """The image in a picture of this width and height."""
    height, width = image_bgr.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    x, y = (size[0] - w) // 2, (size[1] - h) // 2
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    if scale < 0.5 and height % 2 == width % 2 == 0:  # the mean of means; halving exactly is the fast case
        image_bgr = np.asarray(cv2.resize(image_bgr, (width // 2, height // 2), interpolation=how), np.uint8)
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[y : y + h, x : x + w] = cv2.resize(image_bgr, (w, h), interpolation=how)
    return picture, Letterbox(scale, (float(x), float(y)))
