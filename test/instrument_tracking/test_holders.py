"""Which hand is taken to hold an instrument."""

from __future__ import annotations

import numpy as np

from hoi_perception.instrument_tracking.hand_view import HandView
from hoi_perception.instrument_tracking.holders import gap_of, holders_of
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.types import HandParameters, Side

GRID = np.stack(np.meshgrid(np.linspace(0.0, 60.0, 7), np.linspace(0.0, 20.0, 3)), axis=-1).reshape(-1, 2)
ROD = np.column_stack([np.linspace(80.0, 100.0, 9), np.full(9, 65.0)])


def hand(track: int, x: float, weight: float = 1.0) -> HandView:
    """21 landmarks in a grid 60 px wide that begins at x, 55 px down."""
    nothing = HandParameters(np.zeros((16, 3)), np.zeros(10), np.array([0.0, 0.0, 0.5]))
    term = LandmarkTerm(0, np.zeros((21, 2)), np.full(21, weight))
    return HandView(Side.RIGHT, track, nothing, term, GRID + [x, 55.0], np.zeros((778, 3)))


def test_the_nearest_hand_holds_it_and_a_far_one_does_not() -> None:
    near, far = hand(7, 70.0), hand(8, 400.0)
    assert holders_of((far, near), {3: ROD}, {}) == {3: 7}
    assert holders_of((far,), {3: ROD}, {}) == {}
    assert holders_of((near,), {3: ROD[:0]}, {}) == {}


def test_a_hand_keeps_what_it_held_until_another_one_is_much_nearer() -> None:
    near, beside = hand(7, 70.0), hand(9, 85.0)
    assert gap_of(near, ROD) < gap_of(beside, ROD) < 5.0 * gap_of(near, ROD)
    assert holders_of((beside, near), {3: ROD}, {}) == {3: 7}
    assert holders_of((beside, near), {3: ROD}, {3: 9}) == {3: 9}
    away = hand(9, 400.0)
    assert holders_of((away,), {3: ROD}, {3: 9}) == {3: 9}, "as long as no other one is there"
    assert holders_of((away, near), {3: ROD}, {3: 9}) == {3: 7}
    assert holders_of((away,), {3: ROD}, {3: 9}, {3}) == {}, "images show one that is broad"


def test_a_hand_holds_one_instrument_only() -> None:
    assert holders_of((hand(7, 70.0),), {3: ROD, 4: ROD + [0.0, 8.0]}, {}) == {3: 7}


def test_landmarks_without_weight_tell_nothing() -> None:
    assert gap_of(hand(7, 70.0, weight=0.0), ROD) == np.inf
