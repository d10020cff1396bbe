"""First colours of an instrument whose pose is only roughly known."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy.typing import NDArray

from hoi_perception.instruments.colour import BINS, Colours, Cover, Image, smoothed

LEAST_PIXELS = 40
"""Pixels of the instrument that have to show for its colours to be told."""


def seeded_colours(
    image: Image, cover: Cover, silhouette: Bool[NDArray[np.bool_], "h w"], reach_px: float
) -> Colours | None:
    """Colours of what stands out round a rough silhouette: frequent within `reach_px` of it, rare beyond.

    The instrument lies within that reach, wherever it is; a ring as wide again shows what else there is. None where too
    few pixels stand out, or the ring shows nothing.
    """
    reach = max(round(reach_px), 1)
    near = _grown(silhouette, reach)
    ring = _grown(near, 2 * reach) & ~near
    open_ = ~np.isfinite(cover)
    within, beyond = (_histogram(image, mask & open_) for mask in (near, ring))
    if within is None or beyond is None:
        return None
    count = int((near & open_).sum())
    own = np.maximum(smoothed(within) - smoothed(beyond), 0.0)
    if own.sum() * count < LEAST_PIXELS:
        return None
    return Colours(np.stack([own / own.sum(), beyond]).astype(np.float32))


def _grown(mask: Bool[NDArray[np.bool_], "h w"], by: int) -> Bool[NDArray[np.bool_], "h w"]:
    far = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(far <= by)


def _histogram(
    image: UInt8[NDArray[np.uint8], "h w 3"], mask: Bool[NDArray[np.bool_], "h w"]
) -> Float32[NDArray[np.float32], "32 32 32"] | None:
    """Shares of colours among the pixels of a mask; None where it has none."""
    pixels = image[mask].astype(np.int64) * BINS // 256
    if len(pixels) == 0:
        return None
    index = (pixels[:, 0] * BINS + pixels[:, 1]) * BINS + pixels[:, 2]
    counts = np.bincount(index, minlength=BINS**3).astype(np.float32)
    return np.asarray(counts.reshape(BINS, BINS, BINS) / np.float32(len(pixels)), dtype=np.float32)
