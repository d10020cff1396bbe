"""HO-3D: facts of shreyashampali/ho3d (`vis_HO3D.py`, `vis_utils.py`, `setup_mano.py`) on generated frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hand_examples import (
    example_pose,
    example_shape,
    hand,
    joints21_of,
    openpose,
    problems,
    samples,
    write_pickle,
    write_picture,
)

from hoi_perception.camera import project
from hoi_perception.datasets.errors import DatasetError
from hoi_perception.datasets.ho3d import V2, V3, Ho3d, read_depth

CAMERA = np.array([[614.6, 0.0, 320.3], [0.0, 614.6, 241.5], [0.0, 0.0, 1.0]])
TRANSLATION = np.array([-0.05, 0.02, -0.6])  # OpenGL: in front of the camera z is negative
TIPS = (744, 333, 444, 555, 672)  # setup_mano.py: thumb, index, middle, ring, pinky


def meta(evaluation: bool) -> dict[str, Any]:
    posed = hand().with_shape(example_shape()).with_pose(example_pose(), TRANSLATION)
    joints = joints21_of(posed.vertices, posed.joints16, TIPS)
    content: dict[str, Any] = {
        "handJoints3D": joints[0] if evaluation else joints,
        "camMat": CAMERA,
        "objName": "035_power_drill",
        "objRot": np.array([[0.0], [0.0], [np.pi / 2]]),
        "objTrans": np.array([0.1, 0.2, -0.5]),
        "objLabel": 15,
        "objCorners3DRest": np.zeros((8, 3)),
    }
    if evaluation:
        return content | {"handBoundingBox": [1, 2, 3, 4]}
    return content | {"handPose": example_pose().ravel(), "handTrans": TRANSLATION, "handBeta": example_shape()}


def build(root: Path, split: str = "train", suffix: str = ".png") -> list[str]:
    entries = ["ABF10/0000", "ABF10/0001", "MC1/0005"]
    for entry in entries:
        sequence, frame = entry.split("/")
        write_picture(root / split / sequence / "rgb" / f"{frame}{suffix}", (640, 480))
        write_pickle(root / split / sequence / "meta" / f"{frame}.pkl", meta(split == "evaluation"))
    (root / f"{split}.txt").write_text("\n".join(entries) + "\n")
    return entries


def test_a_training_frame(tmp_path: Path) -> None:
    build(tmp_path)
    reader = Ho3d(V2, tmp_path, "train")
    assert reader.sequences() == ["ABF10", "MC1"]
    first = samples(reader)[0]
    assert (first.sequence, first.frame) == ("ABF10", 0) and first.picture.read().shape == (480, 640, 3)
    (truth,) = first.hands
    posed = hand().with_shape(example_shape()).with_pose(example_pose(), TRANSLATION)
    joints = openpose(joints21_of(posed.vertices, posed.joints16, TIPS)) * [1, -1, -1]
    assert truth.joints_camera is not None and truth.mano is not None
    np.testing.assert_allclose(truth.joints_camera, joints)
    assert (truth.joints_camera[:, 2] > 0.3).all()
    vertices = hand().posed(truth.mano.parameters(hand())).vertices
    np.testing.assert_allclose(vertices, posed.vertices * [1, -1, -1], atol=1e-7)
    completed = truth.completed(hand(), V2.tips)
    np.testing.assert_allclose(completed.vertices_camera, vertices)  # type: ignore[arg-type]


def test_projection_is_that_of_the_scripts(tmp_path: Path) -> None:
    """`project_3D_points`: y and z negated, then the camera matrix."""
    build(tmp_path)
    sample = samples(Ho3d(V2, tmp_path, "train"))[0]
    stated = meta(False)["handJoints3D"]
    theirs = (stated * [1, -1, -1]) @ CAMERA.T
    assert sample.hands[0].joints_camera is not None
    pixels = project(sample.hands[0].joints_camera, sample.camera)
    np.testing.assert_allclose(pixels, openpose(theirs[:, :2] / theirs[:, 2:]), atol=1e-9)


def test_the_object(tmp_path: Path) -> None:
    """A point of the model: R(objRot) p + objTrans, then OpenGL to OpenCV. A quarter turn about z takes x to y."""
    build(tmp_path)
    (thing,) = samples(Ho3d(V2, tmp_path, "train"))[0].objects
    assert thing.name == "035_power_drill" and thing.mesh == "models/035_power_drill/textured_simple.obj"
    np.testing.assert_allclose(thing.R_camera @ [1, 0, 0] + thing.t_camera, [0.1, -1.2, 0.5], atol=1e-12)


def test_the_evaluation_split_with_and_without_its_truth(tmp_path: Path) -> None:
    build(tmp_path, "evaluation")
    hidden = Ho3d(V2, tmp_path)
    assert not hidden.has_truth
    truth = samples(hidden)[0].hands[0]
    assert truth.joints_camera is None and truth.wrist_camera is not None
    np.testing.assert_allclose(truth.wrist_camera, meta(True)["handJoints3D"] * [1, -1, -1])
    xyz, verts = np.random.default_rng(0).normal(size=(3, 21, 3)), np.random.default_rng(1).normal(size=(3, 778, 3))
    (tmp_path / "evaluation_xyz.json").write_text(json.dumps(xyz.tolist()))
    (tmp_path / "evaluation_verts.json").write_text(json.dumps(verts.tolist()))
    public = Ho3d(V2, tmp_path)
    assert public.has_truth
    last = samples(public)[2].hands[0]
    np.testing.assert_allclose(last.joints_camera, openpose(xyz[2]) * [1, -1, -1])  # type: ignore[arg-type]
    np.testing.assert_allclose(last.vertices_camera, verts[2] * [1, -1, -1])  # type: ignore[arg-type]
    (tmp_path / "evaluation_xyz.json").write_text(json.dumps(xyz.tolist() * 2))
    other = Ho3d(V2, tmp_path)
    assert not other.has_truth
    assert any("holds 6 hands for 3 listed images: truth of another version" in p.reason for p in other.problems)


def test_versions_are_told_apart(tmp_path: Path) -> None:
    """Version 3 has its images as jpg, version 2 as png (README, 1 July 2021)."""
    build(tmp_path, suffix=".jpg")
    with pytest.raises(DatasetError, match=r"this is ho3d-v3 \(\.jpg images\), not ho3d-v2: use evaluate ho3d-v3"):
        Ho3d(V2, tmp_path, "train")
    reader = Ho3d(V3, tmp_path, "train")
    assert samples(reader)[0].picture.read().shape == (480, 640, 3)
    assert "lists 3 images, published are 78297" in reader.problems[0].reason


def test_bad_files_cost_only_themselves_and_nothing_is_read_twice(tmp_path: Path) -> None:
    entries = build(tmp_path)
    (tmp_path / "train.txt").write_text("\n".join([entries[0], *entries, "MC1/0006", "MC1/0007"]))
    damaged = tmp_path / "train/ABF10/meta/0001.pkl"
    damaged.write_bytes(damaged.read_bytes()[:100])
    write_pickle(tmp_path / "train/MC1/meta/0007.pkl", dict.fromkeys(meta(False)))
    reader = Ho3d(V2, tmp_path, "train")
    assert "lists ABF10/0000 2 times, read once" in reader.problems[0].reason
    assert [(s.sequence, s.frame) for s in samples(reader)] == [("ABF10", 0), ("MC1", 5)]
    told = [(Path(p.path).name, p.reason) for p in problems(reader)]
    assert [name for name, _ in told] == ["0001.pkl", "0006.pkl", "0007.pkl"]
    assert "damaged" in told[0][1] and told[1][1] == "no such file" and told[2][1] == "frame without annotation"


def test_depth(tmp_path: Path) -> None:
    """`read_depth_img`: (red + 256 green) times 0.000125 m."""
    image = np.zeros((4, 5, 3), dtype=np.uint8)
    image[1, 2] = (0, 19, 136)  # blue, green, red: 136 + 19 * 256 = 5000
    cv2.imwrite(str(tmp_path / "d.png"), image)
    depth = read_depth(tmp_path / "d.png")
    assert depth[1, 2] == pytest.approx(5000 * 0.00012498664727900177) and depth[0, 0] == 0.0
