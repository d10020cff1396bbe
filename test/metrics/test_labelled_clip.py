from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from example_scenes import WIDTH, example_camera, example_hand, example_scene

from hoi_perception.metrics.detection import DetectionCounts, SidedBox
from hoi_perception.metrics.labelled_clip import FLESH_M, ClipScorer, detections, read_labels
from hoi_perception.types import Hand, Side, TrackState

LABELS = Path(__file__).parents[1] / "labels"


def hand_at(x0: float, y0: float, x1: float, y1: float, side: Side = Side.LEFT) -> Hand:
    """A hand one metre away whose joints span, with their flesh, that box of the image exactly."""
    camera = example_camera()
    flesh = FLESH_M * camera.K[0, 0]
    x0, y0, x1, y1 = x0 + flesh, y0 + flesh, x1 - flesh, y1 - flesh
    t = np.linspace(0.0, 1.0, 21)
    px = np.stack([x0 + (x1 - x0) * t, y0 + (y1 - y0) * t, np.ones(21)], axis=1)
    return replace(example_hand(side, 1), joints_camera=px @ np.linalg.inv(camera.K).T)


def test_the_box_is_that_of_the_projected_joints_inside_the_image() -> None:
    (box,) = detections(example_scene(hand_at(10.0, 20.0, 30.0, 40.0)))
    assert box.box_px == pytest.approx((10.0, 20.0, 30.0, 40.0))
    (cut,) = detections(example_scene(hand_at(-9.0, 20.0, 900.0, 40.0)))
    assert cut.box_px == pytest.approx((0.0, 20.0, WIDTH, 40.0))


@pytest.mark.parametrize("change", [{"state": TrackState.OCCLUDED}, {"score": 0.49}, {"landmarks": None}])
def test_only_tracked_and_present_hands_are_detections(change: dict[str, object]) -> None:
    assert not detections(example_scene(replace(hand_at(10.0, 20.0, 30.0, 40.0), **change)))


def test_only_labelled_frames_count() -> None:
    """Frame 0 has the hand, frame 1 no label, frame 2 asks for two hands and has one of them on the wrong side."""
    left, right = SidedBox(Side.LEFT, (10.0, 20.0, 30.0, 40.0)), SidedBox(Side.RIGHT, (40.0, 20.0, 60.0, 40.0))
    scorer = ClipScorer({0: [left], 2: [left, right]})
    hand = hand_at(10.0, 20.0, 30.0, 40.0)
    for scene in (example_scene(hand), example_scene(hand), example_scene(hand, hand_at(40.0, 20.0, 60.0, 40.0))):
        scorer.add(scene)
    score = scorer.score(1.0)
    assert score.counts == DetectionCounts(hits=2, labels=3, detections=3)
    assert score.labelled_frames == 2 and score.summary.frames == 3
    assert score.box_iou_median == pytest.approx(1.0)
    assert score.recall == score.precision == pytest.approx(2 / 3)


def test_steps_are_those_between_tracked_frames_in_a_row() -> None:
    """One joint moves 20 mm while TRACKED; the 500 mm before were only predicted."""
    hand = hand_at(10.0, 20.0, 30.0, 40.0)
    moved, far = hand.joints_camera.copy(), hand.joints_camera.copy()
    moved[8, 0] += 0.02
    far[8, 0] += 0.5
    scorer = ClipScorer()
    scorer.add(example_scene(replace(hand, joints_camera=far, state=TrackState.PREDICTED)))
    scorer.add(example_scene(hand))
    scorer.add(example_scene(replace(hand, joints_camera=moved)))
    score = scorer.score(1.0)
    assert score.tracked_step_mm == pytest.approx(20.0)
    assert score.summary.max_joint_step_mm["left"] == pytest.approx(500.0)
    assert np.isnan(score.recall)


@pytest.mark.parametrize(("name", "frames"), [("coffee", 29), ("cups", 30)])
def test_the_labels_are_of_every_tenth_frame(name: str, frames: int) -> None:
    labels = read_labels(LABELS / f"{name}.csv")
    assert sorted(labels) == list(range(0, 10 * frames, 10))
    for box in (box for boxes in labels.values() for box in boxes):
        x0, y0, x1, y1 = box.box_px
        assert 0 <= x0 < x1 <= 1280 and 0 <= y0 < y1 <= 720
