"""Regions of hands from a map of them: known places, known directions."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.networks.seen_hands import SeenSettings, seen_regions


def test_hands_that_the_border_cuts_point_away_from_it() -> None:
    seen = np.zeros((360, 640), dtype=np.float32)
    seen[200:300, 0:160] = 0.9  # from the left
    seen[0:60, 400:440] = 0.9  # from above
    left, above = seen_regions(seen)
    assert left.center_px == pytest.approx((80.0, 250.0), abs=5.0)
    assert left.size_px == pytest.approx(1.6 * 160.0, rel=0.05)
    assert left.angle_rad == pytest.approx(np.pi / 2, abs=0.05), "to the right"
    assert abs(above.angle_rad) == pytest.approx(np.pi, abs=0.05), "down"


def test_a_hand_inside_has_no_direction_and_specks_are_none() -> None:
    seen = np.zeros((360, 640), dtype=np.float32)
    seen[100:200, 300:380] = 0.9
    seen[300:310, 500:510] = 0.9
    seen[20:100, 20:100] = SeenSettings().least - 0.05
    (inside,) = seen_regions(seen)
    assert inside.center_px == pytest.approx((340.0, 150.0), abs=5.0)
    assert inside.angle_rad == 0.0
    assert seen_regions(np.zeros((48, 64), dtype=np.float32)) == []
