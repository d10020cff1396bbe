"""Pictures of markers as a camera sees them, to measure with."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.camera import project, undistort
from hoi_perception.fiducials.square_pose import square
from hoi_perception.types import Camera

Array = NDArray[np.float64]
_FINER = 6
"""Places in a pixel, each way, that are averaged."""
_QUIET = 1.25
"""Side of the white sheet that a marker is on, over its own."""
_DARK, _BRIGHT = 25.0, 215.0


def with_marker(
    image_bgr: UInt8[NDArray[np.uint8], "h w 3"],
    camera: Camera,
    marker: tuple[str, int, float],
    R: Float64[Array, "3 3"],
    t: Float64[Array, "3"],
) -> UInt8[NDArray[np.uint8], "h w 3"]:
    """The image with a marker (dictionary, number, size in m) on a white sheet at a pose; all of it is in view."""
    name, number, size = marker
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
    cells = int(dictionary.markerSize) + 2
    bits = cv2.aruco.generateImageMarker(dictionary, number, cells).astype(np.float64) / 255.0
    outline = np.asarray(project(square(_QUIET * size) @ R.T + t, camera), dtype=np.float64)
    x0, y0 = np.floor(outline.min(axis=0)).astype(int) - 1
    x1, y1 = np.ceil(outline.max(axis=0)).astype(int) + 2
    fine = (np.arange(_FINER) + 0.5) / _FINER - 0.5
    u = (np.arange(x0, x1)[:, None] + fine).ravel()
    v = (np.arange(y0, y1)[:, None] + fine).ravel()
    px = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)
    rays = np.column_stack([undistort(px, camera), np.ones(len(px))])
    depth = (R[:, 2] @ t) / (rays @ R[:, 2])
    local = (rays * depth[:, None] - t) @ R[:, :2] / size
    sheet = np.abs(local).max(axis=1) <= 0.5 * _QUIET
    column, row = (np.floor(cells * (local * [1.0, -1.0] + 0.5)).astype(int)).T
    inside = (np.minimum(column, row) >= 0) & (np.maximum(column, row) < cells)
    value = np.where(inside, bits[row.clip(0, cells - 1), column.clip(0, cells - 1)], 1.0)
    shape = (y1 - y0, _FINER, x1 - x0, _FINER)
    share = sheet.reshape(shape).mean(axis=(1, 3))[..., None]
    light = (np.where(sheet, _DARK + (_BRIGHT - _DARK) * value, 0.0)).reshape(shape).mean(axis=(1, 3))[..., None]
    out = image_bgr.astype(np.float64)
    part = out[y0:y1, x0:x1]
    part[:] = (1.0 - share) * part + light
    return np.round(out).astype(np.uint8)
