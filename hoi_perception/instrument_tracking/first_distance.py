"""How far away an instrument is that has been told roughly, by the depth that was measured where it should be."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.instruments.colour import CLEAR_M, Cover
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.occlusion import Occluder
from hoi_perception.interaction.terms.instrument_depth import DEPTH, DepthImage, standing_out, unmixed
from hoi_perception.rendering import rasterise
from hoi_perception.types import Camera

LOOKED_AT = 300
"""Pixels of the instrument, and beside it, that are looked at."""
MAX_RATIO = 1.4
"""Ratio of measured distance to that told beyond which something else was measured."""
GAP_PX, AROUND_PX = 9, 25
"""Widths of the band along the outline that is left out, and of that beyond which nothing is taken for what lies beside
it, px."""


def at_measured_distance(
    depth_m: DepthImage, cover: Cover, camera: Camera, surface: Occluder, told: InstrumentState
) -> InstrumentState | None:
    """A told pose moved along the ray to the middle of its surface so that it is as far away as was measured.

    None where that is within what a solve by regions reaches anyhow, where too little was measured, or something else.
    """
    raster = rasterise(surface.vertices, surface.faces, camera)
    there = raster.mask & (cover > raster.depth + CLEAR_M)
    square = [cv2.dilate(raster.mask.astype(np.uint8), np.ones((k, k), np.uint8)) > 0 for k in (GAP_PX, AROUND_PX)]
    inside, around = _some(there), _some(square[1] & ~square[0])
    z, beside = unmixed(depth_m, inside), unmixed(depth_m, around)
    inside, z = inside[np.isfinite(z)], z[np.isfinite(z)]
    around, beside = around[np.isfinite(beside)], beside[np.isfinite(beside)]
    if len(z) < DEPTH.fewest:
        return None
    good = standing_out(inside, z, around, beside, DEPTH.standing)
    if np.count_nonzero(good) < DEPTH.fewest:
        return None
    expected: Float64[NDArray[np.float64], " n"] = raster.depth[inside[:, 1], inside[:, 0]].astype(np.float64)
    ratio = float(np.median(z[good] / expected[good]))
    middle = surface.vertices.mean(axis=0)
    if not 1.0 / MAX_RATIO < ratio < MAX_RATIO or abs(ratio - 1.0) * float(middle[2]) < 0.5 * DEPTH.reach:
        return None
    return replace(told, t=told.t + (ratio - 1.0) * middle)


def _some(mask: Bool[NDArray[np.bool_], "h w"]) -> Int64[NDArray[np.int64], "n 2"]:
    """Pixels (x, y) of a mask, at most so many, spread evenly."""
    y, x = np.nonzero(mask)
    chosen = np.linspace(0, len(x) - 1, min(len(x), LOOKED_AT)).astype(np.int64)
    return np.column_stack([x[chosen], y[chosen]]).astype(np.int64)
