"""Labels, captions and skeletons on pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy.typing import NDArray

Image = UInt8[NDArray[np.uint8], "h w 3"]
Colour = tuple[float, float, float]

_FONT = cv2.FONT_HERSHEY_DUPLEX
_SHIFT = 4
_FINGER_CHAINS = [[0, 1, 2, 3, 4], [0, 5, 6, 7, 8], [0, 9, 10, 11, 12], [0, 13, 14, 15, 16], [0, 17, 18, 19, 20]]
_AXES_BGR = ((90.0, 90.0, 235.0), (110.0, 200.0, 120.0), (235.0, 150.0, 90.0))
_PANEL_BGR = (38, 30, 26)


def text_height_px(image: Image) -> int:
    """Height of capital letters that suits the picture's resolution."""
    return int(np.clip(round(image.shape[0] / 55), 9, 40))


@dataclass(frozen=True)
class Plate:
    """A text plate's place in the picture, in pixels."""

    x: int
    y: int
    width: int
    height: int

    def meets(self, other: Plate) -> bool:
        """True where the two overlap."""
        apart_x = self.x >= other.x + other.width or other.x >= self.x + self.width
        return not (apart_x or self.y >= other.y + other.height or other.y >= self.y + self.height)


def label_anchor(vertices_px: Float[NDArray[np.floating], "n 2"], image: Image) -> tuple[float, float] | None:
    """Top middle of what is projected, None where none of it is in the picture."""
    seen = vertices_px[np.isfinite(vertices_px).all(axis=1)]
    if len(seen) == 0 or (seen.max(axis=0) < 0).any() or (seen.min(axis=0) >= image.shape[1::-1]).any():
        return None
    return float(0.5 * (seen[:, 0].min() + seen[:, 0].max())), float(seen[:, 1].min())


def draw_plate(
    image: Image,
    title: str,
    detail: str,
    anchor_px: tuple[float, float],
    colour: Colour,
    avoid: Sequence[Plate] = (),
) -> Plate:
    """A rounded plate with a coloured dot, a title and a fainter detail above the anchor, in place.

    It moves up until it meets none of `avoid`, as far as the picture allows; its place is answered.
    """
    cap = text_height_px(image)
    title_width = _text_width(title, cap)
    width, height = round(4.9 * cap + title_width + _text_width(detail, cap)), round(2.4 * cap)
    plate = _free_place(image, width, height, anchor_px[0], anchor_px[1] - cap, avoid)
    patch = image[plate.y : plate.y + height, plate.x : plate.x + width]
    filled = patch.copy()
    _fill_pill(filled, _PANEL_BGR)
    cv2.addWeighted(filled, 0.78, patch, 0.22, 0.0, dst=patch)
    solid = tuple(255.0 * c for c in colour)
    cv2.circle(patch, _fixed(1.5 * cap, height / 2), round(0.45 * cap * 2**_SHIFT), solid, -1, cv2.LINE_AA, _SHIFT)
    baseline = round(height / 2 + cap / 2)
    _put_text(patch, title, (round(2.6 * cap), baseline), cap, (255.0, 255.0, 255.0))
    _put_text(patch, detail, (round(3.4 * cap + title_width), baseline), cap, (190.0, 190.0, 190.0))
    return plate


def _free_place(image: Image, width: int, height: int, middle: float, bottom: float, avoid: Sequence[Plate]) -> Plate:
    x = int(np.clip(middle - width / 2, 4, max(image.shape[1] - width - 4, 4)))
    y = int(np.clip(bottom - height, 4, max(image.shape[0] - height - 4, 4)))
    for other in sorted(avoid, key=lambda p: -p.y):
        if Plate(x, y, width, height).meets(other):
            y = max(other.y - height - 4, 4)
    return Plate(x, y, width, height)


def draw_caption(image: Image, text: str, *, corner: str = "bottom-left") -> None:
    """Small light text on a dark shade in a corner (`bottom-left` or `top-left`), in place."""
    cap = max(round(0.8 * text_height_px(image)), 8)
    width, height = round(_text_width(text, cap) + 1.6 * cap), round(2.2 * cap)
    y = image.shape[0] - height if corner == "bottom-left" else 0
    patch = image[y : y + height, :width]
    patch[:] = (0.35 * patch + 0.65 * np.array(_PANEL_BGR)).astype(np.uint8)
    _put_text(patch, text, (round(0.8 * cap), round(1.6 * cap)), cap, (225.0, 225.0, 225.0))


def draw_skeleton(image: Image, joints_px: Float[NDArray[np.floating], "21 2"], colour: Colour) -> None:
    """The 21 joints in OpenPose order as dots joined by thin lines, in place."""
    line = tuple(255.0 * (0.35 * c + 0.65) for c in colour)
    width = max(round(image.shape[0] / 480), 1)
    for chain in _FINGER_CHAINS:
        for start, end in pairwise(chain):
            if np.isfinite(joints_px[[start, end]]).all():
                cv2.line(image, _fixed(*joints_px[start]), _fixed(*joints_px[end]), line, width, cv2.LINE_AA, _SHIFT)
    for point in joints_px[np.isfinite(joints_px).all(axis=1)]:
        cv2.circle(image, _fixed(*point), round((width + 1.0) * 2**_SHIFT), line, -1, cv2.LINE_AA, _SHIFT)


def draw_segments(
    image: Image,
    segments_px: Float[NDArray[np.floating], "n 2 2"],
    colour_bgr: Float[NDArray[np.floating], "3"] | Int[NDArray[np.integer], "3"],
    strength: Float[NDArray[np.floating], " n"],
    *,
    thickness: int = 1,
) -> None:
    """Smooth lines mixed by `strength` (0 to 1) with what is under their middle, in place; not NaN ones."""
    limit = np.array(image.shape[1::-1]) - 1
    inside = np.all((segments_px >= 0) & (segments_px <= limit), axis=2).any(axis=1)
    drawn = inside & np.isfinite(segments_px).all(axis=(1, 2)) & (strength >= 0.02)
    segments, share = segments_px[drawn], strength[drawn, None]
    middle = np.clip(segments.mean(axis=1), 0, limit).astype(int)
    mixed = (1.0 - share) * image[middle[:, 1], middle[:, 0]] + share * colour_bgr
    ends = np.round(np.clip(segments, -(2.0**14), 2.0**14) * 2**_SHIFT).astype(int)
    for (start, end), colour in zip(ends.tolist(), mixed.tolist(), strict=True):
        cv2.line(image, start, end, colour, thickness, cv2.LINE_AA, _SHIFT)


def draw_axes(image: Image, R_view_frame: Float[NDArray[np.floating], "3 3"]) -> None:
    """Directions of a frame's x (red), y (green) and z (blue) in the lower right corner, in place."""
    length = 0.055 * min(image.shape[:2])
    origin = np.array(image.shape[1::-1]) - 1.9 * length
    for axis in np.argsort(-R_view_frame[2]):  # far to near
        end = origin + length * R_view_frame[:2, axis]
        cv2.line(image, _fixed(*origin), _fixed(*end), _AXES_BGR[axis], 2, cv2.LINE_AA, _SHIFT)
        x, y = np.round(origin + 1.35 * length * R_view_frame[:2, axis]).astype(int).tolist()
        _put_text(image, "xyz"[axis], (x - 4, y + 4), max(round(0.22 * length), 8), _AXES_BGR[axis])


def _fixed(x: float, y: float) -> tuple[int, int]:
    """Pixel position in OpenCV's fixed-point form, kept within what its drawing functions accept."""
    limit = 2.0**14
    return round(float(np.clip(x, -limit, limit)) * 2**_SHIFT), round(float(np.clip(y, -limit, limit)) * 2**_SHIFT)


def _fill_pill(image: Image, colour: tuple[int, int, int]) -> None:
    """The whole image as a bar with round ends, filled in place."""
    height, width = image.shape[:2]
    r = (height - 1) / 2
    cv2.rectangle(image, (round(r), 0), (round(width - 1 - r), height - 1), colour, -1)
    for x in (r, width - 1 - r):
        cv2.circle(image, _fixed(x, r), round(r * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT)


def _text_width(text: str, cap_px: int) -> int:
    return int(cv2.getTextSize(text, _FONT, cap_px / 22.0, 1)[0][0])


def _put_text(
    image: Image, text: str, origin: tuple[int, int], cap_px: int, colour: tuple[float, float, float]
) -> None:
    thickness = 1 if cap_px < 20 else 2
    cv2.putText(image, text, origin, _FONT, cap_px / 22.0, colour, thickness, cv2.LINE_AA)
