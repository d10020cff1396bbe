"""Sequences: hand and instrument move as one body, smoothly and at a plausible speed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("manifold3d")

from hoi_perception.synthesis.grasp_sequences import draw_motion, sample_sequences
from hoi_perception.synthesis.grasp_truth import FRAME_RATE_HZ
from hoi_perception.transforms import rotation_from_axis_angle


def test_speeds_are_those_that_are_stated() -> None:
    moved = [draw_motion(600, np.random.default_rng(seed)) for seed in range(20)]
    for motion in moved:
        speed = np.sqrt(((np.diff(motion.shifts, axis=0) * FRAME_RATE_HZ) ** 2).sum(axis=1).mean())
        assert 0.03 < speed < 0.25
        assert np.allclose(motion.shifts[0], 0.0)


def test_the_instrument_stays_where_it_is_in_the_hand() -> None:
    (sequence,) = sample_sequences(1, frames=12, seed=1, instruments=("cube",))
    assert len(sequence.frames) == 12
    held = []
    for frame in sequence.frames:
        R = rotation_from_axis_angle(frame.hand.pose[0])
        held.append(
            np.append(R.T @ (frame.t_camera_instrument - frame.hand.wrist_camera), R.T @ frame.R_camera_instrument)
        )
    assert np.ptp(np.stack(held), axis=0).max() < 1e-9
    wrist = np.stack([frame.hand.wrist_camera for frame in sequence.frames])
    steps = np.linalg.norm(np.diff(wrist, axis=0), axis=1) * FRAME_RATE_HZ
    assert steps.max() > 0.005
    assert steps.max() < 1.0
