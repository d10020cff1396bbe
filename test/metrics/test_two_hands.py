from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.metrics.two_hands import mrrpe_mm


def test_place_of_the_left_wrist_relative_to_the_right() -> None:
    """Both hands shifted alike is no error; in the second frame the left one is off by (0, 3, 4) mm."""
    left, right = np.full((2, 3), 0.2), np.zeros((2, 3))
    predicted_left, predicted_right = left + 0.7, right + 0.7
    predicted_left[1] += [0.0, 0.003, 0.004]
    assert mrrpe_mm(predicted_left, predicted_right, left, right) == pytest.approx(2.5)


def test_only_frames_with_both_hands_count() -> None:
    left, right = np.full((3, 3), 0.2), np.zeros((3, 3))
    predicted = left + [0.002, 0.0, 0.0]
    predicted[1] = np.nan
    gone = right.copy()
    gone[2] = np.nan
    assert mrrpe_mm(predicted, right, left, gone) == pytest.approx(2.0)
    assert np.isnan(mrrpe_mm(predicted[1:2], right[1:2], left[1:2], right[1:2]))
