"""Sides of hands: known evidence, known answer."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.hands.sides import MAX_LOG_ODDS, SideEvidence, assign_sides, side_log_odds, with_look
from hoi_perception.types import HandLandmarks, Side


def landmarks(right_score: float, presence: float = 1.0) -> HandLandmarks:
    return HandLandmarks(np.zeros((21, 2)), np.zeros(21), presence, right_score)


def test_log_odds() -> None:
    assert side_log_odds(landmarks(0.5)) == 0.0
    assert side_log_odds(landmarks(0.75)) == pytest.approx(np.log(3.0))
    assert side_log_odds(landmarks(1.0)) == MAX_LOG_ODDS
    assert side_log_odds(landmarks(0.0)) == -MAX_LOG_ODDS


def test_a_side_counts_as_much_as_the_network_is_sure_of_a_hand() -> None:
    assert side_log_odds(landmarks(0.75, 0.995)) == pytest.approx(np.log(3.0))
    halfway = 1.0 / (1.0 + np.sqrt(0.03 / 0.97 * 0.005 / 0.995))  # in log-odds between 0.97 and 0.995
    assert side_log_odds(landmarks(0.75, float(halfway))) == pytest.approx(0.5 * np.log(3.0))
    assert side_log_odds(landmarks(0.75, 0.6)) == pytest.approx(0.1 * np.log(3.0))
    assert side_log_odds(landmarks(1.0, 0.6)) > 0.0 > side_log_odds(landmarks(0.0, 0.6))


def test_single_hand_goes_by_its_own_evidence() -> None:
    sides, layout = assign_sides([SideEvidence(2.0, 2.0, 100.0, 50.0)], 7.0)
    assert sides == [Side.RIGHT]
    assert layout == 7.0


def test_two_hands_differ_by_the_stronger_evidence() -> None:
    hands = [SideEvidence(2.0, 0.0, 100.0, 50.0), SideEvidence(3.0, 0.0, 500.0, 50.0)]
    assert assign_sides(hands, 0.0)[0] == [Side.LEFT, Side.RIGHT]
    assert assign_sides(hands[::-1], 0.0)[0] == [Side.RIGHT, Side.LEFT]


def test_layout_is_learnt_and_outlives_doubt() -> None:
    layout = 0.0
    clear = [SideEvidence(4.0, 4.0, 100.0, 50.0), SideEvidence(-4.0, -4.0, 500.0, 50.0)]
    for _ in range(10):
        _, layout = assign_sides(clear, layout)
    assert layout > 3.0  # the right hand lies left in the image
    new = [SideEvidence(-1.0, -1.0, 120.0, 50.0), SideEvidence(1.0, 1.0, 480.0, 50.0)]
    assert assign_sides(new, layout)[0] == [Side.RIGHT, Side.LEFT]
    assert assign_sides(new, 0.0)[0] == [Side.LEFT, Side.RIGHT]


def test_layout_says_nothing_of_hands_at_one_place() -> None:
    hands = [SideEvidence(-1.0, 0.0, 100.0, 50.0), SideEvidence(1.0, 0.0, 100.0, 50.0)]
    assert assign_sides(hands, 20.0)[0] == [Side.LEFT, Side.RIGHT]


@pytest.mark.parametrize(("y", "sides"), [(1.0, [Side.RIGHT, Side.LEFT]), (-1.0, [Side.LEFT, Side.RIGHT])])
def test_arms_of_which_little_else_is_known_do_not_cross(y: float, sides: list[Side]) -> None:
    for lean in (0.0, 0.9):  # hands that point at each other, too
        x, down = lean, y * float(np.sqrt(1.0 - lean**2))
        layout = 0.0
        for _ in range(10):
            left = SideEvidence(0.3 * -y, 0.03 * -y, 100.0, 50.0, (x, down))
            right = SideEvidence(0.3 * y, 0.03 * y, 500.0, 50.0, (-x, down))
            told, layout = assign_sides([left, right], layout)
        assert told == sides


def test_hands_seen_clearly_may_cross() -> None:
    layout = 0.0
    for _ in range(10):
        hands = [SideEvidence(3.0, 3.0, 100.0, 50.0, (0.0, -1.0)), SideEvidence(-3.0, -3.0, 500.0, 50.0, (0.0, -1.0))]
        told, layout = assign_sides(hands, layout)
        assert told == [Side.RIGHT, Side.LEFT]


def test_looks_in_a_row_count_for_no_more_than_some_of_them() -> None:
    clear = faint = 0.0
    for _ in range(100):
        clear, faint = with_look(clear, 4.0, 100.0), with_look(faint, -0.1, 100.0)
    assert clear == 100.0 and faint == pytest.approx(-2.5)
    assert with_look(clear, 0.1, 100.0) == 100.0, "faint looks leave what was seen clearly"
    assert with_look(50.0, -0.1, 100.0) == pytest.approx(49.9)
