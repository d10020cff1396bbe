"""What hides an instrument in an image, or may be taken for it: pixels that say nothing in tracking."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import warp as wp
from jaxtyping import Float32, Float64, Int
from numpy.typing import NDArray

from hoi_perception.instruments.colour import Cover
from hoi_perception.kernels import region as kernels
from hoi_perception.rendering import NEAR_M, project_to_screen
from hoi_perception.types import Camera

Array = NDArray[np.float64]
_DRAWN_PX = 0.75
"""Part of a margin that is drawn round each triangle, px; the rest is added to what is drawn, which is much faster."""


@dataclass(frozen=True, eq=False)
class Occluder:
    """A mesh in the camera frame (m): a hand, another instrument. It covers `margin_px` more than it shows.

    It hides what is behind it; with `always`, what is before it too: one of the same colour would be taken for the
    instrument.
    """

    vertices: Float64[Array, "n 3"]
    faces: Int[NDArray[np.integer], "m 3"]
    margin_px: float = 3.0
    always: bool = False


@dataclass(frozen=True, eq=False)
class Shade:
    """What an occluder hides in an image: depths (m) as in `Cover`, of the rectangle that begins at `x`, `y` (px)."""

    x: int
    y: int
    depths: Float32[NDArray[np.float32], "h w"]

    def lay_on(self, cover: Cover) -> None:
        """Adds it to what hides the scene."""
        h, w = self.depths.shape
        part = cover[self.y : self.y + h, self.x : self.x + w]
        np.minimum(part, self.depths, out=part)


def shade(occluder: Occluder, camera: Camera) -> Shade | None:
    """What an occluder hides; None where it is not in the image, or not in front of the camera."""
    screen = project_to_screen(occluder.vertices, camera)
    ahead = screen[np.isfinite(screen).all(axis=1) & (screen[:, 2] > NEAR_M), :2]
    if len(ahead) == 0:
        return None
    drawn = min(occluder.margin_px, _DRAWN_PX)
    grow = round(occluder.margin_px - drawn)
    by = int(np.ceil(occluder.margin_px)) + 1
    size = np.array([camera.width, camera.height])
    x0, y0 = np.clip(np.floor(ahead.min(axis=0)) - by, 0, size).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(ahead.max(axis=0)) + by + 1, 0, size).astype(int).tolist()
    if x1 <= x0 or y1 <= y0:
        return None
    depths = np.full((y1 - y0, x1 - x0), np.inf, dtype=np.float32)
    screen[:, :2] -= np.array([x0, y0], dtype=np.float32)
    places = wp.array(screen, dtype=wp.vec3, device="cpu", copy=False)
    faces = wp.array(np.ascontiguousarray(occluder.faces, dtype=np.int32), dtype=wp.vec3i, device="cpu", copy=False)
    pixels = wp.array(depths, dtype=wp.float32, device="cpu", copy=False)
    inputs = [places, faces, NEAR_M, drawn, int(occluder.always), pixels]
    wp.launch(kernels.hide, dim=len(occluder.faces), inputs=inputs, device="cpu")
    if grow > 0:
        kernel = np.ones((2 * grow + 1, 2 * grow + 1), dtype=np.uint8)
        depths = np.asarray(cv2.erode(depths, kernel, borderType=cv2.BORDER_REPLICATE), dtype=np.float32)
    return Shade(x0, y0, depths)


def hide(cover: Cover, occluder: Occluder, camera: Camera) -> None:
    """Adds an occluder to what hides the scene; where it is not in front of the camera it hides nothing."""
    found = shade(occluder, camera)
    if found is not None:
        found.lay_on(cover)
