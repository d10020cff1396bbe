"""The truth of training pictures as maps of the picture networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8
from numpy.typing import NDArray

from hoi_perception.networks.maps import HandTarget, draw_hands
from hoi_perception.synthesis.picture_classes import PixelClass, PointKind
from hoi_perception.synthesis.training_labels import MIN_VISIBLE, HandLabel, TrainingPicture, region_of

Single = NDArray[np.float32]
_MIN_SHARE = 0.0012
"""Of the picture that a hand has to cover to be an example."""
_POINT_SIGMA_PX = 3.0
_POINT_REACH_PX = 5
_HAND_CLASSES = (PixelClass.LEFT_HAND, PixelClass.RIGHT_HAND)


@dataclass(frozen=True)
class HandMaps:
    """Peaks of hands, values where they count (`maps.draw_hands`), and where nothing is to be learned of peaks."""

    heat: Float32[Single, "2 h w"]
    values: Float32[Single, "7 h w"]
    counts: Bool[NDArray[np.bool_], "h w"]


@dataclass(frozen=True)
class PixelMaps:
    """Shares of the pixel classes, peaks of key points, families of instruments (-1 where there is none)."""

    shares: Float32[Single, "6 h w"]
    points: Float32[Single, "3 h w"]
    family: Int64[NDArray[np.int64], "h w"]


def hand_maps(
    picture: TrainingPicture,
    shape: tuple[int, int],
    stride: float,
    scale: float = 1.0,
    offset: tuple[float, float] = (0, 0),
) -> HandMaps:
    """Maps of a network whose picture is this one times `scale`, `offset` px into its own."""
    rows, columns = shape
    span = stride * max(shape)
    targets: list[HandTarget] = []
    dont_care = np.zeros(picture.classes.shape, dtype=np.uint8)
    for hand in picture.hands:
        mask = (picture.instances == hand.instance) & np.isin(picture.classes, _HAND_CLASSES)
        target = _target(hand, mask)
        if target is None:
            dont_care |= mask
        else:
            targets.append(_scaled(target, scale, offset))
    heat, values = draw_hands(targets, shape, stride, span)
    M = np.array([[scale / stride, 0.0, offset[0] / stride], [0.0, scale / stride, offset[1] / stride]])
    away = cv2.warpAffine(dont_care * 255, M, (columns, rows), flags=cv2.INTER_AREA)
    return HandMaps(heat, values, np.asarray(cv2.dilate(away, np.ones((3, 3), np.uint8))) < 40)


def pixel_maps(picture: TrainingPicture, stride: int) -> PixelMaps:
    """Maps at 1 / `stride` of the picture."""
    height, width = (n // stride for n in picture.classes.shape)
    flat = np.eye(len(PixelClass), dtype=np.float32)[picture.classes]
    shares = flat.reshape(height, stride, width, stride, -1).mean(axis=(1, 3))
    points = np.zeros((len(PointKind), height, width), dtype=np.float32)
    y, x = (np.mgrid[:height, :width] + 0.5) * stride
    family_of = np.full(256, -1, dtype=np.int64)
    for point in picture.points:
        family_of[point.instance] = point.family
        if not _seen(point.px, picture.instances, point.instance):
            continue
        u, v = point.px
        bell = np.exp(-0.5 * ((x - u) ** 2 + (y - v) ** 2) / _POINT_SIGMA_PX**2).astype(np.float32)
        bell[min(int(v / stride), height - 1), min(int(u / stride), width - 1)] = 1.0
        points[point.kind] = np.maximum(points[point.kind], bell)
    middle = picture.instances[stride // 2 :: stride, stride // 2 :: stride]
    is_tool = picture.classes[stride // 2 :: stride, stride // 2 :: stride] >= PixelClass.SHAFT
    return PixelMaps(shares.transpose(2, 0, 1), points, np.where(is_tool, family_of[middle], -1))


def _target(hand: HandLabel, mask: Bool[NDArray[np.bool_], "h w"]) -> HandTarget | None:
    if hand.visible.mean() < MIN_VISIBLE or mask.mean() < _MIN_SHARE:
        return None
    rows, columns = np.nonzero(mask)
    middle = float(columns.mean()) + 0.5, float(rows.mean()) + 0.5
    extent = float(max(int(np.ptp(rows)), int(np.ptp(columns)), 1))
    return HandTarget(middle, extent, region_of(hand), hand.side, hand.gloved)


def _scaled(target: HandTarget, scale: float, offset: tuple[float, float]) -> HandTarget:
    def moved(px: tuple[float, float]) -> tuple[float, float]:
        return px[0] * scale + offset[0], px[1] * scale + offset[1]

    region = replace(target.region, center_px=moved(target.region.center_px), size_px=target.region.size_px * scale)
    return replace(target, middle_px=moved(target.middle_px), extent_px=target.extent_px * scale, region=region)


def _seen(px: tuple[float, float], instances: UInt8[NDArray[np.uint8], "h w"], instance: int) -> bool:
    """Whether the instrument is seen near one of its points."""
    height, width = instances.shape
    u, v = px
    if not (0.0 <= u < width and 0.0 <= v < height):
        return False
    r = _POINT_REACH_PX
    near = instances[max(int(v) - r, 0) : int(v) + r + 1, max(int(u) - r, 0) : int(u) + r + 1]
    return bool((near == instance).any())


def stacked(maps: Sequence[HandMaps]) -> tuple[Single, Single, Single]:
    """Peaks, values and where peaks count of a batch, all float32."""
    return (
        np.stack([m.heat for m in maps]),
        np.stack([m.values for m in maps]),
        np.stack([m.counts for m in maps]).astype(np.float32),
    )
