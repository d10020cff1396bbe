"""Found hands and labels are put together one to one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hoi_perception.evaluation.detection import DetectionReport, DetectionRow, LabelledPicture, as_markdown, match
from hoi_perception.evaluation.detection_clips import LabelError, evaluate_clips
from hoi_perception.hands.proposals import FoundHand
from hoi_perception.metrics.detection import SidedBox
from hoi_perception.types import HandLandmarks, Side

PICTURE = LabelledPicture(
    np.zeros((100, 200, 3), dtype=np.uint8),
    (
        SidedBox(Side.LEFT, (10.0, 10.0, 60.0, 60.0)),
        SidedBox(Side.RIGHT, (120.0, 10.0, 180.0, 70.0)),
        SidedBox(Side.RIGHT, (150.0, 80.0, 200.0, 100.0), required=False),
    ),
)


def hand(x0: float, y0: float, x1: float, y1: float, presence: float, right: float) -> FoundHand:
    """A hand whose skin's box is about this."""
    share = np.linspace(0.0, 1.0, 21)
    points = np.column_stack([x0 + share * (x1 - x0), y0 + share * (y1 - y0)])
    return FoundHand(HandLandmarks(points, np.zeros(21), presence, right))


def test_boxes_are_matched_one_to_one_best_first() -> None:
    labels = [(0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)]
    found = [(0.0, 0.0, 10.0, 7.0), (0.0, 0.0, 10.0, 9.0), (20.0, 0.0, 30.0, 4.0)]
    assert match(found, labels) == {1: 0}


def test_hits_sides_and_false_accepts_are_counted() -> None:
    row = DetectionRow()
    left, twice = hand(12, 12, 58, 58, 0.9, 0.1), hand(14, 14, 60, 60, 0.9, 0.1)
    wrong_side, optional = hand(122, 12, 178, 68, 0.6, 0.2), hand(152, 81, 198, 99, 0.9, 0.9)
    row.add([left, twice, wrong_side, optional], PICTURE)
    assert row.labels == 2 and row.hits == {0.5: 2, 0.8: 1}
    assert row.false_accepts == {0.5: 1, 0.8: 1} and row.right_sides == 1


def test_a_hand_that_leaves_the_picture_is_compared_within_it() -> None:
    row = DetectionRow()
    row.add([hand(122, 12, 400, 68, 0.9, 0.9)], PICTURE)
    assert row.hits[0.8] == 1


def test_the_table_says_what_was_counted() -> None:
    row = DetectionRow()
    row.add([hand(12, 12, 58, 58, 0.9, 0.1)], PICTURE)
    row.proposed, row.milliseconds = 3, [7.0]
    line = as_markdown(DetectionReport({("clip", "palm", 8): row})).splitlines()[2]
    assert line == "| clip | palm | 8 | 1/2 | 1/2 | 1/1 | 0.00 | 0.00 | 3.0 | 7.0 |"


def test_folders_in_which_nothing_can_be_compared_are_told(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="give --data DIR"):
        evaluate_clips(tmp_path / "none", None)
    (tmp_path / "other.mp4").write_bytes(b"")
    with pytest.raises(LabelError, match=r"no clip has labels.*CLIP\.csv"):
        evaluate_clips(tmp_path, None)
