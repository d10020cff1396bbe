"""Corners of a marker to a small part of a pixel: lines through the places of its four borders.

Along each border the brightness is read across it, from the black side to the white one. Where a step lies follows from
the area below the profile, which blur does not change. The places are brought to the plane z = 1 without lens
distortion, where borders are straight, and lines through them meet in the corners.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.camera import project, undistort
from hoi_perception.types import Camera

Array = NDArray[np.float64]
ROUNDS = 3
_REACHES_PX = (1.0, 3.5)
"""Least and greatest half length of a profile."""
_SHARE = 0.075
"""The same over the width of a marker in that direction: less than that of its border and of the white round it."""
_STEP_PX = 0.25
_PLACES = (8, 48)
_ENDS = 0.12
"""Share of a border at each end that is left out: the corner rounds it."""
_LEAST_CONTRAST = 12.0
_LEAST_SIGMA_PX, _CELL_SIGMA = 0.05, 1.5
_STRAY = 3.0
"""Distance from a line, over the typical one, beyond which a place does not count."""


def sharp_corners(
    grey: UInt8[NDArray[np.uint8], "h w"], corners_px: Float64[Array, "4 2"], camera: Camera
) -> Float64[Array, "4 2"] | None:
    """Corners on the plane z = 1, without distortion; None where the borders are not to be seen."""
    found = corners_px
    for _ in range(ROUNDS):
        lines = [_border(grey, np.roll(found, -k, axis=0), camera) for k in range(4)]
        if any(line is None for line in lines):
            return None
        meet = [_meeting(lines[k - 1], lines[k]) for k in range(4)]
        if any(place is None for place in meet):
            return None
        rays = np.array(meet)
        moved = np.asarray(project(np.column_stack([rays, np.ones(4)]), camera), dtype=np.float64)
        if not np.isfinite(moved).all() or np.abs(moved - corners_px).max() > 2.0 * _REACHES_PX[1]:
            return None
        found = moved
    return rays


def corner_sigma_px(corners_px: Float64[Array, "4 2"], cells: int) -> float:
    """Standard deviation of a corner, px, of a marker that is so many cells wide.

    Where cells are hardly wider than the picture is blurred, white ones inside draw the borders inwards. Covers the
    errors of `bench/fiducials.py` up to a blur of 1.2 px.
    """
    sides, across = np.roll(corners_px, -1, axis=0) - corners_px, corners_px[[2, 3]] - corners_px[[0, 1]]
    area = 0.5 * abs(float(np.linalg.det(across)))
    cell = area / max(float(np.linalg.norm(sides, axis=1).max()), 1e-9) / cells
    return float(_LEAST_SIGMA_PX + _CELL_SIGMA / max(cell, 1e-3) ** 2)


def _border(
    grey: UInt8[NDArray[np.uint8], "h w"], corners: Float64[Array, "4 2"], camera: Camera
) -> Float64[Array, "3"] | None:
    """The line n . x = c on the plane z = 1, as (n, c), along which the border between the first two corners runs."""
    along = corners[1] - corners[0]
    length = float(np.linalg.norm(along))
    out = np.array([along[1], -along[0]]) / max(length, 1e-9)
    width = float((corners[:2].mean(axis=0) - corners[2:].mean(axis=0)) @ out)
    reach = float(np.clip(_SHARE * width, *_REACHES_PX))
    count = int(np.clip(length, *_PLACES))
    middle = corners[0] + np.linspace(_ENDS, 1.0 - _ENDS, count)[:, None] * along
    steps = np.linspace(-reach, reach, 2 * round(reach / _STEP_PX) + 1)
    where = (middle[:, None] + steps[:, None] * out).astype(np.float32)
    across = cv2.remap(grey, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    profile = across.astype(np.float64)
    low, high = np.median(profile[:, 0]), np.median(profile[:, -1])
    if high - low < _LEAST_CONTRAST:
        return None
    darkness = (high - profile) / (high - low)
    dark = 0.5 * (steps[1] - steps[0]) * (darkness[:, :-1] + darkness[:, 1:]).sum(axis=1)
    clear = (dark > 0.2 * reach) & (dark < 1.8 * reach)
    places = middle + (dark - reach)[:, None] * out
    return _line(np.asarray(undistort(places[clear], camera)), clear)


def _line(places: Float64[Array, "n 2"], clear: Bool[NDArray[np.bool_], " m"]) -> Float64[Array, "3"] | None:
    """A line through most of the places; None where too few are clear."""
    use = np.ones(len(places), dtype=np.bool_)
    for _ in range(2):
        if 2 * int(use.sum()) < len(clear):
            return None
        center = places[use].mean(axis=0)
        normal = np.linalg.svd(places[use] - center)[2][1]
        off = np.abs((places - center) @ normal)
        use = off <= _STRAY * max(float(np.median(off)), 1e-9)
    return np.array([*normal, normal @ center])


def _meeting(a: Float64[Array, "3"] | None, b: Float64[Array, "3"] | None) -> Float64[Array, "2"] | None:
    """Where two lines meet."""
    assert a is not None and b is not None
    N = np.array([a[:2], b[:2]])
    return None if abs(np.linalg.det(N)) < 1e-6 else np.linalg.solve(N, np.array([a[2], b[2]]))
