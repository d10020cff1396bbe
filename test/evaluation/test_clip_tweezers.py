"""Figures of two tweezers beside painted dots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hoi_perception.camera_rig import read_rig
from hoi_perception.evaluation.clip_frame import STARTS
from hoi_perception.evaluation.clip_tweezers import CLIP, FITTED, Mark, read_marks, read_positions, report
from hoi_perception.instruments.library import Library
from hoi_perception.types import Instrument, ScaleSource, TrackState

TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def dots(count: int) -> np.ndarray:
    """Both dots on their ways, m."""
    t = np.linspace(0.0, 1.0, count)
    one = np.column_stack([0.01 * t, 0.02 - 0.005 * t, 0.15 + 0.002 * t])
    return np.stack([one, one + [0.002, -0.01, 0.004]], axis=1)


def figure(key: str, places: np.ndarray, reference: np.ndarray) -> float:
    """A figure of a report."""
    return next(f.value for f in report(places, reference).figures if f.key == key)


def test_one_shift_for_both_is_no_error() -> None:
    true = dots(40)
    shifted = true + [0.003, -0.002, 0.001]
    assert figure("marked_mm_median", shifted, true) == pytest.approx(0.0, abs=1e-9)
    assert figure("motion_mm_rms", shifted, true) == pytest.approx(0.0, abs=1e-9)


def test_shift_of_one_counts_in_places_but_not_in_motion() -> None:
    true = dots(40)
    apart = true.copy()
    apart[:, 1, 0] += 0.004
    assert figure("marked_mm_median", apart, true) == pytest.approx(2.0)
    assert figure("motion_mm_rms", apart, true) == pytest.approx(0.0, abs=1e-9)


def test_motion_is_that_since_the_first_pairs() -> None:
    true = dots(40)
    moved = true.copy()
    moved[FITTED:, 0] += [0.0, 0.0003, 0.0004]
    assert figure("motion_mm_rms_right", moved, true) == pytest.approx(0.5)
    assert figure("motion_mm_rms_left", moved, true) == pytest.approx(0.0, abs=1e-9)
    assert figure("motion_mm_rms", moved, true) == pytest.approx(0.5 / np.sqrt(2.0))


def test_what_is_not_told_errs_without_bound() -> None:
    true = dots(40)
    gone = true.copy()
    gone[20, 1] = np.nan
    assert figure("motion_mm_rms", gone, true) == np.inf
    assert figure("told_share_left", gone, true) == pytest.approx(39 / 40)
    assert figure("marked_mm_median", gone, true) == pytest.approx(0.0, abs=1e-9)


def test_mark_moves_with_its_arm() -> None:
    model = Library.find().get("microsurgical_forceps")
    links = [link.name for link in model.links]
    t = np.array([0.01, 0.02, 0.15])
    closed = Instrument(
        "microsurgical_forceps",
        1,
        TrackState.TRACKED,
        1.0,
        TURN,
        t,
        np.eye(6),
        ScaleSource.STEREO,
        ("jaw",),
        np.zeros(1),
    )
    tip = next(frame for frame in model.description.frames if frame.name == "tip_left")
    mark = Mark(links.index("arm_left"), np.array(tip.pose.xyz))
    np.testing.assert_allclose(mark.place(model, closed), t + [0.0, 0.12, 0.0], atol=1e-9)
    assert np.isnan(mark.place(model, None)).all()
    read = read_marks(STARTS / f"{CLIP}_dots.yaml", model)
    assert [links[one.link] for one in read] == ["arm_right", "arm_right"]


def test_positions_come_in_the_optical_frame(tmp_path: Path) -> None:
    path = tmp_path / "positions.csv"
    head = "frame,right_x_cm,right_y_cm,right_z_cm,left_x_cm,left_y_cm,left_z_cm"
    path.write_text(f"{head}\n500,2.6,0.4,14.7,1.9,0.5,15.2\n")
    np.testing.assert_allclose(read_positions(path), [[[0.004, 0.026, 0.147], [0.005, 0.019, 0.152]]])


def test_stated_calibration_puts_a_dot_where_it_is_seen_in_both_images() -> None:
    """The green dot of the first pair, by eye: (169.8, 410.8) and (205, 428.8) px; its place is stated."""
    from hoi_perception.camera import project

    rig = read_rig(STARTS / f"{CLIP}_cameras.yaml")
    place = np.array([0.00390, 0.02669, 0.14679])
    pixels = [project(one.seen(place), one.camera) for one in rig.cameras]
    np.testing.assert_allclose(pixels, [[169.8, 410.8], [205.0, 428.8]], atol=1.5)


def test_both_tweezers_are_followed_for_the_first_pairs(real_data: Path) -> None:
    from hoi_perception.clip_evaluation import ClipRun
    from hoi_perception.evaluation.clip_tweezers import tweezers_stereo

    found = tweezers_stereo(real_data, ClipRun(most_frames=FITTED + 2))
    values = {f.key: f.value for f in found.figures}
    assert values["told_share_right"] == values["told_share_left"] == 1.0
    assert values["marked_mm_median"] < 2.0
