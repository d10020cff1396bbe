"""Colours of an instrument and of what lies beside it, as smoothed histograms that are learned along its contour."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import cv2
import numpy as np
import warp as wp
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from numpy.typing import NDArray

from hoi_perception.kernels import region as kernels

BINS = kernels.BINS
AMPLITUDE = 0.43
"""Amplitude of the step between instrument and surroundings; the rest of the probability is for what may err."""
MOST = float(np.log((0.5 + AMPLITUDE) / (0.5 - AMPLITUDE)))
"""The most that a pixel says for either side."""
CLEAR_M = 0.001
"""How far behind an instrument something must be to be background rather than cover, m."""
_TINY = 1e-5
"""Share of the samples in a bin below which its colour says little."""

Image = UInt8[NDArray[np.uint8], "h w channels"]
Cover = Float32[NDArray[np.float32], "rows columns"]
"""Depth of what hides the scene in each pixel, m: infinite where nothing does, 0 where a pixel never tells."""
_NOTHING = np.zeros((1, 1), dtype=np.float32)


class Provider(Protocol):
    """What tells instrument from surroundings, pixel by pixel: colours of a track, or a learned map of each image."""

    def evidence(self, image_bgr: Image, cover: Cover) -> Any:
        """What the pixels of an image say, as `kernels.region.Evidence`; see `Cover`."""


@dataclass(frozen=True, eq=False)
class Colours:
    """Shares of colours on the instrument (0) and beside it (1), bins of blue, green, red; each sums to 1."""

    shares: Float32[NDArray[np.float32], "2 32 32 32"]

    @staticmethod
    def none() -> Colours:
        """All colours alike on both sides."""
        return Colours(np.full((2, BINS, BINS, BINS), 1.0 / BINS**3, dtype=np.float32))

    @staticmethod
    def counted(counts: Float32[NDArray[np.float32], "2 n"]) -> Colours | None:
        """Those of samples counted per bin; None where a side has no sample."""
        total = counts.sum(axis=1)
        if not (total > 0.0).all():
            return None
        return Colours((counts / total[:, None]).reshape(2, BINS, BINS, BINS).astype(np.float32))

    def blended(self, new: Colours, rate: float) -> Colours:
        """Moved towards newer ones."""
        return Colours((1.0 - rate) * self.shares + rate * new.shares)

    @cached_property
    def table(self) -> Float32[NDArray[np.float32], "32768"]:
        """Logarithm of the likelihood ratio of each colour, bounded by `AMPLITUDE`."""
        inside, outside = smoothed(self.shares[0]) + _TINY, smoothed(self.shares[1]) + _TINY
        return bounded(np.asarray(inside / (inside + outside), dtype=np.float32)).ravel()

    def evidence(self, image_bgr: Image, cover: Cover) -> Any:
        """What the pixels of an image say by their colours."""
        return on_device(image_bgr, cover, table=self.table)


@dataclass(frozen=True, eq=False)
class ProbabilityMap:
    """A probability of the instrument for each pixel of one image (0 to 1, NaN where it is not known)."""

    probability: Float32[NDArray[np.float32], "h w"]

    def evidence(self, image_bgr: Image, cover: Cover) -> Any:
        """What the pixels say by the map. ValueError where its size is another than the image's."""
        if self.probability.shape != image_bgr.shape[:2]:
            raise ValueError(
                f"probability map of {self.probability.shape} for an image of {image_bgr.shape[:2]}: give the same size"
            )
        known = np.nan_to_num(np.clip(self.probability, 0.0, 1.0), nan=0.5)
        return on_device(image_bgr, cover, mapped=bounded(known.astype(np.float32)))


@dataclass(frozen=True, eq=False)
class Grid:
    """Logarithms of likelihood ratios on a coarse grid over an image or a part of it, at least two cells each way.

    The cell of a pixel (x, y) is `per_px` (x, y) + `offset`, whole numbers in the middle of cells; pixels more than
    half a cell outside of them are told nothing of.
    """

    said: Float32[NDArray[np.float32], "rows columns"]
    per_px: float
    offset: tuple[float, float]

    def at(self, px: Float64[NDArray[np.float64], "n 2"]) -> Float32[NDArray[np.float32], " n"]:
        """At pixels (x, y), linear between cells; NaN where nothing is told: `kernels.region.between_cells`."""
        rows, columns = self.said.shape
        u, v = (self.per_px * px + self.offset).T
        inside = (u >= -0.5) & (v >= -0.5) & (u <= columns - 0.5) & (v <= rows - 0.5)
        u, v = np.clip(u, 0.0, columns - 1.0), np.clip(v, 0.0, rows - 1.0)
        i, j = np.minimum(v.astype(np.int64), rows - 2), np.minimum(u.astype(np.int64), columns - 2)
        down, right = v - i, u - j
        upper, lower = ((1.0 - right) * self.said[k, j] + right * self.said[k, j + 1] for k in (i, i + 1))
        return np.where(inside, (1.0 - down) * upper + down * lower, np.nan).astype(np.float32)


@dataclass(frozen=True, eq=False)
class WithGrid:
    """What colours say, and along lines that reach farther than its cells what a grid says too, as if both were
    independent; together no more than colours alone may."""

    colours: Colours
    grid: Grid

    def evidence(self, image_bgr: Image, cover: Cover) -> Any:
        """What the pixels of an image say by both."""
        evidence = self.colours.evidence(image_bgr, cover)
        evidence.grid = wp.array(np.ascontiguousarray(self.grid.said), dtype=wp.float32, device="cpu", copy=False)
        evidence.per_px = self.grid.per_px
        evidence.grid_x, evidence.grid_y = self.grid.offset
        evidence.most, evidence.gridded = MOST, 1
        return evidence


def bounded(probability: Float32[NDArray[np.float32], "*n"]) -> Float32[NDArray[np.float32], "*n"]:
    """Logarithm of the ratio of instrument to surroundings, within +- log((0.5 + a) / (0.5 - a))."""
    off = AMPLITUDE * (2.0 * probability - 1.0)
    return np.asarray(np.log((0.5 + off) / (0.5 - off)), dtype=np.float32)


def smoothed(histogram: Float32[NDArray[np.float32], "32 32 32"]) -> Float32[NDArray[np.float32], "32 32 32"]:
    """A histogram blurred by (1, 2, 1) / 4 along each channel; mass at the ends stays there."""
    weights, one = np.array([0.25, 0.5, 0.25], dtype=np.float32), np.ones(1, dtype=np.float32)
    rows = np.ascontiguousarray(histogram, dtype=np.float32).reshape(BINS * BINS, BINS)
    red = cv2.sepFilter2D(rows, -1, weights, one, borderType=cv2.BORDER_REFLECT)
    channels = red.reshape(BINS, BINS, BINS)  # an image of blue and green with a channel for each red
    return np.asarray(cv2.sepFilter2D(channels, -1, weights, weights, borderType=cv2.BORDER_REFLECT), np.float32)


def on_device(
    image_bgr: Image,
    cover: Cover,
    table: Float32[NDArray[np.float32], " n"] | None = None,
    mapped: Float32[NDArray[np.float32], "h w"] | None = None,
) -> Any:
    """`kernels.region.Evidence` of an image with a table over colours or a map.

    ValueError where the image is not one of 8-bit colours, or the cover has another size.
    """
    if image_bgr.ndim != 3 or image_bgr.shape[2] != 3 or image_bgr.dtype != np.uint8:
        raise ValueError(f"image of {image_bgr.shape}, {image_bgr.dtype}: give 8-bit colours, (h, w, 3)")
    if cover.shape != image_bgr.shape[:2]:
        raise ValueError(f"cover of {cover.shape} for an image of {image_bgr.shape[:2]}: give the same size")
    evidence = kernels.Evidence()
    evidence.image = wp.array(np.ascontiguousarray(image_bgr), dtype=wp.uint8, device="cpu", copy=False)
    evidence.cover = wp.array(cover, dtype=wp.float32, device="cpu", copy=False)
    evidence.clear = CLEAR_M
    evidence.table = wp.array(_NOTHING[0] if table is None else table, dtype=wp.float32, device="cpu", copy=False)
    evidence.map = wp.array(_NOTHING if mapped is None else mapped, dtype=wp.float32, device="cpu", copy=False)
    evidence.mapped = int(mapped is not None)
    return evidence


def seen_at(
    evidence: Any, px: Int64[NDArray[np.int64], "n 2"], depths_m: Float64[NDArray[np.float64], " n"]
) -> Bool[NDArray[np.bool_], " n"]:
    """Which pixels are in the image and not hidden, for an instrument at depths: `kernels.region.tells`."""
    cover = evidence.cover.numpy()
    inside = (px >= 0).all(axis=1) & (px < cover.shape[::-1]).all(axis=1)
    x, y = (px * inside[:, None]).T
    return np.asarray(inside & (cover[y, x] > depths_m + CLEAR_M))


def said_at(evidence: Any, px: Int64[NDArray[np.int64], "n 2"]) -> Float32[NDArray[np.float32], " n"]:
    """Logarithms of the likelihood ratios of pixels, 0 beside the image: `kernels.region.said_by`."""
    image = evidence.image.numpy()
    inside = (px >= 0).all(axis=1) & (px < image.shape[1::-1]).all(axis=1)
    x, y = (px * inside[:, None]).T
    if evidence.mapped:
        said = evidence.map.numpy()[y, x]
    else:
        b, g, r = (image[y, x].astype(np.int64) // (256 // BINS)).T
        said = evidence.table.numpy()[(b * BINS + g) * BINS + r]
    return np.where(inside, said, np.float32(0.0))


def no_cover(image_bgr: Image, visible: Bool[NDArray[np.bool_], "h w"] | None = None) -> Cover:
    """Nothing hides the scene but what is not visible, for whatever reason."""
    cover = np.full(image_bgr.shape[:2], np.inf, dtype=np.float32)
    if visible is not None:
        cover[~visible] = 0.0
    return cover
