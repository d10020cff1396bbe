"""Regions of hands from a map of where hands are seen, however little of each is in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32
from numpy.typing import NDArray

from hoi_perception.types import HandRegion

_WIDTH = 128
"""Pixels across to which a map is brought."""


@dataclass(frozen=True)
class SeenSettings:
    """`least` is the probability from which on a pixel counts, `share` the least part of the image a hand covers; a
    region is `wide` times as large as the longer side of what is seen."""

    least: float = 0.35
    share: float = 0.01
    wide: float = 1.6


def seen_regions(
    probability: Float32[NDArray[np.float32], "h w"], settings: SeenSettings | None = None
) -> list[HandRegion]:
    """A region for each connected part of the map, the largest first.

    A hand that the border cuts points away from there; of another one no direction is known, and it is up.
    """
    own = settings or SeenSettings()
    height, width = probability.shape
    scale = _WIDTH / width
    small = cv2.resize(probability, (_WIDTH, max(round(scale * height), 1)), interpolation=cv2.INTER_AREA)
    count, labels, stats, middles = cv2.connectedComponentsWithStats((small >= own.least).astype(np.uint8))
    found = []
    for k in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[k])
        if area < own.share * small.size:
            continue
        center = (x + 0.5 * w) / scale, (y + 0.5 * h) / scale
        angle = _direction(labels == k, middles[k])
        found.append((area, HandRegion(center, own.wide * max(w, h) / scale, angle)))
    return [region for _, region in sorted(found, key=lambda one: -one[0])]


def _direction(part: Bool[NDArray[np.bool_], "h w"], middle: NDArray[np.float64]) -> float:
    """Angle of a part's direction away from the border, from up, clockwise."""
    rim = np.zeros_like(part)
    rim[[0, -1]], rim[:, [0, -1]] = part[[0, -1]], part[:, [0, -1]]
    y, x = np.nonzero(rim)
    if len(x) == 0:
        return 0.0
    dx, dy = middle - (x.mean(), y.mean())
    return float(np.arctan2(dx, -dy))
