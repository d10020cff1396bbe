"""Motions: known profiles, bands and speeds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.synthesis import smooth_motion, working_motion
from hoi_perception.synthesis.grasp_truth import FRAME_RATE_HZ
from hoi_perception.synthesis.working_motion import Work
from hoi_perception.transforms import rotation_from_axis_angle

FRAMES = 600


def _speeds(work: Work) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(np.diff(work.shift, axis=0), axis=1) * FRAME_RATE_HZ)


def test_a_reach_has_the_minimum_jerk_profile() -> None:
    share = np.linspace(0.0, 1.0, 1001)
    reached = smooth_motion.minimum_jerk(share)
    assert reached[0] == 0.0
    assert reached[-1] == 1.0
    assert reached[500] == pytest.approx(0.5)
    assert np.diff(reached).max() * 1000 == pytest.approx(15.0 / 8.0, rel=1e-4)


def test_a_reach_takes_as_long_as_its_peak_speed_says() -> None:
    frames = smooth_motion.reach_frames(0.2, 0.3)
    path = smooth_motion.through(frames + 1, [0.0, frames], np.array([[0.0], [0.2]]))[:, 0]
    assert path[-1] == pytest.approx(0.2)
    assert np.diff(path).max() * FRAME_RATE_HZ == pytest.approx(0.3, rel=0.03)


def test_turns_pass_through_their_stops() -> None:
    stops = np.asarray(rotation_from_axis_angle(np.array([[0.0, 0, 0], [0, 0, 1.0], [0.5, 0, 1.0]])), dtype=np.float64)
    turned = smooth_motion.turned_through(40, [5.0, 15.0, 30.0], stops)
    assert np.allclose(turned[:6], stops[0])
    assert np.allclose(turned[15], stops[1])
    assert np.allclose(turned[30:], stops[2])
    half = np.asarray(rotation_from_axis_angle(np.array([0.0, 0.0, 0.5])))
    assert np.allclose(turned[10], half)


def test_tremor_has_the_published_size_and_band() -> None:
    for seed in range(6):
        shifts, _ = smooth_motion.tremor(FRAMES, np.random.default_rng(seed))
        rms = np.sqrt((shifts**2).sum(axis=1).mean())
        assert 0.6 * smooth_motion.TREMOR_RMS_M[0] < rms < 1.4 * smooth_motion.TREMOR_RMS_M[1]
        power = (np.abs(np.fft.rfft(shifts * np.hanning(FRAMES)[:, None], axis=0)) ** 2).sum(axis=1)
        hz = np.fft.rfftfreq(FRAMES, 1.0 / FRAME_RATE_HZ)
        assert power[(hz > 7.5) & (hz < 12.5)].sum() > 0.98 * power.sum()


def test_voluntary_motion_lies_below_two_hertz() -> None:
    shifts = smooth_motion.wandering(FRAMES, 0.001, np.random.default_rng(1))
    power = (np.abs(np.fft.rfft(shifts * np.hanning(FRAMES)[:, None], axis=0)) ** 2).sum(axis=1)
    hz = np.fft.rfftfreq(FRAMES, 1.0 / FRAME_RATE_HZ)
    assert power[hz < smooth_motion.VOLUNTARY_HZ].sum() > 0.98 * power.sum()


def test_cuts_have_the_stated_length_and_speed() -> None:
    for seed in range(4):
        work = working_motion.cutting(FRAMES, np.random.default_rng(seed))
        cuts = work.shift[:, 2] < -0.0009
        along = np.diff(work.shift[:, 0]) * FRAME_RATE_HZ
        in_cut = cuts[1:] & cuts[:-1]
        assert in_cut.any()
        assert (along[in_cut] < 1e-9).all()
        assert -along[in_cut].min() < 15.0 / 8.0 * working_motion.CUT_M_S[1] * 1.01
        assert working_motion.CUT_M[0] * 0.99 < np.ptp(work.shift[:, 0]) < working_motion.CUT_M[1] * 1.01


def test_needles_are_driven_by_rolling_the_tool() -> None:
    for seed in range(4):
        work = working_motion.suturing(FRAMES, np.random.default_rng(seed))
        assert working_motion.ARC_RAD[0] * 0.99 < np.ptp(work.roll) < working_motion.ARC_RAD[1] * 1.01
        low = (work.shift[1:, 2] < 0.02) & (np.diff(work.roll) > 0.0)
        rate = np.diff(work.roll)[low] * FRAME_RATE_HZ
        assert 0.9 * working_motion.ARC_RAD_S[0] < rate.max() < 1.05 * working_motion.ARC_RAD_S[1]
        assert work.shift[:, 2].min() > -1e-9
        assert work.jaw.min() == pytest.approx(0.0, abs=1e-9)
        assert work.jaw.max() == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["cutting", "suturing", "grasping", "snipping", "scraping", "holding"])
def test_work_is_smooth(name: str) -> None:
    for seed in range(4):
        work = getattr(working_motion, name)(FRAMES, np.random.default_rng(seed))
        assert _speeds(work).max() < 0.45
        assert np.abs(np.diff(work.shift, 2, axis=0)).max() < 0.005
        assert np.abs(np.diff(work.jaw)).max() < 0.4
        assert np.ptp(work.shift, axis=0).max() > 0.001
