"""A frame as hypotheses of poses are compared with it: made once, for all instruments that are looked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, UInt8
from numpy.typing import NDArray

from hoi_perception.camera import camera_of_size
from hoi_perception.instrument_tracking.edge_field import WIDTH_PX, EdgeField, edge_field
from hoi_perception.instrument_tracking.hand_view import HandView
from hoi_perception.instrument_tracking.standing_out import standing_out
from hoi_perception.instruments.instrument_map import SeesInstruments, pieced_together
from hoi_perception.instruments.occlusion import Occluder, hide
from hoi_perception.types import Camera, Side

GROWN_PX, CORE_PX = 5.0, 3
"""How far off its place in the picture a hand may be; and how far within it is surely hand, px."""
_MAP_NOISE = 12.0
"""Gradient of a map (0 to 255) that counts half."""

EVEN = 0.3
"""Probability by a network that counts half: a network is seldom sure of what is thin."""
_LEAST = 1e-3
AROUND = 1.1
"""How far round a hand an instrument that it holds may reach, over the size of the hand in the picture."""
LEAST_PX = 32
PLACES = 120

Array = NDArray[np.float64]
Image = UInt8[NDArray[np.uint8], "_h _w 3"]
Window = tuple[slice, slice]
Mask = Bool[NDArray[np.bool_], "h w"]
Share = Float32[NDArray[np.float32], "h w"]
Faces = Callable[[Side], Int32[NDArray[np.int32], "m 3"]]


@dataclass(frozen=True, eq=False)
class Look:
    """What is compared with hypotheses: rows and columns of the image (`window`), scaled as if it were `WIDTH_PX` wide
    at most; `camera` has its pixels.

    `shown` is how much each pixel may be the instrument (0 to 1), `border` the edges of that map, `edges` those of the
    picture itself. `hands` are the pixels that hands may cover. `told` is whether the map is a mask that someone gave;
    `parted` is whether each of its parts may be an instrument.
    """

    camera: Camera
    window: Window
    hands: Mask
    shown: Share
    border: EdgeField
    edges: EdgeField
    told: bool
    parted: bool = False

    @cached_property
    def places(self) -> Float32[NDArray[np.float32], "n 2"]:
        """Some of the pixels (x, y) that the map shows, `PLACES` at most, spread evenly."""
        rows, columns = np.nonzero(self.shown > 0.5)
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), PLACES)).astype(np.int64)
        return np.column_stack([columns[chosen], rows[chosen]]).astype(np.float32)


def look_at(image: Image, camera: Camera, hands: Sequence[HandView], faces: Faces, visible: Mask | None = None) -> Look:
    """A frame about its hands, with what stands out there for a map.

    What is not `visible` is as if a hand covered it.
    """
    ground = _ground(image, camera, hands, faces, visible, _window(camera, [hand.points_px for hand in hands]))
    side = 2 * CORE_PX + 1
    core = cv2.erode(ground.sure.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    shown = standing_out(ground.image, ground.hands, core)
    return _look(ground, ground.hands, shown, told=False)


def look_at_mask(
    image: Image, camera: Camera, hands: Sequence[HandView], faces: Faces, mask: Mask, visible: Mask | None = None
) -> Look:
    """A frame about a mask (pixels of the image) of the instrument, which is the map."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    corners = np.array([[columns[0], rows[0]], [columns[-1], rows[-1]]], dtype=np.float64)
    window = _window(camera, [corners])
    ground = _ground(image, camera, hands, faces, visible, window)
    height, width = ground.hands.shape
    small = cv2.resize(mask[window].astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    shown = np.asarray(small, dtype=np.float32)
    return _look(ground, ground.hands & (shown < 0.5), shown, told=True)


def look_at_map(
    image: Image,
    camera: Camera,
    hands: Sequence[HandView],
    faces: Faces,
    sees: SeesInstruments,
    others: Sequence[Occluder] = (),
    visible: Mask | None = None,
) -> Look:
    """All of a frame with what a network takes for instruments for a map, without `others` that are known."""
    window = slice(0, camera.height), slice(0, camera.width)
    ground = _ground(image, camera, hands, faces, visible, window)
    height, width = ground.hands.shape
    seen = np.clip(pieced_together(sees, image, (width, height)), _LEAST, 1.0 - _LEAST)
    shown = (1.0 / (1.0 + (1.0 - seen) / seen * EVEN / (1.0 - EVEN))).astype(np.float32)
    known = np.full((height, width), np.inf, dtype=np.float32)
    for other in others:
        hide(known, replace(other, margin_px=GROWN_PX), ground.camera)
    shown[np.isfinite(known)] = 0.0
    return replace(_look(ground, ground.hands & (shown < 0.5), shown, told=False), parted=True)


@dataclass(frozen=True, eq=False)
class _Ground:
    """A part of an image, scaled, and the pixels that hands may cover and surely cover."""

    image: Image
    camera: Camera
    window: Window
    hands: Mask
    sure: Mask


def _ground(
    image: Image, camera: Camera, hands: Sequence[HandView], faces: Faces, visible: Mask | None, window: Window
) -> _Ground:
    small = at_most_wide(image[window], camera.width)
    size = small.shape[1], small.shape[0]
    scaled = camera_of_size(_cropped(camera, window), *size)
    grown, sure = (_covered(scaled, hands, faces, by) for by in (GROWN_PX, 0.0))
    if visible is not None:
        grown |= cv2.resize(visible[window].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) == 0
    return _Ground(small, scaled, window, grown, sure)


def _look(ground: _Ground, hands: Mask, shown: Share, told: bool) -> Look:
    grey = np.asarray(cv2.cvtColor(ground.image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    edges = edge_field(grey, known=hands)
    border = edge_field((255.0 * shown).astype(np.uint8), noise=_MAP_NOISE)
    return Look(ground.camera, ground.window, hands, shown, border, edges, told)


def _window(camera: Camera, about: Sequence[Float64[Array, "n 2"]]) -> Window:
    """Rows and columns of the image round groups of points (px), all of it without any."""
    groups = [px[np.isfinite(px).all(axis=1)] for px in about]
    around = [(px.min(axis=0), px.max(axis=0), AROUND * float(np.ptp(px, axis=0).max())) for px in groups if len(px)]
    if not around:
        return slice(0, camera.height), slice(0, camera.width)
    low = np.min([lo - by for lo, _, by in around], axis=0)
    high = np.max([hi + by for _, hi, by in around], axis=0)
    limits = np.array([camera.width, camera.height])
    least = np.minimum(LEAST_PX, limits)
    x0, y0 = (int(v) for v in np.clip(low, 0, limits - least))
    x1, y1 = (int(v) for v in np.clip(high, np.array([x0, y0]) + least, limits))
    return slice(y0, y1), slice(x0, x1)


def _cropped(camera: Camera, window: Window) -> Camera:
    K = camera.K.copy()
    rows, columns = window
    K[:2, 2] -= columns.start, rows.start
    return replace(camera, K=K, width=columns.stop - columns.start, height=rows.stop - rows.start)


def at_most_wide(image: Image, width: int) -> Image:
    """Part of an image, made smaller if that is wider than `WIDTH_PX`."""
    scale = WIDTH_PX / width
    if scale >= 1.0:
        return image
    size = max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _covered(camera: Camera, hands: Sequence[HandView], faces: Faces, by: float) -> Mask:
    cover = np.full((camera.height, camera.width), np.inf, dtype=np.float32)
    for hand in hands:
        hide(cover, Occluder(hand.vertices, faces(hand.side), by), camera)
    return np.isfinite(cover)
