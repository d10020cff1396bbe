"""InterHand2.6M: facts of facebookresearch/InterHand2.6M (`dataset.py`, `convert.py`) on generated annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_examples import example_pose, example_shape, hand, problems, samples, write_picture

from hoi_perception.camera import project
from hoi_perception.datasets.errors import DatasetError
from hoi_perception.datasets.interhand import InterHand
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

R = rotation_from_axis_angle(np.array([0.3, -0.2, 1.0]))
CAMPOS_MM = np.array([120.0, -340.0, -900.0])
FOCAL, PRINCPT = [1200.0, 1210.0], [256.0, 167.0]
WORLD_MM = np.random.default_rng(5).normal(scale=40.0, size=(42, 3)) + CAMPOS_MM + R.T @ [0.0, 0.0, 900.0]
TRANS = (CAMPOS_MM + R.T @ [10.0, 20.0, 900.0]) / 1000.0


def build(root: Path, valid: list[int] | None = None) -> None:
    name = "Capture0/ROM04_RT_Occlusion/cam400262"
    images = [
        {
            "id": i,
            "file_name": f"{name}/image{frame}.jpg",
            "width": 512,
            "height": 334,
            "capture": 0,
            "subject": 0,
            "seq_name": "ROM04_RT_Occlusion",
            "camera": "400262",
            "frame_idx": frame,
        }
        for i, frame in enumerate((35209, 35200))
    ]
    flags = [[1]] * 42 if valid is None else [[v] for v in valid]
    annotations = [
        {
            "id": i,
            "image_id": i,
            "bbox": [0, 0, 9, 9],
            "joint_valid": flags,
            "hand_type": "interacting",
            "hand_type_valid": 1,
        }
        for i in range(2)
    ]
    pose = np.concatenate([example_pose()[0], example_pose()[1:].reshape(45) - hand().pose_mean])
    fit = {"pose": pose.tolist(), "shape": example_shape().tolist(), "trans": TRANS.tolist()}
    parts: dict[str, Any] = {
        "data": {"images": images, "annotations": annotations},
        "camera": {
            "0": {
                "campos": {"400262": CAMPOS_MM.tolist()},
                "camrot": {"400262": R.tolist()},
                "focal": {"400262": FOCAL},
                "princpt": {"400262": PRINCPT},
            }
        },
        "joint_3d": {"0": {str(f): {"world_coord": WORLD_MM.tolist(), "joint_valid": flags} for f in (35200, 35209)}},
        "MANO_NeuralAnnot": {"0": {str(f): {"right": fit, "left": None} for f in (35200, 35209)}},
    }
    folder = root / "annotations" / "test"
    folder.mkdir(parents=True)
    for kind, content in parts.items():
        (folder / f"InterHand2.6M_test_{kind}.json").write_text(json.dumps(content))
    for image in images:
        write_picture(root / "images/test" / str(image["file_name"]), (512, 334))


def test_joints_in_the_camera_and_in_our_order(tmp_path: Path) -> None:
    build(tmp_path)
    reader = InterHand(tmp_path)
    assert reader.sequences() == ["Capture0/ROM04_RT_Occlusion/cam400262"]
    first, second = samples(reader)
    assert (first.frame, second.frame) == (35200, 35209)
    camera_mm = np.array([R @ (p - CAMPOS_MM) for p in WORLD_MM])
    right, left = first.hands
    assert (right.side, left.side) == (Side.RIGHT, Side.LEFT)
    assert right.joints_camera is not None and left.joints_camera is not None and right.joints_valid is None
    np.testing.assert_allclose(right.joints_camera[0], camera_mm[20] / 1000)  # wrist
    np.testing.assert_allclose(right.joints_camera[4], camera_mm[0] / 1000)  # thumb4, the tip
    np.testing.assert_allclose(right.joints_camera[5], camera_mm[7] / 1000)  # index1
    np.testing.assert_allclose(left.joints_camera[20], camera_mm[21 + 16] / 1000)  # pinky4
    pixels = project(right.joints_camera, first.camera)
    theirs = camera_mm[20, :2] / camera_mm[20, 2] * FOCAL + PRINCPT  # cam2pixel
    np.testing.assert_allclose(pixels[0], theirs)
    assert first.picture.read().shape == (334, 512, 3)


def test_mano_fits_go_from_the_world_to_the_camera(tmp_path: Path) -> None:
    """First method of convert.py: pose in the world with trans (metres), then R x + t with t = -R campos."""
    build(tmp_path)
    truth = samples(InterHand(tmp_path))[0].hands[0]
    assert truth.mano is not None
    world = hand().with_shape(example_shape()).with_pose(example_pose(), TRANS).vertices
    expected = world @ R.T - R @ CAMPOS_MM / 1000.0
    np.testing.assert_allclose(hand().posed(truth.mano.parameters(hand())).vertices, expected, atol=1e-7)


def test_joints_that_were_not_measured(tmp_path: Path) -> None:
    """Where the root is not valid no joint of the hand is."""
    valid = [1] * 42
    valid[3] = 0  # right thumb1
    valid[41] = 0  # left wrist
    build(tmp_path, valid)
    (right,) = samples(InterHand(tmp_path))[0].hands
    assert right.side is Side.RIGHT and right.joints_valid is not None
    assert np.flatnonzero(~right.joints_valid).tolist() == [1]


def test_bad_entries(tmp_path: Path) -> None:
    build(tmp_path)
    folder = tmp_path / "annotations/test"
    data = json.loads((folder / "InterHand2.6M_test_data.json").read_text())
    data["annotations"] += [data["annotations"][0], {"id": 9, "image_id": 77}]
    (folder / "InterHand2.6M_test_data.json").write_text(json.dumps(data))
    joints = json.loads((folder / "InterHand2.6M_test_joint_3d.json").read_text())
    del joints["0"]["35209"]
    (folder / "InterHand2.6M_test_joint_3d.json").write_text(json.dumps(joints))
    (folder / "InterHand2.6M_test_MANO_NeuralAnnot.json").write_text("{")
    reader = InterHand(tmp_path)
    told = " | ".join(p.reason for p in reader.problems)
    assert "image35209.jpg twice, read once" in told and "image 77, which is not listed" in told and "damaged" in told
    assert [s.frame for s in samples(reader)] == [35200]
    assert "no field 35209" in problems(reader)[0].reason
    (folder / "InterHand2.6M_test_camera.json").unlink()
    with pytest.raises(DatasetError, match=r"InterHand2\.6M_test_camera\.json missing: get InterHand2\.6M.*CC BY-NC"):
        InterHand(tmp_path)
