"""Contours of observed masks, as points with outward normals on the plane z = 1."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.types import Camera

Array = NDArray[np.float64]
SMOOTHING_PX = 2.5
"""Blur of a mask before its contour is taken, px: what is finer is noise of the segmentation."""
BORDER_PX = 3


@dataclass(frozen=True)
class MaskContour:
    """Points along the border of a mask with unit normals out of it; `pixel` is the size of a pixel on the plane."""

    points: Float64[Array, "n 2"]
    normals: Float64[Array, "n 2"]
    pixel: float

    @staticmethod
    def of(mask: Bool[NDArray[np.bool_], "h w"], camera: Camera, most: int = 160) -> MaskContour:
        """About `most` points spread evenly along the mask's borders, none where the image's edge cuts the mask."""
        x0, y0, crop = _cropped(mask)
        if crop.size == 0:
            return MaskContour(np.zeros((0, 2)), np.zeros((0, 2)), 1.0 / camera.focal_px)
        smooth = cv2.GaussianBlur(crop.astype(np.float32), (0, 0), SMOOTHING_PX)
        outlines, _ = cv2.findContours((smooth > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        px = np.concatenate([line[:, 0] for line in outlines]) if outlines else np.zeros((0, 2), dtype=np.int32)
        px = px[:: max(1, len(px) // most)]
        slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)[px[:, 1], px[:, 0]]
        slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)[px[:, 1], px[:, 0]]
        normals = -np.column_stack([slope_x, slope_y]).astype(np.float64)
        length = np.linalg.norm(normals, axis=1)
        value = smooth[px[:, 1], px[:, 0]]
        # OpenCV's contour runs through the outermost pixels; the border itself is where the blurred mask is one half.
        step = np.clip((value - 0.5) / np.maximum(length / 8.0, 1e-3), -1.0, 1.0)
        whole = px + np.array([x0, y0])
        inside = (whole >= BORDER_PX).all(axis=1) & (whole < np.array(mask.shape[::-1]) - BORDER_PX).all(axis=1)
        good = inside & (length > 1e-3)
        unit = normals[good] / length[good, None]
        if not good.any():
            return MaskContour(np.zeros((0, 2)), np.zeros((0, 2)), 1.0 / camera.focal_px)
        at = whole[good] + step[good, None] * unit
        points = np.asarray(undistort(at, camera), dtype=np.float64)
        ahead = undistort(at + unit, camera) - points
        size = np.linalg.norm(ahead, axis=1, keepdims=True)
        return MaskContour(points, np.asarray(ahead / np.maximum(size, 1e-12), np.float64), 1.0 / camera.focal_px)


def _cropped(mask: Bool[NDArray[np.bool_], "h w"]) -> tuple[int, int, NDArray[np.bool_]]:
    """The mask round what it holds, with a margin for the blur, and where that begins."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return 0, 0, mask[:0, :0]
    margin = int(np.ceil(4 * SMOOTHING_PX))
    y0, x0 = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
    return x0, y0, mask[y0 : rows[-1] + margin + 1, x0 : columns[-1] + margin + 1]
