"""Small pictures for training out of a rendered one: other frames of it, other cameras' colours and faults.

A crop is turned, scaled, mirrored and cut off as another camera might show it; its labels move along.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.synthesis.picture_classes import PixelClass
from hoi_perception.synthesis.training_clutter import cluttered
from hoi_perception.synthesis.training_labels import HandLabel, PointLabel, TrainingPicture, region_of
from hoi_perception.types import Side

Array = NDArray[np.float64]
Image = UInt8[NDArray[np.uint8], "h w 3"]
CROP = (256, 192)
"""Width and height, px."""
_ZOOM = (0.9, 1.9)
_CLOSE, _CLOSE_SIZE = 0.4, (0.45, 0.95)
"""How often a hand is seen from near, cut by the border; its region over the longer side then."""
_CUT_AT = (-0.3, 0.9)
"""Where the border cuts such a hand: 0 at the wrist, 1 at the knuckles."""
_BEYOND, _BEYOND_CLOSE = 0.0, 0.35
"""How much of a crop's width and height may be beyond the rendered picture, whose border pixels repeat there."""
_BARS, _WIDE, _ANY_TURN, _MIRROR = 0.5, 0.6, 0.3, 0.5
_WIDE_BAR = 0.125
"""Of a picture of 4:3 above and below one of 16:9."""
_SWAP, _GREY, _BLUR, _SMALL, _CODE, _NOISE = 0.08, 0.06, 0.25, 0.2, 0.35, 0.4
OTHER_SIDE = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}


def crop(picture: TrainingPicture, rng: np.random.Generator, size: tuple[int, int] = CROP) -> TrainingPicture:
    """Another frame of a picture, `size` wide and high, in another camera's colours."""
    height, width = picture.classes.shape
    mirror = rng.random() < _MIRROR
    T = _frame(picture, rng, size, (width, height), mirror)
    repeated = cv2.warpAffine(picture.image_bgr, T, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    image = np.asarray(repeated, dtype=np.uint8)
    classes, instances = (
        np.asarray(cv2.warpAffine(a, T, size, flags=cv2.INTER_NEAREST), dtype=np.uint8)
        for a in (picture.classes, picture.instances)
    )
    if mirror:
        table = np.arange(max(PixelClass) + 1, dtype=np.uint8)
        table[[PixelClass.LEFT_HAND, PixelClass.RIGHT_HAND]] = PixelClass.RIGHT_HAND, PixelClass.LEFT_HAND
        classes = table[classes]
    if rng.random() < _BARS:
        top, bottom, left, right = _bars(rng, size)
        image, classes, instances = (a.copy() for a in (image, classes, instances))
        for a in (image, classes, instances):
            a[:top], a[size[1] - bottom :], a[:, :left], a[:, size[0] - right :] = 0, 0, 0, 0
    hands = tuple(_moved_hand(hand, T, mirror, instances) for hand in picture.hands)
    points = tuple(replace(p, px=_moved_point(p, T)) for p in picture.points)
    whole = cluttered(TrainingPicture(image, classes, instances, hands, points), rng)
    return replace(whole, image_bgr=other_colours(whole.image_bgr, rng))


def other_colours(image: Image, rng: np.random.Generator) -> Image:
    """The picture as another sensor and another code might deliver it."""
    if rng.random() < _BLUR:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.6)), dtype=np.uint8)
    if rng.random() < _SMALL:
        height, width = image.shape[:2]
        share = rng.uniform(0.4, 0.8)
        small = cv2.resize(image, (int(share * width), int(share * height)), interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    light = np.arange(256) / 255.0
    gain = np.exp(rng.normal(0.0, 0.18)) * np.exp(rng.normal(0.0, 0.10, 3))
    gamma = np.exp(rng.normal(0.0, 0.22))
    table = np.clip(255.0 * np.clip(light[:, None] ** gamma * gain, 0.0, 1.0) + rng.normal(0.0, 6.0), 0, 255)
    image = np.asarray(cv2.LUT(image, table.astype(np.uint8)[None]), dtype=np.uint8)
    if rng.random() < _SWAP:
        image = np.ascontiguousarray(image[:, :, ::-1])
    if rng.random() < _GREY:
        image = np.repeat(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))[:, :, None], 3, axis=2)
    if rng.random() < _NOISE:
        noise = rng.normal(0.0, rng.uniform(1.0, 9.0), image.shape).astype(np.float32)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < _CODE:
        _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))])
        image = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), dtype=np.uint8)
    return image


def _frame(
    picture: TrainingPicture, rng: np.random.Generator, size: tuple[int, int], full: tuple[int, int], mirror: bool
) -> Float64[Array, "2 3"]:
    """Affine map from the picture to the crop: about a hand mostly, never so wide that much is beyond the border."""
    fit = max(size[0] / full[0], size[1] / full[1])
    zoom = fit * float(np.exp(rng.uniform(*np.log(_ZOOM))))
    turn = rng.uniform(-np.pi, np.pi) if rng.random() < _ANY_TURN else rng.normal(0.0, 0.25)
    flip = np.diag([-1.0 if mirror else 1.0, 1.0])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ flip
    middle, beyond = rng.uniform(0.25, 0.75, 2) * full, _BEYOND
    if picture.hands and rng.random() < 0.75:
        hand = picture.hands[int(rng.integers(len(picture.hands)))]
        if rng.random() < _CLOSE:
            zoom = float(np.clip(rng.uniform(*_CLOSE_SIZE) * max(size) / region_of(hand).size_px, fit, 4.5 * fit))
            middle, beyond = _beside_wrist(hand, rotation, zoom, size, rng), _BEYOND_CLOSE
        else:
            middle = hand.joints_px.mean(axis=0) + rng.normal(0.0, 0.28, 2) * np.array(size) / zoom
    room = (0.5 - beyond) * np.array(size) / zoom
    low, high = np.minimum(room, 0.5 * np.array(full)), np.maximum(np.array(full) - room, 0.5 * np.array(full))
    middle = np.clip(middle, low, high)
    linear = zoom * rotation
    return np.column_stack([linear, 0.5 * np.array(size) - linear @ middle])


def _beside_wrist(
    hand: HandLabel,
    rotation: Float64[Array, "2 2"],
    zoom: float,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Float64[Array, "2"]:
    """The middle of a crop whose border cuts the hand somewhere between wrist and knuckles."""
    wrist, knuckles = hand.joints_px[0], hand.joints_px[[5, 9, 13]].mean(axis=0)
    cut = wrist + rng.uniform(*_CUT_AT) * (knuckles - wrist)
    inward = rotation @ (knuckles - wrist)
    angle = np.arctan2(inward[1], inward[0]) + rng.normal(0.0, 0.5)
    ahead = np.array([np.cos(angle), np.sin(angle)])
    to_border = float((0.5 * np.array(size) / np.maximum(np.abs(ahead), 1e-6)).min())
    return np.asarray(cut + rotation.T @ ahead * to_border / zoom)


def _bars(rng: np.random.Generator, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Black bars as a picture of another shape has them: above and below, or left and right."""
    width, height = size
    if rng.random() < 0.7:
        bar = int((_WIDE_BAR if rng.random() < _WIDE else rng.uniform(0.0, 0.14)) * height)
        return bar, bar, 0, 0
    bar = int(rng.uniform(0.0, 0.14) * width)
    return 0, 0, bar, bar


def _moved_hand(
    hand: HandLabel, T: Float64[Array, "2 3"], mirror: bool, instances: UInt8[NDArray[np.uint8], "h w"]
) -> HandLabel:
    px = hand.joints_px @ T[:, :2].T + T[:, 2]
    height, width = instances.shape
    inside = ((px >= 0) & (px < [width, height])).all(axis=1)
    side = OTHER_SIDE[hand.side] if mirror else hand.side
    return replace(hand, joints_px=px, visible=hand.visible & inside, side=side)


def _moved_point(point: PointLabel, T: Float64[Array, "2 3"]) -> tuple[float, float]:
    u, v = T[:, :2] @ np.array(point.px) + T[:, 2]
    return float(u), float(v)
