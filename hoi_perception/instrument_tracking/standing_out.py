"""What of a picture is neither its background nor a hand: there an instrument of unknown colours may be."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy.typing import NDArray

AROUND_PX = 41
"""Side of the square whose median colour is the background of its middle: instruments are narrower than half of it."""
NOISE = 5.0
"""Distance from the background that counts half, over that of most pixels."""
_LEAST_NOISE = 1.5
_LEAST_SPREAD = (12.0, 2.5, 2.5)
"""Spread of a hand's lightness and two colours (CIELAB, 8 bits) that shading alone makes."""
_LEAST_SKIN = 50

Mask = Bool[NDArray[np.bool_], "h w"]
Share = Float32[NDArray[np.float32], "h w"]


def standing_out(image: UInt8[NDArray[np.uint8], "h w 3"], hands: Mask, core: Mask) -> Share:
    """How far the colour of each pixel is from that of its surroundings and from that of hands (0 to 1).

    `hands` are pixels that hands may cover, `core` those that they cover surely. Background behind hands is taken from
    beside them. Structures wider than half of `AROUND_PX` are taken for background but for their rims.
    """
    soft = np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), dtype=np.uint8)
    difference = soft.astype(np.float32) - _background(image, hands)
    off = np.sqrt(np.einsum("hwc,hwc->hw", difference, difference))
    beside = off[~hands]
    noise = NOISE * max(float(np.median(beside)) if len(beside) else 0.0, _LEAST_NOISE)
    out = _saturated((off / noise) ** 2)
    if core.sum() < _LEAST_SKIN:
        return out
    lab = np.asarray(cv2.cvtColor(soft, cv2.COLOR_BGR2LAB), dtype=np.float32)
    skin = lab[core]
    middle = np.median(skin, axis=0)
    spread = np.maximum(1.48 * np.median(np.abs(skin - middle), axis=0), _LEAST_SPREAD)
    z = (lab - middle) * (0.5 / spread).astype(np.float32)
    return np.asarray(out * _saturated(0.5 * np.einsum("hwc,hwc->hw", z, z)), dtype=np.float32)


def _background(image: UInt8[NDArray[np.uint8], "h w 3"], hands: Mask) -> Float32[NDArray[np.float32], "h w 3"]:
    """Median colours of the surroundings, at half resolution; hands are filled with what is beside them."""
    keep = (~hands).astype(np.float32)
    height, width = hands.shape
    size = max(width // 2, 1), max(height // 2, 1)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(keep, size, interpolation=cv2.INTER_AREA)
    box = (AROUND_PX // 2, AROUND_PX // 2)
    colours = cv2.boxFilter(small.astype(np.float32) * share[..., None], -1, box)
    beside = colours / np.maximum(cv2.boxFilter(share, -1, box), 1e-3)[..., None]
    half = np.where(share[..., None] < 0.5, np.clip(beside, 0.0, 255.0), small).astype(np.uint8)
    median = cv2.medianBlur(half, AROUND_PX // 2 // 2 * 2 + 1)
    return np.asarray(cv2.resize(median, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _saturated(x: NDArray[np.floating]) -> Share:
    return np.asarray(x / (1.0 + x), dtype=np.float32)
