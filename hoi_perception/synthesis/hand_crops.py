"""What a landmark network is shown of a patch: turned, moved, scaled, mirrored, cut off, hidden, in other colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.landmarks import crop_to_image
from hoi_perception.synthesis.hand_patches import SIZE, HandPatch
from hoi_perception.synthesis.training_crops import OTHER_SIDE, other_colours
from hoi_perception.types import HandRegion, Side

Array = NDArray[np.float64]
Image = UInt8[NDArray[np.uint8], "h w 3"]
_TURN_RAD, _FAR_TURN, _FAR_TURN_RAD = 0.3, 0.2, 1.6
_SCALE, _SHIFT = 0.16, 0.07
"""Standard deviations of the scale's logarithm, and of the middle over the region's side."""
_ASTRAY, _ASTRAY_SCALE, _ASTRAY_SHIFT = 0.3, (-0.6, 0.5), 0.18
"""How often a look has gone astray, as far as that: landmarks tell from there where the hand is."""
_CUT, _BAR, _HIDDEN = 0.3, 0.3, 0.25
"""How often the picture ends across the hand, and ends in black then; how often a bar hides a part of it."""


@dataclass(frozen=True)
class HandCrop:
    """A crop with its truth in units of the crop; `counts` are the landmarks inside of it."""

    image_bgr: UInt8[NDArray[np.uint8], "s s 3"]
    places: Float64[Array, "21 2"]
    depth: Float64[Array, "21"]
    counts: Bool[NDArray[np.bool_], "21"]
    side: Side | None
    gloved: bool


def hand_crop(patch: HandPatch, rng: np.random.Generator, size: int, reach: float) -> HandCrop:
    """Another look at a patch, `size` px wide, that sees `reach` times the region, more or less."""
    far = rng.random() < _FAR_TURN
    turn = rng.uniform(-_FAR_TURN_RAD, _FAR_TURN_RAD) if far else rng.normal(0.0, _TURN_RAD)
    astray = rng.random() < _ASTRAY
    shift = rng.normal(0.0, _ASTRAY_SHIFT if astray else _SHIFT, 2) * patch.region.size_px
    scale = reach * float(
        np.exp(rng.uniform(*_ASTRAY_SCALE) if astray else np.clip(rng.normal(0.0, _SCALE), -0.4, 0.4))
    )
    x, y = np.array(patch.region.center_px) + shift
    region = HandRegion((float(x), float(y)), scale * patch.region.size_px, patch.region.angle_rad + float(turn))
    T = crop_to_image(region, size)
    mirror = rng.random() < 0.5
    if mirror:
        T = T @ np.array([[-1.0, 0.0, size], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    image = _cut_off(patch, rng) if rng.random() < _CUT else patch.image_bgr
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = np.asarray(cv2.warpAffine(image, T, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    if rng.random() < _HIDDEN:
        seen = _with_bar(seen, rng)
    places = (patch.points_px - T[:, 2]) @ np.linalg.inv(T[:, :2]).T / size
    inside = np.logical_and(((places > 0.0) & (places < 1.0)).all(axis=1), patch.present)
    side = patch.side
    if mirror and side is not None:
        side = OTHER_SIDE[side]
    return HandCrop(other_colours(seen, rng), places, patch.depth / region.size_px, inside, side, patch.gloved)


def _cut_off(patch: HandPatch, rng: np.random.Generator) -> Image:
    """The patch as a picture has it whose border lies across it: its last pixels repeat, or it is black beyond."""
    image = patch.image_bgr.copy()
    for _ in range(int(rng.integers(1, 3))):
        quarter = int(rng.integers(4))
        view = np.rot90(image, quarter)  # a view: what is written there is written in the image
        at = int(SIZE * rng.uniform(0.5, 0.85))
        view[at:] = 0 if rng.random() < _BAR else view[at - 1]
    return image


def _with_bar(image: Image, rng: np.random.Generator) -> Image:
    """A crop with a straight thing across it, bright as metal or dark as a handle."""
    size = image.shape[0]
    at, angle = rng.uniform(0.2, 0.8, 2) * size, rng.uniform(0.0, np.pi)
    half = rng.uniform(0.2, 0.9) * size * np.array([np.cos(angle), np.sin(angle)])
    first, last = ((int(x), int(y)) for x, y in (at - half, at + half))
    base = rng.uniform(20.0, 235.0)
    out = image.copy()
    thick = int(rng.integers(2, 12))
    cv2.line(out, first, last, tuple(base + rng.normal(0.0, 10.0, 3)), thick, cv2.LINE_AA)
    cv2.line(out, first, last, (min(base * 1.5, 255.0),) * 3, max(thick // 4, 1), cv2.LINE_AA)
    return out
