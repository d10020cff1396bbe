"""How far from an observed mask a place in the image is, and where the mask is nearest."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64
from numpy.typing import NDArray

from hoi_perception.camera import distort, project, undistort
from hoi_perception.interaction.contours import MaskContour
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Mask = Bool[NDArray[np.bool_], "h w"]


@dataclass(frozen=True)
class OffMask:
    """Of each place: distance to the mask (px, 0 where nothing is known), border of the mask nearest to it and unit
    normal from there to the place, both on the plane z = 1."""

    distance_px: Float64[Array, " n"]
    border: Float64[Array, "n 2"]
    normals: Float64[Array, "n 2"]


@dataclass(frozen=True)
class MaskDistance:
    """Distance transform of a mask in a window of the image that begins at `corner` (x, y).

    `distance_px` is 0 on the mask. The nearest pixel of the mask is number `pixels[labels]` of the window, row by row.
    """

    camera: Camera
    corner: tuple[int, int]
    distance_px: Float32[NDArray[np.float32], "h w"]
    labels: Int32[NDArray[np.int32], "h w"]
    pixels: Int64[NDArray[np.int64], " n"]

    @staticmethod
    def of(mask: Mask, camera: Camera, unknown: Mask | None = None, reach_px: int = 60) -> MaskDistance:
        """The transform of `mask`; `unknown` are pixels where something may hide the body, as good as mask.

        The window reaches `reach_px` beyond the mask. A mask without pixels gives an empty window.
        """
        if not mask.any():
            return MaskDistance(
                camera, (0, 0), np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int32), np.zeros(0, np.int64)
            )
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        x0, y0 = max(x - reach_px, 0), max(y - reach_px, 0)
        window = np.s_[y0 : y + height + reach_px, x0 : x + width + reach_px]
        inside = mask[window] if unknown is None else mask[window] | unknown[window]
        distance, labels = cv2.distanceTransformWithLabels(
            (~inside).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        on_mask = np.flatnonzero(inside)
        # Pixels of the mask are labelled 1, 2, ... one by one, not row by row.
        pixels = np.zeros(len(on_mask) + 1, dtype=np.int64)
        pixels[labels.ravel()[on_mask]] = on_mask
        return MaskDistance(camera, (x0, y0), np.asarray(distance, np.float32), np.asarray(labels, np.int32), pixels)

    def distances(self, places: Float64[Array, "n 2"]) -> Float64[Array, " n"]:
        """Distances (px) of places on the plane z = 1 to the mask, 0 where nothing is known: as `off`, but quicker."""
        distance = np.zeros(len(places))
        away, px, pixel = self._away(places)
        distance[away] = np.maximum(np.sqrt(((px - pixel) ** 2).sum(axis=1)) - 0.5, 0.0)
        return distance

    def off(self, places: Float64[Array, "n 2"]) -> OffMask:
        """Places on the plane z = 1 against the mask. Of what is outside the window or the image nothing is known."""
        n = len(places)
        distance, border, normals = np.zeros(n), np.zeros((n, 2)), np.zeros((n, 2))
        away, px, pixel = self._away(places)
        if len(away) == 0:
            return OffMask(distance, border, normals)
        length = np.linalg.norm(px - pixel, axis=1, keepdims=True)
        unit = (px - pixel) / np.maximum(length, 1e-9)
        # The border runs round the pixels' squares, half a pixel from their centres.
        edge = pixel + 0.5 * unit
        border[away] = undistort(edge, self.camera)
        ahead = undistort(edge + unit, self.camera) - border[away]
        normals[away] = ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-12)
        distance[away] = np.maximum(length[:, 0] - 0.5, 0.0)
        return OffMask(distance, border, normals)

    def _away(self, places: Float64[Array, "n 2"]) -> tuple[NDArray[np.intp], Float64[Array, "m 2"], Array]:
        """Which places are in the window but not on the mask, with their pixels and the nearest ones of the mask."""
        px = distort(places, self.camera) @ self.camera.K[:2, :2].T + self.camera.K[:2, 2]
        height, width = self.distance_px.shape
        across, down = np.rint(px[:, 0]) - self.corner[0], np.rint(px[:, 1]) - self.corner[1]
        known = np.flatnonzero((across >= 0) & (down >= 0) & (across < width) & (down < height))
        x, y = across[known].astype(np.int64), down[known].astype(np.int64)
        beside = self.distance_px[y, x] > 0.0
        away, x, y = known[beside], x[beside], y[beside]
        row, column = np.divmod(self.pixels[self.labels[y, x]], max(width, 1))
        pixel = np.column_stack([column, row]) + np.array(self.corner, dtype=np.float64)
        return away, px[away], pixel

    def near(self, contour: MaskContour, margin_px: float = 6.0) -> Bool[NDArray[np.bool_], " n"]:
        """Which points of another body's contour lie on this mask or less than `margin_px` beside it.

        There this body may be what ends the other's mask.
        """
        px = project(np.column_stack([contour.points, np.ones(len(contour.points))]), self.camera)
        cell = np.rint(px).astype(np.int64) - np.array(self.corner)
        known = (cell >= 0).all(axis=1) & (cell < np.array(self.distance_px.shape[::-1])).all(axis=1)
        out = np.zeros(len(px), dtype=bool)
        out[known] = self.distance_px[cell[known, 1], cell[known, 0]] < margin_px
        return out
