"""Errors of the demo against a truth that is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from example_scenes import FakePerception, example_camera, example_hand, example_scene

from hoi_perception.config import Config
from hoi_perception.io import demo
from hoi_perception.io.run import Results, RunOptions, run
from hoi_perception.synthesis.demo_clip import TrueHand
from hoi_perception.types import Hand, Side, TrackState


def truth_of(hand: Hand) -> TrueHand:
    return TrueHand(hand.side, hand.parameters, hand.joints_camera, hand.vertices_camera.astype(np.float64))


def test_a_shift_of_10_mm_is_no_shape_error_but_a_pixel_error() -> None:
    """At 0.6 m and the example's focal length f, 10 mm sideways are about f / 60 px."""
    hand = example_hand(Side.LEFT, 1)
    flat = replace(hand, joints_camera=hand.joints_camera * [1, 1, 0] + [0, 0, 0.6])
    meter = demo.TruthMeter([(truth_of(flat), truth_of(example_hand(Side.RIGHT, 2)))])
    meter.add(example_scene(replace(flat, joints_camera=flat.joints_camera + np.array([0.01, 0.0, 0.0]))))
    errors = meter.means()
    assert errors.found_share == 0.5
    assert errors.pa_mpjpe_mm == pytest.approx(0.0, abs=1e-9)
    assert errors.mpjpe_mm == pytest.approx(0.0, abs=1e-9)
    assert errors.p2d_px == pytest.approx(example_camera().K[0, 0] / 60)


def test_what_is_not_tracked_or_of_the_wrong_side_is_not_found() -> None:
    left = example_hand(Side.LEFT, 1)
    meter = demo.TruthMeter([(truth_of(left),)] * 2)
    meter.add(example_scene(replace(left, state=TrackState.PREDICTED)))
    meter.add(example_scene(example_hand(Side.RIGHT, 2)))
    errors = meter.means()
    assert errors.found_share == 0.0
    assert np.isnan(errors.pa_mpjpe_mm)


@pytest.mark.slow
def test_the_clip_goes_through_the_same_path_as_a_video(tmp_path: Path) -> None:
    def runner(source, config: Config, out: Path, options: RunOptions, on_frame) -> Results:
        assert source.name == str(tmp_path / "clip.webm")
        return run(source, FakePerception(), out, options, on_frame=on_frame)

    errors, results, _ = demo.run_demo(tmp_path, runner, frames=3, video=False)
    assert results.summary.frames == 3
    assert results.summary.camera_assumption == ""
    names = [p.name for p in results.files]
    assert names == ["clip.webm", "clip_camera.yaml", "scene.mcap", "summary.json", "errors.json"]
    assert json.loads((tmp_path / "errors.json").read_text())["found_share"] == errors.found_share == 1.0
