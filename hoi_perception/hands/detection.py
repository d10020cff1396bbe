"""Palms in an image: letterbox, network, decoding, weighted suppression.

Input 192 x 192 RGB in [0, 1]; 2016 anchors; per anchor a score and 18 numbers (box, seven keypoints). Constants are
those of the published palm detection graph (Zhang et al. 2020, MediaPipe Hands, and its graph files).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.letterbox import Letterbox, letterboxed
from hoi_perception.hands.models import PALM
from hoi_perception.hands.network import Network
from hoi_perception.types import HandRegion

INPUT_SIZE = 192
_LAYERS = ((24, 2), (12, 6))  # cells per side, anchors per cell
_OVERLAP = 0.3  # intersection over union above which two detections are one
_REGION_SCALE = 2.6  # side of the region over side of the palm box
_REGION_SHIFT = 0.5  # palm box heights from its centre toward the fingers
_WRIST, _MIDDLE = 0, 2  # keypoints: wrist, base of the middle finger

Image = UInt8[NDArray[np.uint8], "h w 3"]


@dataclass(frozen=True)
class PalmDetection:
    """One palm, in pixels of the image: score (0 to 1), box x0, y0, x1, y1, seven keypoints, region of the hand."""

    score: float
    box_px: tuple[float, float, float, float]
    keypoints_px: Float64[NDArray[np.float64], "7 2"]
    region: HandRegion


class PalmNetwork:
    """The palm network with its anchors."""

    def __init__(self, path: Path | None = None, threads: int = 1) -> None:
        self._network = Network(PALM, path, threads)
        self._anchors = make_anchors()

    def run(self, image_bgr: Image, threshold: float = 0.5) -> list[PalmDetection]:
        """Palms with a score of at least `threshold`, best first."""
        tensor, letterbox = make_input(image_bgr)
        boxes, logits = self.forward(tensor)
        return detections(boxes, logits, self._anchors, threshold, letterbox)

    def forward(
        self, tensor: Float32[NDArray[np.float32], "1 192 192 3"]
    ) -> tuple[Float32[NDArray[np.float32], "2016 18"], Float32[NDArray[np.float32], "2016"]]:
        """Raw outputs of the network: boxes with keypoints, and score logits."""
        boxes, logits = self._network.run(tensor, ("Identity", "Identity_1"))
        return boxes[0], logits[0, :, 0]


def make_anchors() -> Float64[NDArray[np.float64], "2016 2"]:
    """Centres x, y of the anchors in units of the square, in the order of the network's outputs."""
    layers = []
    for cells, per_cell in _LAYERS:
        centres = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(centres, centres)
        layers.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(layers)


def make_input(image_bgr: Image) -> tuple[Float32[NDArray[np.float32], "1 192 192 3"], Letterbox]:
    """The image scaled to fit, centred on black, RGB in [0, 1]."""
    square, letterbox = letterboxed(image_bgr, (INPUT_SIZE, INPUT_SIZE))
    return square[None, :, :, ::-1].astype(np.float32) / np.float32(255), letterbox


def detections(
    boxes: Float32[NDArray[np.float32], "n 18"],
    logits: Float32[NDArray[np.float32], " n"],
    anchors: Float64[NDArray[np.float64], "n 2"],
    threshold: float,
    letterbox: Letterbox,
) -> list[PalmDetection]:
    """Palms that the network's outputs tell of, with a score of at least `threshold`, best first."""
    scores, decoded = decode(boxes, logits, anchors, threshold)
    return [_detection(s, row, letterbox) for s, row in zip(*suppress(scores, decoded), strict=True)]


def decode(
    boxes: Float32[NDArray[np.float32], "n 18"],
    logits: Float32[NDArray[np.float32], " n"],
    anchors: Float64[NDArray[np.float64], "n 2"],
    threshold: float,
) -> tuple[Float64[NDArray[np.float64], " k"], Float64[NDArray[np.float64], "k 9 2"]]:
    """Scores and points (box corners, seven keypoints; units of the square) of anchors at or above the threshold."""
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits.astype(np.float64), -100.0, 100.0)))
    keep = np.flatnonzero(scores >= threshold)
    raw = boxes[keep].astype(np.float64).reshape(-1, 9, 2) / INPUT_SIZE
    centre, half = raw[:, 0] + anchors[keep], raw[:, 1] / 2.0
    points = np.concatenate([(centre - half)[:, None], (centre + half)[:, None], raw[:, 2:] + anchors[keep, None]], 1)
    return scores[keep], points


def suppress(
    scores: Float64[NDArray[np.float64], " k"], points: Float64[NDArray[np.float64], "k 9 2"]
) -> tuple[Float64[NDArray[np.float64], " m"], Float64[NDArray[np.float64], "m 9 2"]]:
    """Weighted suppression: overlapping detections become their mean, weighted by score, with the best's score."""
    order = np.argsort(-scores, kind="stable")
    best, means = [], []
    while order.size:
        top = order[0]
        same = box_overlap(points[top, :2], points[order, :2]) > _OVERLAP
        same[0] = True
        group = order[same]
        best.append(scores[top])
        means.append(np.average(points[group], axis=0, weights=scores[group]))
        order = order[~same]
    return np.array(best), np.array(means).reshape(-1, 9, 2)


def box_overlap(
    box: Float64[NDArray[np.float64], "2 2"], others: Float64[NDArray[np.float64], "n 2 2"]
) -> Float64[NDArray[np.float64], " n"]:
    """Intersection over union of one box (corners) with others."""
    common = np.clip(np.minimum(box[1], others[:, 1]) - np.maximum(box[0], others[:, 0]), 0.0, None).prod(axis=1)
    union = (box[1] - box[0]).prod() + (others[:, 1] - others[:, 0]).prod(axis=1) - common
    return np.where(union > 0.0, common / np.where(union > 0.0, union, 1.0), 0.0)


def region_from_palm(
    box_px: Float64[NDArray[np.float64], "2 2"], keypoints_px: Float64[NDArray[np.float64], "7 2"]
) -> HandRegion:
    """The hand's region: wrist to middle finger points up, moved half a palm that way, 2.6 palms wide."""
    dx, dy = keypoints_px[_MIDDLE] - keypoints_px[_WRIST]
    angle = float(np.arctan2(dx, -dy))
    width, height = box_px[1] - box_px[0]
    x, y = box_px.mean(axis=0) + _REGION_SHIFT * height * np.array([np.sin(angle), -np.cos(angle)])
    return HandRegion((float(x), float(y)), _REGION_SCALE * float(max(width, height)), angle)


def _detection(score: float, points: Float64[NDArray[np.float64], "9 2"], box: Letterbox) -> PalmDetection:
    px = box.to_image(points * INPUT_SIZE)
    (x0, y0), (x1, y1) = px[0], px[1]
    corners = float(x0), float(y0), float(x1), float(y1)
    return PalmDetection(float(score), corners, px[2:], region_from_palm(px[:2], px[2:]))
