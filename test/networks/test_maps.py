"""Hands drawn as maps are read back from them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.networks.maps import HEAD_MAPS, PARSER_MAPS, HandTarget, draw_hands, read_hands
from hoi_perception.types import HandRegion, Side

STRIDE, SHAPE = 4, (48, 64)
SPAN = float(STRIDE * 64)
LEFT = HandTarget((60.0, 80.0), 50.0, HandRegion((70.0, 75.0), 110.0, 0.7), Side.LEFT, True)
RIGHT = HandTarget((190.0, 120.0), 70.0, HandRegion((185.0, 140.0), 160.0, -2.9), Side.RIGHT, False)


def as_maps(heat: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a perfect network says of drawn hands."""
    peaks = np.clip(heat, 1e-4, 1.0 - 1e-4)
    glove = np.where(values[5] > 0.5, 9.0, -9.0)[None]
    maps = np.concatenate([np.log(peaks / (1.0 - peaks)), values[:2], values[2:3], values[3:5], glove])
    return np.ascontiguousarray(maps.transpose(1, 2, 0), dtype=np.float32)


def test_layouts_follow_each_other() -> None:
    assert HEAD_MAPS.channels == 8 and PARSER_MAPS.channels == 22
    assert HEAD_MAPS.of("direction") == slice(5, 7) and PARSER_MAPS.of("family") == slice(17, 22)
    assert HEAD_MAPS.rare == [0, 1] and PARSER_MAPS.rare == [0, 1, 14, 15, 16]


def test_drawn_hands_are_read_back() -> None:
    maps = as_maps(*draw_hands([LEFT, RIGHT], SHAPE, STRIDE, SPAN))
    found = sorted(read_hands(maps, HEAD_MAPS, STRIDE, SPAN, 0.5), key=lambda hand: hand.region.center_px[0])
    assert len(found) == 2
    for hand, target in zip(found, (LEFT, RIGHT), strict=True):
        assert hand.region.center_px == pytest.approx(target.region.center_px, abs=0.1)
        assert hand.region.size_px == pytest.approx(target.region.size_px, rel=1e-3)
        assert hand.region.angle_rad == pytest.approx(target.region.angle_rad, abs=1e-3)
        assert hand.side is target.side and (hand.glove > 0.5) is target.gloved
        assert hand.score > 0.99


def test_a_hand_that_peaks_as_both_sides_is_one_hand() -> None:
    heat, values = draw_hands([LEFT], SHAPE, STRIDE, SPAN)
    heat[1] = 0.9 * heat[0]
    (hand,) = read_hands(as_maps(heat, values), HEAD_MAPS, STRIDE, SPAN, 0.2)
    assert hand.side is Side.LEFT and hand.right == pytest.approx(0.9 / 1.9, abs=0.01)


def test_nothing_below_the_threshold_and_no_more_than_asked_for() -> None:
    maps = as_maps(*draw_hands([LEFT, RIGHT], SHAPE, STRIDE, SPAN))
    assert len(read_hands(maps, HEAD_MAPS, STRIDE, SPAN, 0.5, most=1)) == 1
    maps[..., :2] -= 12.0
    assert read_hands(maps, HEAD_MAPS, STRIDE, SPAN, 0.5) == []


def test_values_of_the_nearer_hand_count_where_two_meet() -> None:
    near = HandTarget((70.0, 80.0), 50.0, HandRegion((75.0, 85.0), 60.0, 0.0), Side.RIGHT, False)
    _, values = draw_hands([LEFT, near], SHAPE, STRIDE, SPAN)
    assert values[5, 80 // STRIDE, 60 // STRIDE] == 1.0 and values[5, 80 // STRIDE, 70 // STRIDE] == 0.0
