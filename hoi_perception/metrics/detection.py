"""Detections of hands against labelled boxes, counted so that nothing can be gained by guessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hoi_perception.types import Side

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class SidedBox:
    """A hand's box in the image, x0 y0 x1 y1 in pixels. `required` is false for hands that need not be found."""

    side: Side
    box_px: Box
    required: bool = True


@dataclass(frozen=True)
class DetectionCounts:
    """Sums over frames."""

    hits: int = 0
    labels: int = 0
    detections: int = 0

    def __add__(self, other: DetectionCounts) -> DetectionCounts:
        return DetectionCounts(self.hits + other.hits, self.labels + other.labels, self.detections + other.detections)

    @property
    def recall(self) -> float:
        """Share of the labels that were found."""
        return self.hits / self.labels if self.labels else float("nan")

    @property
    def precision(self) -> float:
        """Share of the detections that are right."""
        return self.hits / self.detections if self.detections else float("nan")


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / union if union > 0 else 0.0


def count_detections(
    detections: Sequence[SidedBox], labels: Sequence[SidedBox], threshold: float = 0.5
) -> DetectionCounts:
    """One-to-one matches of one frame at IoU >= `threshold` and equal side, best overlap first.

    A detection that matches only a label that is not required counts neither for nor against.
    """
    pairs = sorted(
        (
            (iou(found.box_px, label.box_px), i, j)
            for i, found in enumerate(detections)
            for j, label in enumerate(labels)
            if found.side == label.side
        ),
        reverse=True,
    )
    used: dict[int, int] = {}
    for overlap, i, j in pairs:
        if overlap >= threshold and i not in used and j not in used.values():
            used[i] = j
    hits = sum(labels[j].required for j in used.values())
    ignored = len(used) - hits
    return DetectionCounts(hits, sum(label.required for label in labels), len(detections) - ignored)
