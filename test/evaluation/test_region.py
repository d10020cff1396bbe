"""Figures of region tracking: what is counted, and the command on a few frames."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.cli import main
from hoi_perception.evaluation.region import RegionReport, RegionTrial, as_json, as_markdown
from hoi_perception.evaluation.region_depth import Sensor
from hoi_perception.evaluation.region_frames import LOCKED_PX, SETTINGS, FrameResult, outlines_apart_px, run_trial
from hoi_perception.evaluation.region_scenes import Body, Steel, covered_by_blobs
from hoi_perception.evaluation.region_sequences import HandError, SequenceResult
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library


def sequence(lateral_m: float, lost_at: tuple[int, ...]) -> SequenceResult:
    """Of ten frames."""
    values = np.full(10, lateral_m)
    flags = (("roll",),) * 5 + ((),) * 5
    return SequenceResult("bar", values, values, values, values, values, np.ones(10), values, lost_at, (), flags)


def test_figures_count_what_they_say() -> None:
    frames = {"a": [FrameResult("bar", 5.0, LOCKED_PX, 1.0), FrameResult("bar", 5.0, LOCKED_PX + 0.1, 1.0)]}
    report = RegionReport(RegionTrial(2, 2, 11, 0), frames, [sequence(0.001, (3,)), sequence(0.003, ())])
    found = as_json(report)
    assert found["frames"]["a"]["locked"] == 0.5
    assert found["sequences"]["lateral_mm"] == pytest.approx(2.0)
    assert found["sequences"]["lost_per_1000"] == pytest.approx(50.0)
    assert found["sequences"]["unobserved"]["roll"] == 0.5
    assert found["each"][1]["lateral_mm"] == pytest.approx(3.0)
    assert "| bar, clutter | 3.00 |" in as_markdown(report)


def test_outlines_of_moved_instrument_are_as_far_apart_as_it_moved() -> None:
    model = ContourModel.of(Library.find().get("cube"))
    camera = camera_from_fov(320, 240, 55.0)
    state = InstrumentState(np.eye(3)[None], np.array([[0.0, 0.0, 0.3]]), np.zeros((1, 0)))
    moved = InstrumentState(state.R, state.t + [[0.0, 0.3 / camera.focal_px * 3.0, 0.0]], state.angles)
    assert outlines_apart_px(model, state, state, camera) == 0.0
    # two sides of a square are 3 px from each other, the other two lie on one another
    assert outlines_apart_px(model, state, moved, camera) == pytest.approx(1.5, abs=0.3)


def test_blobs_cover_the_share_asked_for() -> None:
    shown = np.zeros((200, 200), dtype=bool)
    shown[90:110] = True
    cover = covered_by_blobs(shown, 0.75, np.random.default_rng(0))
    assert 0.75 <= cover[shown].mean() < 0.95


def test_a_sensor_errs_as_stated() -> None:
    """A plate of 160 x 160 mm at 0.4 m before a table at 0.6 m."""
    camera = camera_from_fov(320, 240, 60.0)
    vertices = 0.08 * np.array([[-1.0, -1.0, 5.0], [1.0, -1.0, 5.0], [1.0, 1.0, 5.0], [-1.0, 1.0, 5.0]])
    plate = Body(vertices, np.array([[0, 1, 2], [0, 2, 3]]), Steel.sampled(np.random.default_rng(0)))
    exact = Sensor(0.0, 0.0, 0.0, 0.0, flying=0.0).measured([plate], 0.6, camera, 0.01, np.random.default_rng(0))
    middle = np.s_[90:150, 130:190]
    np.testing.assert_allclose(exact[middle], 0.404, rtol=1e-6)
    np.testing.assert_allclose(exact[:20], 0.606, rtol=1e-6)
    noisy = Sensor(flying=0.0).measured([plate], 0.6, camera, 0.0, np.random.default_rng(0))
    assert np.nanstd(noisy[middle]) == pytest.approx(0.001 + 0.003 * 0.4**2, rel=0.1)
    assert np.isnan(noisy[middle]).mean() == pytest.approx(1.0 - 0.9 * 0.8, abs=0.06)
    assert np.isnan(noisy[:20]).mean() == pytest.approx(0.1, abs=0.02)
    flying = Sensor(0.0, 0.0, 0.0, 0.0).measured([plate], 0.6, camera, 0.0, np.random.default_rng(0))
    between = (flying > 0.401) & (flying < 0.599)
    assert between.sum() > 200 and not between[middle].any() and not between[:20].any()


def test_bias_of_a_hand_is_as_large_as_stated() -> None:
    error = HandError(place_noise=0.0, turn_noise=0.0)
    shifts, turns = error.drawn(5, np.random.default_rng(3))
    np.testing.assert_allclose(np.hypot(shifts[:, 0], shifts[:, 1]), error.lateral)
    np.testing.assert_allclose(np.abs(shifts[:, 2]), error.depth)
    np.testing.assert_allclose(np.linalg.norm(turns, axis=1), error.turn)


def test_trial_depends_on_its_seed_alone() -> None:
    first = run_trial(SETTINGS[0], "bone_curette", 4)
    assert run_trial(SETTINGS[0], "bone_curette", 4) == first
    assert run_trial(SETTINGS[0], "bone_curette", 5) != first
    assert first.locked


def test_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "region.json"
    assert main(["evaluate", "region", "--smoke", "--depth", "--json", str(out), "--jobs", "1"]) == 0
    values = json.loads(out.read_text())
    assert values["depth"] is True
    assert set(values["frames"]) == {setting.name for setting in SETTINGS}
    assert values["sequences"]["frames"] == values["frames_each"] - 1
    assert "| drape, within 20 px |" in capsys.readouterr().out
    assert main(["evaluate", "region", "--starts", "0"]) == 2
