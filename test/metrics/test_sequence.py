from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.metrics.sequence import accel_mm_s2, jitter_mm


def test_jitter_of_a_known_zigzag() -> None:
    zigzag = np.zeros((5, 2, 3))
    zigzag[1::2, :, 0] = 0.001
    assert jitter_mm(zigzag) == pytest.approx(2.0)
    steady = np.arange(5.0)[:, None, None] * np.ones((1, 2, 3))
    assert jitter_mm(steady) == pytest.approx(0.0)
    assert np.isnan(jitter_mm(zigzag[:2]))


def test_acceleration_of_free_fall() -> None:
    """A hand that falls by 9.81 m/s² against one that moves evenly: 9810 mm/s² at any rate."""
    for fps in (30.0, 120.0):
        t = np.arange(8)[:, None, None] / fps
        falling = t**2 * np.array([0.0, 0.5 * 9.81, 0.0]) * np.ones((1, 21, 1))
        steady = t * np.array([0.3, 0.0, 0.1]) * np.ones((1, 21, 1))
        assert accel_mm_s2(falling, steady, fps) == pytest.approx(9810.0)
        assert accel_mm_s2(falling + steady, falling, fps) == pytest.approx(0.0, abs=1e-6)
    assert np.isnan(accel_mm_s2(falling[:2], steady[:2], 30.0))


def test_acceleration_is_a_mean_over_joints_and_frames() -> None:
    """Joint 0 of two has a single step of 1 mm in frame 2 of 4: second differences 1 and -2 mm, at 10 Hz."""
    predicted = np.zeros((4, 2, 3))
    predicted[2, 0, 1] = 0.001
    assert accel_mm_s2(predicted, np.zeros((4, 2, 3)), 10.0) == pytest.approx((1.0 + 2.0) / 4 * 100.0)
