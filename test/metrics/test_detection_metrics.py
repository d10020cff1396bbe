from __future__ import annotations

import pytest

from hoi_perception.metrics.detection import DetectionCounts, SidedBox, count_detections, iou
from hoi_perception.types import Side

A = SidedBox(Side.LEFT, (0.0, 0.0, 10.0, 10.0))


def test_overlap_of_known_boxes() -> None:
    assert iou((0.0, 0.0, 10.0, 10.0), (5.0, 0.0, 15.0, 10.0)) == pytest.approx(1 / 3)
    assert iou((0.0, 0.0, 1.0, 1.0), (2.0, 2.0, 3.0, 3.0)) == 0.0


def test_one_detection_cannot_serve_two_labels() -> None:
    counts = count_detections([A], [A, A])
    assert counts == DetectionCounts(hits=1, labels=2, detections=1)
    assert counts.recall == 0.5 and counts.precision == 1.0


def test_wrong_side_is_a_miss_and_a_false_alarm() -> None:
    counts = count_detections([SidedBox(Side.RIGHT, A.box_px)], [A])
    assert counts.recall == 0.0 and counts.precision == 0.0


def test_half_overlap_counts_and_less_does_not() -> None:
    assert count_detections([SidedBox(Side.LEFT, (0.0, 0.0, 10.0, 5.0))], [A]).hits == 1
    assert count_detections([SidedBox(Side.LEFT, (0.0, 0.0, 10.0, 4.9))], [A]).hits == 0


def test_hands_that_need_not_be_found_count_neither_way() -> None:
    cut = SidedBox(Side.LEFT, A.box_px, required=False)
    assert count_detections([A], [cut]) == DetectionCounts(0, 0, 0)
    assert count_detections([], [cut]) == DetectionCounts(0, 0, 0)
    assert count_detections([A, A], [cut]) == DetectionCounts(0, 0, 1)
