"""Figures of estimates that are off by a known amount, lags, intervals, and the table."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("manifold3d")

from hoi_perception.cli import main
from hoi_perception.evaluation.figures import Judge, as_estimate, lag_frames
from hoi_perception.evaluation.methods import ADAM, OURS, PLAIN
from hoi_perception.evaluation.refinement import Outcome, Trial, evaluate
from hoi_perception.evaluation.refiner import Refiner
from hoi_perception.evaluation.start import Start
from hoi_perception.evaluation.statistics import mean_and_interval
from hoi_perception.evaluation.table import as_json, as_markdown
from hoi_perception.instruments.library import Library
from hoi_perception.synthesis.grasp_sampler import sample_grasps
from hoi_perception.synthesis.grasp_truth import GraspTruth


@pytest.fixture(scope="module")
def grasp() -> GraspTruth:
    return sample_grasps(1, seed=0, instruments=("cube",)).grasps[0]


@pytest.fixture(scope="module")
def judge(grasp: GraspTruth) -> Judge:
    return Judge.of(Library.find().get("cube"), grasp.side)


def test_truth_has_no_error_and_no_penetration(judge: Judge, grasp: GraspTruth) -> None:
    figures = judge.frame_figures(as_estimate(grasp), grasp)
    for key in ("mpjpe_mm", "mpjpe_xyz_mm", "pve_mm", "rot_deg", "trans_mm", "proximity_mm"):
        assert figures[key] == pytest.approx(0.0, abs=1e-4)
    assert figures["iv_exact_cm3"] < 0.005
    assert figures["contact_f1"] == 1.0


def test_a_hand_that_is_three_millimetres_off(judge: Judge, grasp: GraspTruth) -> None:
    moved = replace(grasp.hand, wrist_camera=grasp.hand.wrist_camera + [0.003, 0.0, 0.0])
    figures = judge.frame_figures(replace(as_estimate(grasp), hand=moved), grasp)
    assert figures["mpjpe_mm"] == pytest.approx(0.0, abs=1e-6)
    assert figures["mpjpe_xyz_mm"] == pytest.approx(3.0, abs=1e-6)
    assert figures["trans_mm"] == 0.0
    assert 0.0 < figures["proximity_mm"] <= 3.01


def test_motion_figures_of_a_still_and_a_jumping_instrument(judge: Judge, grasp: GraspTruth) -> None:
    """The instrument goes to and fro by 2 mm before a still hand: |Δ|² is 4 mm² for each pair of frames."""
    truths = [grasp] * 8
    still = judge.sequence_figures([as_estimate(grasp)] * 8, truths)
    assert still["ho_motion_mm2"] == pytest.approx(0.0, abs=1e-9)
    shifted = replace(as_estimate(grasp), t_camera_instrument=grasp.t_camera_instrument + [0.002, 0.0, 0.0])
    jumping = judge.sequence_figures([as_estimate(grasp), shifted] * 4, truths)
    assert jumping["ho_motion_mm2"] == pytest.approx(4.0, abs=1e-6)


@pytest.mark.parametrize("late", [-2, 0, 3])
def test_lag_is_found(late: int) -> None:
    time = np.arange(80)
    path = np.stack([np.sin(0.21 * time), np.sin(0.13 * time + 1.0), 0.2 * np.cos(0.3 * time)], axis=1)
    assert lag_frames(path[20 - late : 60 - late], path[20:60]) == late


def test_lag_of_a_path_that_stands_still_is_not_known() -> None:
    path = np.sin(np.arange(40.0))[:, None] * [1.0, 0.0, 0.0]
    assert np.isnan(lag_frames(np.zeros((40, 3)), path))


def test_lag_of_a_path_that_has_nothing_of_the_truth_is_not_known() -> None:
    path = np.sin(0.2 * np.arange(60.0))[:, None] * [1.0, 0.5, 0.0]
    noise = np.random.default_rng(3).normal(0.0, 1.0, path.shape)
    assert np.isnan(lag_frames(noise, path))
    assert lag_frames(path + 0.2 * noise, path) == 0


def test_interval_of_the_mean_covers_it_and_shrinks() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(60):
        mean, low, high = mean_and_interval(rng.normal(2.0, 1.0, 100), seed)
        assert low < mean < high
        covered += low < 2.0 < high
    assert covered >= 50  # 95 % of 60 are 57, fewer than 50 once in 10 000 runs
    _, low, high = mean_and_interval(rng.normal(2.0, 1.0, 10000))
    assert high - low == pytest.approx(2 * 1.96 * 0.01, rel=0.15)
    assert mean_and_interval(np.array([1.0, np.nan, 1.0])) == (1.0, 1.0, 1.0)


def test_the_command_writes_rows_and_prints_a_table(
    tmp_path: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    def none() -> dict[str, type[Refiner]]:
        return {}

    monkeypatch.setattr("hoi_perception.evaluation.methods.methods", none)
    out = Path(str(tmp_path)) / "figures.json"
    flags = ["--grasps", "2", "--sequences", "1", "--frames", "9", "--jobs", "1", "--instruments", "cube"]
    assert main(["evaluate", "refinement", "--json", str(out), *flags]) == 0
    values = json.loads(out.read_text())
    rows = {row["row"]: row for row in values["rows"]}
    assert list(rows) == ["truth", "start"]
    assert rows["truth"]["mpjpe_xyz_mm"] == pytest.approx(0.0, abs=1e-6)
    assert rows["truth"]["ho_motion_excess_mm2"] == 0.0
    # The start is off by 10 mm about the middle of the cube, which is where its base link is, and wanders by 1.5 mm.
    assert rows["start"]["trans_mm"] == pytest.approx(10.0, abs=6.0)
    assert rows["start"]["mpjpe_xyz_mm"] > 1.0
    assert values["made_by"] == {"closing": 2}
    assert "| `mpjpe_mm` |" in capsys.readouterr().out


def test_the_command_refuses_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "refinement", "--grasps", "0"]) == 2
    assert "--grasps 0" in capsys.readouterr().err


def test_what_upsampling_changes_is_told_grasp_by_grasp() -> None:
    rows = {PLAIN: (4.0, 9.0, 5.0), OURS: (3.0, 7.0, 5.0)}
    grasps = {name: [{"mpjpe_mm": value} for value in values] for name, values in rows.items()}
    moving = {PLAIN: [{"ho_motion_mm2": 2.0}], OURS: [{"ho_motion_mm2": 0.5}]}
    values = as_json(Outcome(grasps, moving, {"closing": 3}, 3), Trial(3, 1, 2, 0))
    assert values["upsampling"]["mpjpe_mm"]["mean"] == pytest.approx(-1.0)
    low, high = values["upsampling"]["mpjpe_mm"]["interval95"]
    assert -2.0 <= low < -1.0 < high <= 0.0
    assert values["upsampling"]["ho_motion_mm2"]["mean"] == pytest.approx(-1.5)
    assert "| `ho_motion_mm2` | -1.5 [-1.5, -1.5] |" in as_markdown(values)


def test_adam_takes_a_part_of_the_grasps_alone() -> None:
    outcome = evaluate(Trial(2, 1, 2, 3, ("cube",)), {ADAM: Start, PLAIN: Start})
    assert outcome.grasps[ADAM][0]["mpjpe_mm"] == outcome.grasps[PLAIN][0]["mpjpe_mm"]
    assert (outcome.grasps[ADAM][1], outcome.grasps[PLAIN][1] != {}) == ({}, True)
    rows = {row["row"]: row for row in as_json(outcome, Trial(2, 1, 2, 3))["rows"]}
    assert rows[ADAM]["mpjpe_mm"] == pytest.approx(outcome.grasps[PLAIN][0]["mpjpe_mm"])
