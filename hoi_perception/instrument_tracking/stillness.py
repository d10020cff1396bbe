"""Whether an instrument lies where it lay: the picture round it is what it was when an image showed it there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float32
from numpy.typing import NDArray

from hoi_perception.instruments.colour import Cover, Image
from hoi_perception.instruments.occlusion import Shade
from hoi_perception.interaction.region_tracker import RegionTrack

LONGEST_PX = 256
"""Longer side at which pictures are compared, px."""
BESIDE_PX = 6.0
"""How much of the surroundings belongs to the picture of an instrument, px of the image."""
SAME = 0.99
"""Correlation of two pictures from which on nothing has moved."""
ALIKE = 0.95
"""The same once one is moved to where it fits best: light changes and compression blurs."""
LIKE = 0.75
"""Correlation from which on one may have moved a little against the other."""
FARTHEST_PX = 8.0
"""How far a picture may have moved, by a camera that is not quite still, px of the image."""
LEAST_SEEN = 0.7
"""Share of an instrument's picture that must not be hidden."""
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-6)
_BLUR = 5

Grey = Float32[NDArray[np.float32], "small_h small_w"]
Mask = Bool[NDArray[np.bool_], "small_h small_w"]


@dataclass(frozen=True, eq=False)
class Glimpse:
    """The picture of an instrument where an image showed it: grey levels of a rectangle of the image, made smaller.

    `region` is what the image said, `place` the rectangle, `mask` the pixels of instrument and edge in what is left.
    """

    region: RegionTrack
    place: Shade
    grey: Grey
    mask: Mask


def glimpse(image: Image, cover: Cover, region: RegionTrack, place: Shade | None) -> Glimpse | None:
    """That of an instrument whose `place` is what it covers with `BESIDE_PX` round it; None where too little shows."""
    if place is None:
        return None
    grey, seen = _seen(image, cover, place)
    whole = np.isfinite(place.depths).astype(np.uint8)
    mask = cv2.resize(whole, grey.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    if (mask & seen).sum() < max(LEAST_SEEN * mask.sum(), 2.0):
        return None
    return Glimpse(region, place, grey, np.asarray(mask & seen))


def still_there(image: Image, cover: Cover, before: Glimpse, depth: float, focal_px: float) -> RegionTrack | None:
    """What was said of an instrument that lies where it lay, moved with its picture at a `depth` (m); None for one that
    does not, or is hidden."""
    shift = moved_px(image, cover, before)
    if shift is None:
        return None
    off = depth / focal_px * np.array([*shift, 0.0])
    state = before.region.state
    return replace(before.region, state=replace(state, t=state.t + off), velocity=0.0 * before.region.velocity)


def moved_px(image: Image, cover: Cover, before: Glimpse) -> tuple[float, float] | None:
    """How far the picture of a glimpse has moved in a later image, px; None where it is not there any more."""
    grey, seen = _seen(image, cover, before.place)
    mask = before.mask & seen
    if mask.sum() < LEAST_SEEN * before.mask.sum() or np.ptp(before.grey[mask]) == 0.0 or np.ptp(grey[mask]) == 0.0:
        return None
    alike = float(np.corrcoef(before.grey[mask], grey[mask])[0, 1])
    if alike >= SAME:
        return 0.0, 0.0
    if alike < LIKE:
        return None
    told = mask.astype(np.uint8)
    try:
        better, warp = cv2.findTransformECC(
            before.grey, grey, np.eye(2, 3, dtype=np.float32), cv2.MOTION_TRANSLATION, _STEPS, told, _BLUR
        )
    except cv2.error:
        return None
    u, v = (float(value) * before.place.depths.shape[1] / grey.shape[1] for value in warp[:, 2])
    return (u, v) if better >= ALIKE and np.hypot(u, v) <= FARTHEST_PX else None


def _seen(image: Image, cover: Cover, place: Shade) -> tuple[Grey, Mask]:
    """Grey levels of a rectangle, made smaller, and which of them nothing hides."""
    height, width = place.depths.shape
    part = slice(place.y, place.y + height), slice(place.x, place.x + width)
    scale = min(LONGEST_PX / max(width, height), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(image[part], size, interpolation=cv2.INTER_AREA)
    free = cv2.resize(np.isinf(cover[part]).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32), np.asarray(free)
