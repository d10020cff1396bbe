"""Where clips show what is followed, by the colours of the picture alone."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Int16, UInt8
from numpy.typing import NDArray

Image = UInt8[NDArray[np.uint8], "h w 3"]
Mask = Bool[NDArray[np.bool_], "h w"]
Planes = Int16[NDArray[np.int16], "h w 3"]
SKIN_MARGIN_PX = 4
"""How far round skin pixels say nothing: its edge is mixed with what lies beside it."""
CLOSED_PX = 9
"""Gaps of a reference up to about this are closed: gloss, ridges, a stream."""


def hsv(image: Image) -> Planes:
    """Hue (0 to 179), saturation and value (0 to 255) of each pixel."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2HSV), dtype=np.int16)


def red(planes: Planes) -> Mask:
    """Pixels as the cups have them."""
    hue, saturation, value = np.moveaxis(planes, 2, 0)
    return np.asarray(((hue < 5) | (hue > 168)) & (saturation > 140) & (value > 60))


def blue(planes: Planes) -> Mask:
    """Pixels as the mug has them."""
    hue, saturation, value = np.moveaxis(planes, 2, 0)
    return np.asarray((hue > 96) & (hue < 116) & (saturation > 110) & (value > 40))


def skin(planes: Planes, other: Mask) -> Mask:
    """Pixels coloured like bare hands, less those of the `other` mask, with a margin."""
    hue, saturation, value = np.moveaxis(planes, 2, 0)
    bare = (hue >= 3) & (hue < 25) & (saturation > 35) & (saturation < 160) & (value > 80) & ~other
    return grown(bare, SKIN_MARGIN_PX)


def closed(mask: Mask) -> Mask:
    """The mask without its gaps."""
    kernel = np.ones((CLOSED_PX, CLOSED_PX), dtype=np.uint8)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0)


def grown(mask: Mask, by: int) -> Mask:
    """The mask with a margin of so many pixels."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), dtype=np.uint8)) > 0)


def filled(mask: Mask) -> Mask:
    """The mask with everything inside of its outer borders."""
    borders, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros(mask.shape, dtype=np.uint8), borders, -1, 1, cv2.FILLED) > 0)


def pieces(mask: Mask, least_px: int = 1) -> list[Mask]:
    """Connected pieces of at least so many pixels, largest first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:count, cv2.CC_STAT_AREA]
    order = [int(k) for k in np.argsort(-areas, kind="stable") if areas[k] >= least_px]
    return [np.asarray(labels == k + 1) for k in order]


def piece_at(mask: Mask, place: Mask) -> Mask:
    """The connected piece that shares most pixels with a place; nothing where none does."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    shared = np.bincount(labels[place & mask], minlength=2)
    shared[0] = 0
    return np.asarray(labels == int(shared.argmax())) if shared.any() else np.zeros(mask.shape, dtype=bool)


def union_iou(ours: Mask, reference: Mask, left_out: Mask) -> float:
    """Intersection over union where nothing is left out; NaN where neither covers anything there."""
    a, b = ours & ~left_out, reference & ~left_out
    total = int((a | b).sum())
    return float((a & b).sum() / total) if total else float("nan")
