"""Figures of a run, computed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from example_scenes import example_hand, example_landmarks, example_scene

from hoi_perception.metrics.run_summary import RunStatistics, RunSummary, Sample
from hoi_perception.metrics.sequence import jitter_mm
from hoi_perception.types import Hand, ScaleSource, Scene, Side, TrackState


def summed_up(*scenes: Scene, seconds: float = 1.0) -> RunSummary:
    statistics = RunStatistics()
    for scene in scenes:
        statistics.add(scene)
    return statistics.summary(seconds)


def moved(hand: Hand, joint: int, x_mm: float, **changes: object) -> Hand:
    """The hand with one joint moved along x."""
    joints = hand.joints_camera.copy()
    joints[joint, 0] += x_mm / 1000.0
    return replace(hand, joints_camera=joints, **changes)


def test_counts() -> None:
    """Of five hands in four scenes two count: TRACKED with a presence of 0.5."""
    faint = replace(example_landmarks(), presence=0.49)
    just = replace(example_landmarks(), presence=0.5)
    summary = summed_up(
        example_scene(example_hand(track_id=1), births=1),
        example_scene(example_hand(track_id=2, landmarks=just), example_hand(Side.LEFT, 3, landmarks=faint), births=2),
        example_scene(example_hand(track_id=4, state=TrackState.PREDICTED)),
        example_scene(example_hand(track_id=5, landmarks=None)),
        seconds=0.5,
    )
    assert (summary.frames, summary.hands_per_frame, summary.tracks, summary.births) == (4, 0.5, 2, 3)
    assert summary.fps == 8.0


def test_residuals_are_medians_over_counted_hands_and_shares_of_the_box() -> None:
    """The box of the example's landmarks is 40 x 20 px."""
    figures = [(0.4, 0.8, 0.0), (2.0, 4.0, 3.0), (1.2, np.nan, 7.0)]
    scenes = [
        example_scene(example_hand(residual_px=r, heldout_residual_px=h, limit_violation_deg=v)) for r, h, v in figures
    ]
    predicted = example_hand(state=TrackState.PREDICTED, residual_px=99.0, limit_violation_deg=99.0)
    summary = summed_up(*scenes, example_scene(predicted))
    assert summary.landmark_residual_px_median == pytest.approx(1.2)
    assert summary.landmark_residual_rel_median == pytest.approx(1.2 / 40)
    assert summary.heldout_residual_rel_median == pytest.approx((0.8 + 4.0) / 2 / 40)
    assert summary.limit_violations_deg == 7.0
    assert summary.limit_violations_deg_p95 == pytest.approx(6.6)


def test_a_sample_is_exact_until_it_is_full() -> None:
    values = np.random.RandomState(0).permutation(1001).astype(float)
    sample = Sample(kept=1001)
    for value in [np.nan, *values, np.inf]:
        sample.add(value)
    assert (sample.percentile(50), sample.percentile(95), sample.largest) == (500.0, 950.0, 1000.0)
    assert Sample().percentile(50) is None and Sample().largest is None


def test_a_full_sample_grows_no_more_and_stands_for_all_values() -> None:
    """0 … 99999 in their order: a choice of 2000 misses a rank by 1.1 % (one sigma); always the same choice."""
    samples = Sample(kept=2000), Sample(kept=2000)
    for sample in samples:
        for value in range(100_000):
            sample.add(float(value))
    sample = samples[0]
    assert len(sample) == 2000
    assert sample.largest == 99_999.0
    assert sample.percentile(50) == pytest.approx(50_000, abs=4_000)
    assert sample.percentile(95) == pytest.approx(95_000, abs=2_000)
    assert sample.percentile(50) == samples[1].percentile(50)


def test_largest_step_is_root_aligned_per_side_and_across_tracks() -> None:
    hand = example_hand(Side.RIGHT, 1)
    shifted = replace(hand, joints_camera=hand.joints_camera + np.array([0.5, 0.0, 0.0]))  # the root takes it along
    summary = summed_up(
        example_scene(hand),
        example_scene(shifted),
        example_scene(moved(shifted, 8, 30.0, track_id=2)),
        example_scene(),
        example_scene(moved(hand, 8, -500.0)),  # not consecutive: no step
    )
    assert summary.max_joint_step_mm["right"] == pytest.approx(30.0)
    assert summary.max_joint_step_mm["left"] is None


def test_of_two_hands_of_a_side_the_same_track_is_compared() -> None:
    hand = example_hand(Side.LEFT, 1)
    other = moved(hand, 4, 400.0, track_id=2, score=1.0)
    summary = summed_up(example_scene(hand), example_scene(other, moved(hand, 4, 10.0)))
    assert summary.max_joint_step_mm["left"] == pytest.approx(10.0)


def test_jitter_is_the_rms_of_second_differences() -> None:
    """One of 21 joints goes 0, 0, 3, 0 mm: second differences 3 and -6, so the RMS is sqrt((9 + 36) / 42)."""
    hand = example_hand()
    scenes = [example_scene(moved(hand, 7, x)) for x in (0.0, 0.0, 3.0, 0.0)]
    assert summed_up(*scenes).jitter_mm == pytest.approx(np.sqrt(45 / 42))
    assert jitter_mm(np.stack([s.hands[0].joints_camera for s in scenes])) == pytest.approx(np.sqrt(45 / 42))
    assert summed_up(*scenes[:2]).jitter_mm is None


def test_steady_motion_is_no_jitter_and_a_new_track_starts_afresh() -> None:
    hand = example_hand(track_id=1)
    steady = [example_scene(moved(hand, 3, 5.0 * i)) for i in range(4)]
    assert summed_up(*steady).jitter_mm == pytest.approx(0.0, abs=1e-9)
    reborn = [example_scene(moved(hand, 3, 200.0 * i, track_id=2 + i)) for i in range(4)]
    assert summed_up(*steady, *reborn).jitter_mm == pytest.approx(0.0, abs=1e-9)


def test_stages_are_medians() -> None:
    statistics = RunStatistics()
    for detect, read in ((1.0, 5.0), (9.0, 6.0), (2.0, 7.0)):
        statistics.add(example_scene(detect=detect), read=read)
    assert statistics.summary(1.0).stage_ms == {"detect": 2.0, "read": 6.0}


def test_what_metric_figures_rest_on() -> None:
    summary = summed_up(example_scene(example_hand()))
    assert summary.scale_source == "hand_prior"
    assert summary.camera_assumption == "horizontal field of view of 55 deg assumed"
    text = "scale from the average size of hands; horizontal field of view of 55 deg assumed"
    assert summary.assumed == {"max_joint_step_mm": text, "jitter_mm": text}
    calibrated = example_scene(example_hand(scale_source=ScaleSource.STEREO))
    calibrated = replace(calibrated, camera=replace(calibrated.camera, assumed=""))
    assert summed_up(calibrated).assumed == {}


def test_no_hands_at_all() -> None:
    summary = summed_up(example_scene(), example_scene())
    assert (summary.frames, summary.hands_per_frame, summary.tracks) == (2, 0.0, 0)
    assert summary.landmark_residual_px_median is None
    assert summary.limit_violations_deg is None
    assert summary.jitter_mm is None
    assert summary.scale_source == "unknown"
