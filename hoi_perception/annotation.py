"""Labels, captions and skeletons on pictures."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import NDArray

from hoi_perception.types import Hand

Image = UInt8[NDArray[np.uint8], "h w 3"]
Colour = tuple[float, float, float]

_FONT = cv2.FONT_HERSHEY_DUPLEX
_SHIFT = 4
_FINGER_CHAINS = [[0, 1, 2, 3, 4], [0, 5, 6, 7, 8], [0, 9, 10, 11, 12], [0, 13, 14, 15, 16], [0, 17, 18, 19, 20]]
_PANEL_BGR = (38, 30, 26)


def text_height_px(image: Image) -> int:
    """Height of capital letters that suits the picture's resolution."""
    return int(np.clip(round(image.shape[0] / 55), 9, 40))


def draw_hand_label(image: Image, hand: Hand, vertices_px: Float[NDArray[np.floating], "n 2"], colour: Colour) -> None:
    """Side, track and state on a small plate above the hand, in place; nothing where the hand is outside the picture."""
    seen = vertices_px[np.isfinite(vertices_px).all(axis=1)]
    if len(seen) == 0 or (seen.max(axis=0) < 0).any() or (seen.min(axis=0) >= image.shape[1::-1]).any():
        return
    center = 0.5 * (seen[:, 0].min() + seen[:, 0].max())
    title = f"{hand.side.label.capitalize()} {hand.track_id}"
    draw_plate(image, title, hand.state.name.lower(), (float(center), float(seen[:, 1].min())), colour)


def draw_plate(image: Image, title: str, detail: str, anchor_px: tuple[float, float], colour: Colour) -> None:
    """A rounded plate with a coloured dot, a title and a fainter detail, its lower edge above the anchor, in place."""
    cap = text_height_px(image)
    title_width, detail_width = _text_width(title, cap), _text_width(detail, cap)
    width, height = round(4.6 * cap + title_width + detail_width), round(2.4 * cap)
    x = int(np.clip(anchor_px[0] - width / 2, 4, max(image.shape[1] - width - 4, 4)))
    y = int(np.clip(anchor_px[1] - height - cap, 4, max(image.shape[0] - height - 4, 4)))
    patch = image[y : y + height, x : x + width]
    plate = patch.copy()
    _fill_rounded(plate, (0, 0), (plate.shape[1], plate.shape[0]), height / 2, _PANEL_BGR)
    cv2.addWeighted(plate, 0.78, patch, 0.22, 0.0, dst=patch)
    solid = tuple(255.0 * c for c in colour)
    middle = height / 2
    cv2.circle(patch, _fixed(1.5 * cap, middle), round(0.45 * cap * 2**_SHIFT), solid, -1, cv2.LINE_AA, _SHIFT)
    baseline = round(middle + cap / 2)
    _put_text(patch, title, (round(2.6 * cap), baseline), cap, (255.0, 255.0, 255.0))
    _put_text(patch, detail, (round(3.3 * cap + title_width), baseline), cap, (190.0, 190.0, 190.0))


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
        for start, end in zip(chain[:-1], chain[1:], strict=True):
            if np.isfinite(joints_px[[start, end]]).all():
                cv2.line(image, _fixed(*joints_px[start]), _fixed(*joints_px[end]), line, width, cv2.LINE_AA, _SHIFT)
    for point in joints_px[np.isfinite(joints_px).all(axis=1)]:
        cv2.circle(image, _fixed(*point), round((width + 1.0) * 2**_SHIFT), line, -1, cv2.LINE_AA, _SHIFT)


def _fixed(x: float, y: float) -> tuple[int, int]:
    """Pixel position in OpenCV's fixed-point form, kept within what its drawing functions accept."""
    limit = 2.0**14
    return round(float(np.clip(x, -limit, limit)) * 2**_SHIFT), round(float(np.clip(y, -limit, limit)) * 2**_SHIFT)


def _fill_rounded(
    image: Image, low: tuple[int, int], high: tuple[int, int], radius: float, colour: tuple[int, int, int]
) -> None:
    """Rectangle with round corners from `low` to before `high`, filled in place."""
    (x0, y0), (x1, y1) = low, high
    r = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
    cv2.rectangle(image, (round(x0 + r), y0), (round(x1 - 1 - r), y1 - 1), colour, -1)
    cv2.rectangle(image, (x0, round(y0 + r)), (x1 - 1, round(y1 - 1 - r)), colour, -1)
    for cx in (x0 + r - 0.5, x1 - r - 0.5):
        for cy in (y0 + r - 0.5, y1 - r - 0.5):
            cv2.circle(image, _fixed(cx, cy), round(r * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT)


def _text_width(text: str, cap_px: int) -> int:
    return int(cv2.getTextSize(text, _FONT, cap_px / 22.0, 1)[0][0])


def _put_text(image: Image, text: str, origin: tuple[int, int], cap_px: int, colour: tuple[float, float, float]) -> None:
    thickness = 1 if cap_px < 20 else 2
    cv2.putText(image, text, origin, _FONT, cap_px / 22.0, colour, thickness, cv2.LINE_AA)
