"""The part of an image that shows the scene, where a black border surrounds it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class VisibleDisc:
    """A disc, as endoscopes show it; it may reach beyond the image of `width` x `height` pixels."""

    center_px: tuple[float, float]
    radius_px: float
    width: int
    height: int

    @property
    def box_px(self) -> tuple[int, int, int, int]:
        """Smallest box of whole pixels round the area, inside the image: x0, y0, x1, y1, the last two exclusive."""
        (x, y), r = self.center_px, self.radius_px
        return (
            max(math.floor(x - r), 0),
            max(math.floor(y - r), 0),
            min(math.ceil(x + r) + 1, self.width),
            min(math.ceil(y + r) + 1, self.height),
        )

    def contains(self, points_px: Float64[Array, "n 2"]) -> Bool[NDArray[np.bool_], " n"]:
        """Which points lie in the area and in the image."""
        x, y = points_px.T
        inside = (x - self.center_px[0]) ** 2 + (y - self.center_px[1]) ** 2 <= self.radius_px**2
        return np.asarray(inside & _in_box(points_px, (0, 0, self.width, self.height)))

    @property
    def outline_px(self) -> Float64[Array, "n 2"]:
        """Points along the edge, every two degrees."""
        angles = np.radians(np.arange(0.0, 360.0, 2.0))
        around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return np.array(self.center_px) + self.radius_px * around


@dataclass(frozen=True)
class VisibleRectangle:
    """An upright rectangle; rounded or cut corners belong to it."""

    box_px: tuple[int, int, int, int]
    """x0, y0, x1, y1 in whole pixels, the last two exclusive."""

    def contains(self, points_px: Float64[Array, "n 2"]) -> Bool[NDArray[np.bool_], " n"]:
        """Which points lie in the area."""
        return _in_box(points_px, self.box_px)

    @property
    def outline_px(self) -> Float64[Array, "n 2"]:
        """The corners."""
        x0, y0, x1, y1 = self.box_px
        return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float64)


VisibleArea = VisibleDisc | VisibleRectangle


def _in_box(points_px: Float64[Array, "n 2"], box_px: tuple[int, int, int, int]) -> Bool[NDArray[np.bool_], " n"]:
    x0, y0, x1, y1 = box_px
    x, y = points_px.T
    return np.asarray((x >= x0) & (x < x1) & (y >= y0) & (y < y1))
