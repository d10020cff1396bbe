"""Following one hand with a network that says what each test needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.following import FollowedHand, follow_hand, named_for, rename_fingers, side_of
from hoi_perception.hands.landmarks import Colours
from hoi_perception.types import HandLandmarks, HandRegion, Side

IMAGE = np.zeros((480, 640, 3), dtype=np.uint8)
POINTS = np.column_stack([np.linspace(200.0, 400.0, 21), np.linspace(300.0, 150.0, 21)])
REGIONS = [HandRegion((300.0, 220.0), 250.0 + i, 0.0) for i in range(3)]


def landmarks(right_score: float = 1.0, presence: float = 0.999, shift: float = 0.0) -> HandLandmarks:
    return HandLandmarks(POINTS + shift, np.zeros(21), presence, right_score)


class Network:
    """Answers in turn; the regions it was asked for stand in `asked`."""

    def __init__(self, *answers: HandLandmarks) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[HandRegion, Colours, bool]] = []

    def run(
        self, image_bgr: NDArray[np.uint8], region: HandRegion, colours: Colours = Colours.PLAIN, smooth: bool = False
    ) -> HandLandmarks:
        self.asked.append((region, colours, smooth))
        return self.answers[len(self.asked) - 1]


def follow(network: Network, side: Side = Side.RIGHT) -> FollowedHand:
    return follow_hand(network, IMAGE, REGIONS, POINTS, side, colours=Colours.SWAPPED, smooth=False)


def test_one_look_is_enough_where_the_hand_is_as_expected() -> None:
    network = Network(landmarks())
    hand = follow(network)
    assert hand.looks == 1 and hand.agrees and hand.landmarks is network.answers[0]
    assert network.asked == [(REGIONS[0], Colours.SWAPPED, False)]
    assert hand.evidence == pytest.approx(4.0)


def test_a_hand_that_is_elsewhere_is_looked_for_again_and_the_nearest_sight_wins() -> None:
    network = Network(landmarks(shift=60.0), landmarks(shift=20.0), landmarks(shift=40.0))
    hand = follow(network)
    assert hand.looks == 3 and hand.landmarks is network.answers[1]


def test_a_hand_that_no_look_sees_is_missed() -> None:
    hand = follow(Network(*[landmarks(presence=0.3)] * 3))
    assert hand.landmarks is None and hand.looks == 3 and hand.evidence == 0.0


def test_landmarks_outside_the_image_are_no_hand() -> None:
    assert follow(Network(*[landmarks(shift=2000.0)] * 3)).landmarks is None


def test_a_hand_taken_for_the_other_one_is_renamed_where_no_look_knows_better() -> None:
    wrong = landmarks(right_score=0.01)
    hand = follow(Network(wrong, wrong, wrong))
    assert hand.landmarks is not None and not hand.agrees
    assert hand.evidence == pytest.approx(-4.0)
    np.testing.assert_array_equal(hand.landmarks.points_px[5:9], POINTS[17:21])
    np.testing.assert_array_equal(hand.landmarks.confidence[1:5], 0.0)
    assert side_of(hand.landmarks) is Side.RIGHT


def test_the_right_side_is_preferred_to_the_nearer_sight() -> None:
    network = Network(landmarks(right_score=0.0), landmarks(shift=15.0), landmarks(right_score=0.0))
    assert follow(network).landmarks is network.answers[1]


def test_renaming_swaps_fingers_drops_the_thumb_and_forgets_depth() -> None:
    renamed = rename_fingers(replace(landmarks(), depth_relative=np.arange(21.0)))
    np.testing.assert_array_equal(renamed.points_px[[0, 5, 9, 13, 17, 20]], POINTS[[0, 17, 13, 9, 5, 8]])
    assert np.isnan(renamed.depth_relative).all()
    assert renamed.right_score == pytest.approx(0.0)
    again = rename_fingers(renamed)
    np.testing.assert_array_equal(again.points_px, POINTS)
    assert named_for(landmarks(), Side.RIGHT).confidence.all()
