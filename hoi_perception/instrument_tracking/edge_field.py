"""Edges of an image in a form that outlines of many hypotheses can be compared with at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8
from numpy.typing import NDArray

Array = NDArray[np.float64]
WIDTH_PX = 640
"""Width of pictures in which instruments are looked for; larger ones are scaled down."""
ORIENTATIONS = 8
"""Bins of directions, of lines without sign."""
SPREAD_PX = 6
"""How far off a place an edge may be to count at the first look, px of the scaled picture."""
BORDER_PX = 7.0
"""How far off its border in the picture something that is known to be there may be, px."""
_BLUR_PX = 1.0
_NOISE = 3.0
"""Strength at which an edge counts half, over the median gradient of the picture."""


@dataclass(frozen=True, eq=False)
class EdgeField:
    """Unit-free edges: the gradient of the channel that changes most, over itself plus the noise, so 0 to 1."""

    gradient: Float32[NDArray[np.float32], "h w 2"]

    @cached_property
    def spread(self) -> Float32[NDArray[np.float32], "o h2 w2"]:
        """For each orientation the strongest edge that runs so near a place, less what all share; half size."""
        return _spread(self.gradient)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the field."""
        return self.gradient.shape[0], self.gradient.shape[1]

    def along(
        self, places: Float64[Array, "*n 2"], normals: Float64[Array, "*#n 2"]
    ) -> Float32[NDArray[np.float32], "*n"]:
        """How much an edge across the normal is there (0 to 1), at places of the field (px); 0 outside of it."""
        rows, columns, inside = self.index(places)
        found = self.gradient[rows, columns]
        across = np.abs(found[..., 0] * normals[..., 0] + found[..., 1] * normals[..., 1])
        return np.asarray(np.where(inside, across, 0.0), dtype=np.float32)

    def near(
        self, places: Float64[Array, "*n 2"], normals: Float64[Array, "*n 2"]
    ) -> Float32[NDArray[np.float32], "*n"]:
        """How much more of an edge across the normal is near than of edges of other directions (-1 to 1)."""
        rows, columns, inside = self.index(places)
        bins = _bin(normals[..., 0], normals[..., 1])
        return np.asarray(np.where(inside, self.spread[bins, rows // 2, columns // 2], 0.0), dtype=np.float32)

    def contains(self, places: Float64[Array, "*n 2"]) -> Bool[NDArray[np.bool_], "*n"]:
        """Whether places are in the picture."""
        return self.index(places)[2]

    def index(
        self, places: Float64[Array, "*n 2"]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Bool[NDArray[np.bool_], "*n"]]:
        """Rows and columns of places, and whether they are in the picture; 0 and 0 for those that are not."""
        height, width = self.shape
        usable = np.nan_to_num(places, nan=-1e6, posinf=-1e6, neginf=-1e6)
        x, y = np.rint(usable[..., 0]), np.rint(usable[..., 1])
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        return np.where(inside, y, 0).astype(np.int64), np.where(inside, x, 0).astype(np.int64), np.asarray(inside)


def edge_field(
    image: UInt8[NDArray[np.uint8], "h w"],
    noise: float | None = None,
    known: Bool[NDArray[np.bool_], "h w"] | None = None,
) -> EdgeField:
    """Edges of a grey image; `noise` is a gradient that counts half, measured by default.

    Edges along the border of what is `known` to be there are its own and left out.
    """
    soft = cv2.GaussianBlur(image, (0, 0), _BLUR_PX)
    x, y = (cv2.Sobel(soft, cv2.CV_32F, 1 - k, k, ksize=3, scale=0.125) for k in range(2))
    size = np.sqrt(x * x + y * y)  # OpenCV's own differs in the last bit with where in memory images lie
    half = _NOISE * max(float(np.median(size[::2, ::2])), 1.0) if noise is None else noise
    gradient = np.asarray(cv2.merge([x, y]) / (size + np.float32(half))[..., None], dtype=np.float32)
    if known is not None:
        gradient = _without_border(gradient, known)
    return EdgeField(gradient)


def _without_border(
    gradient: Float32[NDArray[np.float32], "h w 2"], known: Bool[NDArray[np.bool_], "h w"]
) -> Float32[NDArray[np.float32], "h w 2"]:
    """The gradient less its part across the border of a mask, near it."""
    inner, outer = (cv2.distanceTransform(m.astype(np.uint8), cv2.DIST_L2, 3) for m in (known, ~known))
    signed = cv2.GaussianBlur(outer - inner, (0, 0), 2.0)
    rows, columns = np.nonzero(np.abs(signed) < BORDER_PX + 2.0)
    x, y = (cv2.Sobel(signed, cv2.CV_32F, 1 - k, k)[rows, columns] for k in range(2))
    n = np.stack([x, y], axis=1) / np.maximum(np.hypot(x, y), 1e-6)[:, None]
    own = np.clip((BORDER_PX + 2.0 - np.abs(signed[rows, columns])) / 2.0, 0.0, 1.0)
    there = gradient[rows, columns]
    gradient[rows, columns] = there - (own * (there * n).sum(axis=1))[:, None] * n
    return gradient


def _bin(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.int64]:
    """Bin of the direction of a gradient or a normal, without sign."""
    turn = np.arctan2(y, x) * (ORIENTATIONS / np.pi)
    return np.asarray(np.rint(turn).astype(np.int64) % ORIENTATIONS)


def _spread(gradient: Float32[NDArray[np.float32], "h w 2"]) -> Float32[NDArray[np.float32], "o h2 w2"]:
    """At half resolution, which is enough for a first look."""
    x, y = gradient[::2, ::2, 0], gradient[::2, ::2, 1]
    x2, y2 = gradient[1::2, 1::2, 0], gradient[1::2, 1::2, 1]
    rows, columns = x2.shape
    kernel = np.ones((SPREAD_PX + 1, SPREAD_PX + 1), np.uint8)
    maps = np.empty((ORIENTATIONS, *x.shape), dtype=np.float32)
    for k in range(ORIENTATIONS):
        c, s = np.float32(np.cos(np.pi * k / ORIENTATIONS)), np.float32(np.sin(np.pi * k / ORIENTATIONS))
        along = np.abs(c * x + s * y)
        along[:rows, :columns] = np.maximum(along[:rows, :columns], np.abs(c * x2 + s * y2))
        maps[k] = cv2.dilate(along, kernel)
    return np.asarray(maps - maps.mean(axis=0), dtype=np.float32)
