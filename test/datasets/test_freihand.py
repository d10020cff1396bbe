"""FreiHAND: facts of lmb-freiburg/freihand (`fh_utils.py`, `mano_utils.py`, `model.py`) on a generated sample."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hand_examples import example_pose, example_shape, hand, joints21_of, openpose, problems, samples, write_picture

from hoi_perception.camera import project
from hoi_perception.datasets.errors import DatasetError, ReadError
from hoi_perception.datasets.freihand import FreiHand

K = [[480.0, 0.0, 112.0], [0.0, 480.0, 110.0], [0.0, 0.0, 1.0]]
ROOT_PLACE = np.array([0.02, -0.03, 0.6])
TIPS = (744, 320, 443, 555, 672)  # mano_utils.kpId2vertices


def build(root: Path, count: int = 3, split: str = "evaluation") -> tuple[np.ndarray, np.ndarray]:
    """As `model.pose_by_root` does it: joint 9 of the regressed 21 (middle knuckle) is brought to its place."""
    posed = hand().with_shape(example_shape()).with_pose(example_pose())
    regressed = hand().joint_regressor @ posed.vertices
    moved = ROOT_PLACE - regressed[4]
    vertices, joints16 = posed.vertices + moved, regressed + moved
    xyz = openpose(joints21_of(vertices, joints16, TIPS))
    scale = 480.0 / ROOT_PLACE[2]
    uv = ROOT_PLACE[:2] * scale + [112.0, 110.0]
    relative = (example_pose()[1:].reshape(45) - hand().pose_mean).tolist()
    theta = [*example_pose()[0].tolist(), *relative, *example_shape().tolist(), *uv.tolist(), scale]
    parts = {"K": K, "xyz": xyz.tolist(), "verts": vertices.tolist(), "mano": [theta], "scale": 0.03}
    for name, value in parts.items():
        (root / f"{split}_{name}.json").write_text(json.dumps([value] * count))
    for index in range(count):
        write_picture(root / split / "rgb" / f"{index:08d}.jpg", (224, 224))
    return xyz, vertices


def test_a_sample(tmp_path: Path) -> None:
    xyz, vertices = build(tmp_path)
    reader = FreiHand(tmp_path)
    assert reader.split == "evaluation" and reader.has_truth
    first = samples(reader)[0]
    assert first.picture.read().shape == (224, 224, 3)
    np.testing.assert_array_equal(first.camera.K, K)
    (truth,) = first.hands
    assert truth.joints_camera is not None and truth.vertices_camera is not None and truth.mano is not None
    np.testing.assert_allclose(truth.joints_camera, xyz)
    np.testing.assert_allclose(truth.vertices_camera, vertices)
    parameters = truth.mano.parameters(hand())
    np.testing.assert_allclose(hand().posed(parameters).vertices, vertices, atol=1e-7)
    np.testing.assert_allclose(parameters.pose, example_pose(), atol=1e-9)


def test_the_middle_knuckle_projects_to_the_pixel_that_its_numbers_state(tmp_path: Path) -> None:
    build(tmp_path)
    sample = samples(FreiHand(tmp_path))[0]
    assert sample.hands[0].joints_camera is not None
    pixel = project(sample.hands[0].joints_camera[9], sample.camera)
    np.testing.assert_allclose(pixel, [112 + 480 * 0.02 / 0.6, 110 - 480 * 0.03 / 0.6], atol=1e-9)


def test_a_part_of_the_data_set_is_told_and_read(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "evaluation" / "rgb" / "00000001.jpg").unlink()
    mano = tmp_path / "evaluation_mano.json"
    mano.write_text(mano.read_text()[:-40])
    (tmp_path / "evaluation_verts.json").write_text(json.dumps([]))
    reader = FreiHand(tmp_path)
    told = {Path(p.path).name: p.reason for p in reader.problems}
    assert "holds 3 samples, published are 3960" in told["evaluation_K.json"]
    assert "damaged" in told["evaluation_mano.json"]
    assert "holds 0 samples beside 3 cameras" in told["evaluation_verts.json"]
    found = samples(reader)
    assert [s.frame for s in found] == [0, 1, 2] and found[0].hands[0].mano is None
    with pytest.raises(ReadError, match=r"00000001\.jpg: no such image"):
        found[1].picture.read()


def test_a_damaged_sample_costs_only_itself(tmp_path: Path) -> None:
    build(tmp_path)
    path = tmp_path / "evaluation_xyz.json"
    content = json.loads(path.read_text())
    content[1] = content[1][:-1]
    path.write_text(json.dumps(content))
    reader = FreiHand(tmp_path)
    assert [s.frame for s in samples(reader)] == [0, 2]
    assert "joints of sample 1 has not the shape (21, 3)" in problems(reader)[0].reason


def test_hidden_truth_and_what_is_missing(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "evaluation_xyz.json").unlink()
    reader = FreiHand(tmp_path)
    assert not reader.has_truth and samples(reader)[0].hands[0].joints_camera is None
    with pytest.raises(DatasetError, match=r"training_K\.json, training/rgb missing: get FreiHAND v2 .*no commercial"):
        FreiHand(tmp_path, "training")
    with pytest.raises(DatasetError, match="no split test: give one of evaluation, training"):
        FreiHand(tmp_path, "test")
    with pytest.raises(DatasetError, match="no such folder: get FreiHAND v2"):
        FreiHand(tmp_path / "nowhere")


def test_long_splits_are_read_in_runs(tmp_path: Path) -> None:
    build(tmp_path, count=101)
    reader = FreiHand(tmp_path)
    assert reader.sequences() == ["00000000-00000099", "00000100-00000100"]
    assert len(samples(reader)) == 101
