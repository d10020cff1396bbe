"""Flat things of any shape and colour on the ground of a training picture, and pen marks on its gloves.

Rendered grounds are few and gloves clean; what is drawn here keeps a network from taking every smooth, skin-coloured or
bright thing for a hand, and a marked hand for something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray

from hoi_perception.synthesis.picture_classes import HANDS
from hoi_perception.synthesis.training_labels import TrainingPicture

Mask = UInt8[NDArray[np.uint8], "h w"]
Picture = Float32[NDArray[np.float32], "h w 3"]
_THINGS = 1.3
_MARKED, _HAND_LIKE, _ROUND, _CLEAR = 0.3, 0.4, 0.6, 0.2
_HAND_COLOURS = ((95, 130, 190), (140, 175, 225), (60, 85, 130), (185, 200, 215), (170, 205, 225), (190, 175, 130))


def cluttered(picture: TrainingPicture, rng: np.random.Generator) -> TrainingPicture:
    """The picture with things on its ground, behind hands and instruments, and marks on some gloves."""
    image = picture.image_bgr.astype(np.float32)
    ground = cv2.GaussianBlur((picture.instances == 0).astype(np.float32), (0, 0), 0.6)[:, :, None]
    for _ in range(rng.poisson(_THINGS)):
        image = _with_thing(image, ground, rng)
    for hand in picture.hands:
        if hand.gloved and rng.random() < _MARKED:
            mask = (picture.instances == hand.instance) & np.isin(picture.classes, HANDS)
            image = _marked(image, mask.astype(np.uint8), rng)
    return replace(picture, image_bgr=np.clip(image, 0, 255).astype(np.uint8))


def _with_thing(image: Picture, ground: Float32[NDArray[np.float32], "h w 1"], rng: np.random.Generator) -> Picture:
    """One thing with its shadow; round ones are darker at their edges, as limbs and tubes are."""
    mask = _shape(image.shape[:2], rng)
    colour = np.array(rng.uniform(10, 240, 3), dtype=np.float32)
    if rng.random() < _HAND_LIKE:
        colour = np.array(_HAND_COLOURS[rng.integers(len(_HAND_COLOURS))] * rng.uniform(0.7, 1.15, 3), np.float32)
    paint = np.broadcast_to(colour, image.shape)
    if rng.random() < _ROUND:
        inner = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
        depth = np.sqrt(np.clip(inner / max(float(inner.max()), 1.0), 0.0, 1.0))
        paint = paint * (rng.uniform(0.35, 0.8) + rng.uniform(0.2, 0.6) * depth[:, :, None])
    dx, dy = rng.normal(0.0, 4.0, 2)
    M = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    fallen = cv2.warpAffine(mask, M, mask.shape[::-1]).astype(np.float32)
    shadow = cv2.GaussianBlur(fallen, (0, 0), rng.uniform(1.5, 6.0))[:, :, None] * rng.uniform(0.0, 0.6)
    opaque = 0.35 if rng.random() < _CLEAR else 1.0
    cover = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.6)[:, :, None] * opaque
    drawn = image * (1.0 - shadow) * (1.0 - cover) + paint * cover
    return np.asarray(image + ground * (drawn - image), dtype=np.float32)


def _shape(size: Sequence[int], rng: np.random.Generator) -> Mask:
    """A bar, a bent band, a polygon, a disc or a ring."""
    height, width = size
    mask = np.zeros((height, width), dtype=np.uint8)
    at = rng.uniform(-0.1, 1.1, 2) * (width, height)
    reach = float(np.exp(rng.uniform(np.log(0.05), np.log(0.5)))) * width
    kind = int(rng.integers(4))
    if kind <= 1:
        bends = at + np.cumsum(rng.normal(0.0, reach / (1 + kind), (2 + 2 * kind, 2)), axis=0)
        thick = max(int(rng.uniform(0.05, 0.5) * reach), 2)
        cv2.polylines(mask, [bends.astype(np.int32).reshape(-1, 1, 2)], False, 1, thick)
    elif kind == 2:
        corners = (at + rng.normal(0.0, 0.6 * reach, (int(rng.integers(3, 7)), 2))).astype(np.int32)
        cv2.fillConvexPoly(mask, np.asarray(cv2.convexHull(corners.reshape(-1, 1, 2))), 1)
    else:
        axes = (int(rng.uniform(0.3, 1.0) * reach) + 2, int(rng.uniform(0.3, 1.0) * reach) + 2)
        thick = -1 if rng.random() < 0.6 else max(int(0.15 * reach), 2)
        cv2.ellipse(mask, (int(at[0]), int(at[1])), axes, rng.uniform(0.0, 180.0), 0.0, 360.0, 1, thick)
    return mask


def _marked(image: Picture, hand: Mask, rng: np.random.Generator) -> Picture:
    """Pen strokes on a hand."""
    rows, columns = np.nonzero(hand)
    if len(rows) == 0:
        return image
    ink = np.zeros_like(hand)
    extent = max(float(np.ptp(rows)), float(np.ptp(columns)), 4.0)
    for _ in range(int(rng.integers(3, 14))):
        at = int(rng.integers(len(rows)))
        middle = np.array([columns[at], rows[at]], dtype=np.float64)
        for _ in range(int(rng.integers(1, 3))):
            half = rng.normal(0.0, 0.05 * extent, 2)
            first, last = ((int(x), int(y)) for x, y in (middle - half, middle + half))
            cv2.line(ink, first, last, 1, max(1, int(0.02 * extent)), cv2.LINE_8)
    cover = cv2.GaussianBlur((ink * hand).astype(np.float32), (0, 0), 0.6)[:, :, None]
    return np.asarray(image + cover * (rng.uniform(10, 70) - image), dtype=np.float32)
