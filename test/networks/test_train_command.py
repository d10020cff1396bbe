"""`hoi-perception train`: bad settings are told, and what is written can be run."""

from __future__ import annotations

from pathlib import Path

import jaxtyping
import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.evaluation import refinement
from hoi_perception.io.input_error import InputError
from hoi_perception.networks.lifter import Lifter
from hoi_perception.networks.weights import read_weights
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.train_command import Train
from hoi_perception.types import HandParameters, HandRegion, Side

torch = pytest.importorskip("torch")
FLAT = GraspTruth(
    "scalpel_10",
    Side.RIGHT,
    HandParameters(np.zeros((16, 3)), np.zeros(10), np.array([0.0, 0.0, 0.5])),
    np.eye(3),
    np.array([0.0, 0.0, 0.5]),
    np.zeros(0),
    camera_from_fov(64, 48, 55.0),
)


@pytest.mark.parametrize("flag", ["steps", "pool", "threads"])
def test_numbers_below_one_are_refused(flag: str) -> None:
    with pytest.raises(InputError, match=rf"--{flag} 0: give 1 or more"):
        Train("parser", **{flag: 0}).execute()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told() -> None:
    with pytest.raises(InputError, match="use --device cpu"):
        Train("lifting", device="cuda").execute()


def test_a_short_lifting_run_writes_weights_that_lift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refinement, "truth_grasps", lambda _: ([FLAT], 1))
    assert Train("lifting", out=tmp_path, steps=1, threads=1).execute() == 0
    joints, _ = Lifter(tmp_path / "lifting.safetensors").forward(np.zeros((1, 21, 6), dtype=np.float32))
    assert np.isfinite(joints).all()
    assert "steps=1" in read_weights(tmp_path / "lifting.safetensors", "lifting", 1).told["run"]
    assert {p.name for p in tmp_path.iterdir()} >= {"checkpoint.pt", "history.csv", "losses.png"}


def test_a_short_run_on_pictures_writes_a_network_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hoi_perception.networks.litert_network import LitertNetwork

    monkeypatch.setattr(refinement, "truth_grasps", lambda _: ([], 0))
    jaxtyping.config.update("jaxtyping_disable", True)  # the network is traced with what is no tensor
    try:
        assert Train("proposals", out=tmp_path, steps=1, pool=4, threads=1).execute() == 0
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
    network = LitertNetwork("proposals", tmp_path / "proposals.safetensors")
    fine, wide = np.zeros((1, 24, 24, 256), dtype=np.float32), np.zeros((1, 12, 12, 256), dtype=np.float32)
    assert network.run(fine, wide).shape == (24, 24, 8)


def test_a_short_run_on_hands_writes_a_network_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hoi_perception.networks.own_landmarks import OwnLandmarks

    monkeypatch.setattr(refinement, "truth_grasps", lambda _: ([], 0))
    jaxtyping.config.update("jaxtyping_disable", True)  # the network is traced with what is no tensor
    try:
        assert Train("landmarks", out=tmp_path, steps=1, pool=8, threads=1).execute() == 0
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
    found = OwnLandmarks(tmp_path / "landmarks.safetensors").run(
        np.zeros((480, 640, 3), dtype=np.uint8), HandRegion((320.0, 240.0), 200.0, 0.0)
    )
    assert np.isfinite(found.points_px).all() and 0.0 <= found.presence <= 1.0
