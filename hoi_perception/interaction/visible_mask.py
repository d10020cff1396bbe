"""What of an instrument should show, against the mask in which it does: whole pictures, for choosing among solutions.

Rows of a solve see outlines near where they are; which of two poses hides what the hand hides, pixels tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64, Int
from numpy.typing import NDArray

from hoi_perception.rendering import rasterise
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Mask = Bool[NDArray[np.bool_], "h w"]
Faces = Int[NDArray[np.integer], "_ 3"]
COARSE_WIDTH = 320
"""Width of the picture that is compared, in pixels."""


@dataclass(frozen=True, eq=False)
class VisibleMask:
    """Which pixels of a coarse picture show an instrument."""

    camera: Camera
    seen: Mask

    @staticmethod
    def of(mask: Mask, camera: Camera) -> VisibleMask:
        """The mask of an image, made coarse; smaller images stay as they are."""
        width = min(COARSE_WIDTH, camera.width)
        height = max(round(camera.height * width / camera.width), 1)
        share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        return VisibleMask(camera, np.asarray(share > 0.5))

    def mismatch(
        self,
        hand: tuple[Float64[Array, "v 3"], Faces],
        instrument: tuple[Float64[Array, "w 3"], Faces],
    ) -> float:
        """Area on the plane z = 1 that shows the instrument and should not, or should and does not.

        Bodies are vertices in the camera frame (m) and triangles; the nearer one hides the other.
        """
        vertices = np.concatenate([hand[0], instrument[0]])
        faces = np.concatenate([hand[1], instrument[1] + len(hand[0])]).astype(np.int32)
        height, width = self.seen.shape
        raster = rasterise(vertices, faces, self.camera, (width, height))
        shown = raster.mask & (raster.face_id >= len(hand[1]))
        pixel = self.camera.width * self.camera.height / (width * height) / self.camera.focal_px**2
        return float((shown != self.seen).sum() * pixel)
