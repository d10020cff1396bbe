"""Measured depth as points in the camera frame, each of a body that is known or of any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.camera import undistort
from hoi_perception.types import Camera

Array = NDArray[np.float64]
Mask = Bool[NDArray[np.bool_], "h w"]
ANY = -1
"""Body of a point of which it is not known what it lies on."""
STEP_M = 0.010
"""Change of depth to a neighbouring pixel beyond which a pixel may mix two surfaces, m."""


@dataclass(frozen=True, eq=False)
class DepthPoints:
    """Points (m) with the bodies they lie on: hands first, then instruments, or ANY."""

    points: Float64[Array, "n 3"]
    bodies: Int64[NDArray[np.int64], " n"]

    @staticmethod
    def of(
        depth_m: Float32[NDArray[np.float32], "h w"],
        camera: Camera,
        masks: Sequence[tuple[int, Mask]],
        most: int = 150,
    ) -> DepthPoints:
        """At most about `most` points of each mask, spread evenly; the number beside it is the body or ANY.

        `depth_m` is registered to the image (m along the optical axis, NaN where there is none). Pixels beside a step
        in depth are left out.
        """
        parts = [_evenly(depth_m, mask, most) for _, mask in masks]
        bodies = [np.full(len(pixels), body, dtype=np.int64) for (body, _), pixels in zip(masks, parts, strict=True)]
        if not sum(map(len, parts)):
            return DepthPoints(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))
        px = np.concatenate(parts)
        plane = np.asarray(undistort(px.astype(np.float64), camera), dtype=np.float64)
        z = depth_m[px[:, 1], px[:, 0]].astype(np.float64)
        return DepthPoints(np.column_stack([plane, np.ones(len(px))]) * z[:, None], np.concatenate(bodies))


def _evenly(depth_m: Float32[NDArray[np.float32], "h w"], mask: Mask, most: int) -> Int64[NDArray[np.int64], "n 2"]:
    """Pixels (x, y) of a grid over the mask that have a depth and no step beside them."""
    spacing = max(1, int(np.sqrt(np.count_nonzero(mask) / max(most, 1))))
    y, x = np.nonzero(mask[::spacing, ::spacing])
    x, y = x * spacing, y * spacing
    height, width = depth_m.shape
    here = depth_m[y, x]
    smooth = np.isfinite(here) & (here > 0.0)
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        beside = depth_m[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)]
        smooth &= np.abs(beside - here) < STEP_M
    return np.column_stack([x[smooth], y[smooth]]).astype(np.int64)
