"""The background scan: where to look for a hand that no proposer sees.

Square regions cover the image; each is looked at first with the fingers pointing to the middle of the image, because
arms mostly reach in from its border, then turned away from that in steps of 60 degrees. Every second step is of regions
larger than the image's shorter side, for hands that its border cuts off: those are few, so they come round often.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from hoi_perception.types import HandRegion
from hoi_perception.visible_area import VisibleArea

SIZES = (0.9, 0.6, 0.4)  # side over the image's shorter side
LARGE = (1.3,)  # the same of hands that the border cuts off
STEP = 0.45  # distance of neighbouring centres over the side
TURNS_DEG = (0.0, 60.0, -60.0, 120.0, -120.0, 180.0)
_GOLDEN = 0.618033988749895


@dataclass(frozen=True)
class ScanStep:
    """Where to look, its number among the regions of its kind, and how often all of those were looked at before."""

    region: HandRegion
    number: int
    round: int


def scan_step(position: int, width: int, height: int) -> ScanStep:
    """The step at a position of the scan, which starts again after its end; the order is fixed for an image size."""
    regions = scan_regions(width, height, LARGE if position % 2 == 0 else SIZES)
    count = position // 2
    number = count % len(regions)
    return ScanStep(regions[number], number, count // len(regions))


def visible_scan_step(position: int, visible: VisibleArea) -> ScanStep | None:
    """The same for the visible part of an image; None where the region's middle lies outside of that."""
    x0, y0, x1, y1 = visible.box_px
    step = scan_step(position, x1 - x0, y1 - y0)
    region = moved(step.region, x0, y0)
    return replace(step, region=region) if visible.contains(np.array([region.center_px])).all() else None


def moved(region: HandRegion, x: float, y: float) -> HandRegion:
    """The region of a box of the image in the image's own pixels; x, y is the box's corner."""
    return replace(region, center_px=(region.center_px[0] + x, region.center_px[1] + y))


@lru_cache(maxsize=16)
def scan_regions(width: int, height: int, sizes: tuple[float, ...] = SIZES) -> tuple[HandRegion, ...]:
    """All regions of these sizes for an image size, neighbours in the list far apart in the image."""
    upright = [
        ((width * (i + 0.5) / columns, height * (j + 0.5) / rows), size)
        for size in (share * min(width, height) for share in sizes)
        for columns, rows in [(math.ceil(width / (STEP * size)), math.ceil(height / (STEP * size)))]
        for j in range(rows)
        for i in range(columns)
    ]
    spread = [upright[k] for k in _spread(len(upright))]
    return tuple(
        HandRegion(center, size, _inward(center, width, height) + math.radians(turn))
        for turn in TURNS_DEG
        for center, size in spread
    )


def _inward(center: tuple[float, float], width: int, height: int) -> float:
    """Angle at which fingers point from `center` to the middle of the image; upright in the middle."""
    dx, dy = width / 2.0 - center[0], height / 2.0 - center[1]
    return math.atan2(dx, -dy) if math.hypot(dx, dy) > 1e-6 * min(width, height) else 0.0


def _spread(count: int) -> list[int]:
    """0 to count - 1 in steps of about the golden section of `count`, so that any few in a row are far apart."""
    stride = max(1, round(_GOLDEN * count))
    while math.gcd(stride, count) != 1:
        stride += 1
    return [k * stride % count for k in range(count)]
