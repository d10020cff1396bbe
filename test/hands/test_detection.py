"""Decoding of the palm network's outputs against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.hands import detection
from hoi_perception.hands.detection import decode, make_anchors, make_input, region_from_palm, suppress
from hoi_perception.hands.letterbox import Letterbox


def test_anchors() -> None:
    anchors = make_anchors()
    assert anchors.shape == (2016, 2)
    np.testing.assert_allclose(anchors[0], [0.5 / 24, 0.5 / 24])
    np.testing.assert_allclose(anchors[1], anchors[0])  # two in a cell
    np.testing.assert_allclose(anchors[2], [1.5 / 24, 0.5 / 24])  # x runs fastest
    np.testing.assert_allclose(anchors[2 * 24 * 24], [0.5 / 12, 0.5 / 12])  # second layer
    np.testing.assert_allclose(anchors[-1], [11.5 / 12, 11.5 / 12])


def test_wide_image_is_centred_on_black() -> None:
    image = np.full((360, 640, 3), (0, 0, 255), np.uint8)  # red in BGR
    tensor, letterbox = make_input(image)
    assert letterbox == Letterbox(0.3, (0.0, 42.0))
    assert tensor.shape == (1, 192, 192, 3)
    np.testing.assert_allclose(tensor[0, 96, 96], [1.0, 0.0, 0.0])  # red comes first
    assert not tensor[0, :42].any()
    assert not tensor[0, 150:].any()


def test_decoding_one_anchor() -> None:
    boxes = np.zeros((2016, 18), np.float32)
    logits = np.full(2016, -200.0, np.float32)
    logits[1200] = np.log(3.0)
    boxes[1200] = [19.2, -19.2, 38.4, 19.2, *([9.6, 0.0] * 7)]
    anchors = make_anchors()
    scores, points = decode(boxes, logits, anchors, 0.5)
    np.testing.assert_allclose(scores, [0.75], rtol=1e-6)
    np.testing.assert_allclose(points[0, 0], anchors[1200] + [0.1 - 0.1, -0.1 - 0.05], atol=1e-7)
    np.testing.assert_allclose(points[0, 1], anchors[1200] + [0.1 + 0.1, -0.1 + 0.05], atol=1e-7)
    np.testing.assert_allclose(points[0, 2:], np.tile(anchors[1200] + [0.05, 0.0], (7, 1)), atol=1e-7)


def box_points(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([[x0, y0], [x1, y1]] + [[x0, y0]] * 7)


def test_suppression_averages_by_score() -> None:
    points = np.stack([box_points(0, 0, 1, 1), box_points(0.1, 0, 1.1, 1), box_points(5, 5, 6, 6)])
    scores, merged = suppress(np.array([0.3, 0.9, 0.5]), points)
    np.testing.assert_allclose(scores, [0.9, 0.5])
    np.testing.assert_allclose(merged[0, :2], [[0.075, 0.0], [1.075, 1.0]])
    np.testing.assert_allclose(merged[1, :2], [[5, 5], [6, 6]])


def test_suppression_of_nothing() -> None:
    scores, merged = suppress(np.zeros(0), np.zeros((0, 9, 2)))
    assert scores.size == 0
    assert merged.shape == (0, 9, 2)


def test_suppression_ends_on_empty_boxes() -> None:
    scores, _ = suppress(np.array([0.5, 0.5]), np.zeros((2, 9, 2)))
    assert scores.size == 2


def test_overlap() -> None:
    box = np.array([[0.0, 0.0], [2.0, 2.0]])
    others = np.array([[[1.0, 0.0], [3.0, 2.0]], [[2.0, 2.0], [3.0, 3.0]], [[0.0, 0.0], [2.0, 2.0]]])
    np.testing.assert_allclose(detection.box_overlap(box, others), [1 / 3, 0.0, 1.0])


@pytest.mark.parametrize(
    ("middle", "angle_deg", "center"),
    [((50, 0), 0, (50, 0)), ((100, 50), 90, (100, 50)), ((50, 100), 180, (50, 100)), ((0, 50), -90, (0, 50))],
)
def test_region_points_the_fingers_up(middle: tuple[int, int], angle_deg: float, center: tuple[int, int]) -> None:
    keypoints = np.full((7, 2), 50.0)
    keypoints[2] = middle
    region = region_from_palm(np.array([[0.0, 0.0], [100.0, 100.0]]), keypoints)
    np.testing.assert_allclose(region.center_px, center, atol=1e-9)
    np.testing.assert_allclose(np.degrees(region.angle_rad), angle_deg, atol=1e-9)
    assert region.size_px == pytest.approx(260.0)
