"""POV-Surgery: facts of BatFaceWayne/POV_Surgery (`POV_surgery_vis_reproject_skeleton.py`, `pov_surgery.py`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
from hoi_perception.datasets.pov_surgery import INFO, LISTS, PovSurgery
from hoi_perception.transforms import rotation_from_axis_angle

TIPS = (744, 320, 443, 554, 671)  # TPID
K = np.array([[1198.4395, 0.0, 960.0], [0.0, 1198.4395, 175.2], [0.0, 0.0, 1.0]])
CAM_ROT = rotation_from_axis_angle(np.array([0.1, 0.3, 2.8]))
CAM_TRANSL = np.array([0.3, 1.4, 0.2])
GRAB_R = rotation_from_axis_angle(np.array([1.1, -0.5, 0.2]))
BASE = rotation_from_axis_angle(np.array([-0.3, 0.9, 0.4]))
GRAB_T = CAM_TRANSL + CAM_ROT @ np.array([0.02, -0.1, -0.6])  # in front of OpenGL's camera
TRANSLATION = np.array([0.02, 0.03, -0.01])


def annotation() -> dict[str, Any]:
    mano = {
        "betas": example_shape()[None],
        "global_orient": example_pose()[:1],
        "hand_pose": example_pose()[1:].reshape(1, 45),
        "transl": TRANSLATION[None],
    }
    return {
        "mano": {name: value.astype(np.float32) for name, value in mano.items()},
        "grab2world_R": GRAB_R,
        "grab2world_T": GRAB_T[None],
        "base_object_rot": BASE,
        "cam_rot": CAM_ROT,
        "cam_transl": CAM_TRANSL,
    }


def their_camera_points(points: np.ndarray) -> np.ndarray:
    """The reprojection script, in its own notation (points are rows)."""
    world = points @ GRAB_R + GRAB_T
    camera_pose = np.eye(4)
    camera_pose[:3, :3], camera_pose[:3, 3] = CAM_ROT, CAM_TRANSL
    inverse = np.linalg.inv(camera_pose)
    change = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
    return np.asarray((world @ inverse[:3, :3].T + inverse[:3, 3]) @ change.T)


def build(root: Path, split: str = "test") -> None:
    entries = ["d_scalpel_1/00012", "d_scalpel_1/00003", "R2_s_friem_2/00007"]
    for entry in entries:
        write_pickle(root / "annotation" / f"{entry}.pkl", annotation(), 4)
        write_picture(root / "color" / f"{entry}.jpg", (1920, 1080))
    listing = {entry: {"joints_uv": np.zeros((21, 2)), "p2d": np.zeros((8, 2))} for entry in entries}
    write_pickle(root / LISTS[split], listing, 4)


def test_the_hand_is_where_the_reprojection_script_has_it(tmp_path: Path) -> None:
    build(tmp_path)
    reader = PovSurgery(tmp_path)
    assert reader.sequences() == ["R2_s_friem_2", "d_scalpel_1"]
    assert [s.frame for s in samples(reader, "d_scalpel_1")] == [3, 12]
    sample = samples(reader)[0]
    truth = sample.hands[0].completed(hand(), INFO.tips)
    assert truth.vertices_camera is not None and truth.joints_camera is not None
    posed = hand().with_shape(example_shape()).with_pose(example_pose(), TRANSLATION)
    np.testing.assert_allclose(truth.vertices_camera, their_camera_points(posed.vertices), atol=1e-6)
    joints = their_camera_points(joints21_of(posed.vertices, posed.joints16, TIPS))
    np.testing.assert_allclose(truth.joints_camera, openpose(joints), atol=1e-6)
    assert (joints[:, 2] > 0.3).all()
    homogeneous = joints @ K.T
    pixels = project(truth.joints_camera, sample.camera)
    np.testing.assert_allclose(pixels, openpose(homogeneous[:, :2] / homogeneous[:, 2:]), atol=1e-2)
    assert sample.picture.read().shape == (1080, 1920, 3)


def test_the_tool_is_where_the_script_has_it(tmp_path: Path) -> None:
    """Millimetres of the STL times 0.001, minus the tool's offset, turned by base_object_rot, then as the hand."""
    build(tmp_path)
    points_mm = np.array([[0.0, 0.0, 0.0], [48.0, 2.0, -3.0]])
    reader = PovSurgery(tmp_path)
    for sequence, name, offset in (
        ("d_scalpel_1", "scalpel", [0.04805371, 0.0, 0.0]),
        ("R2_s_friem_2", "friem", [0.0, 0.1145, 0.0]),
    ):
        (tool,) = samples(reader, sequence)[0].objects
        assert tool.name == name and tool.mesh == f"tool_mesh/{name}.stl"
        ours = (points_mm * tool.mesh_scale) @ tool.R_camera.T + tool.t_camera
        theirs = their_camera_points((points_mm * 0.001 - np.array(offset)) @ BASE.T)
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    build(tmp_path)
    content = annotation()
    del content["cam_rot"]
    write_pickle(tmp_path / "annotation/d_scalpel_1/00003.pkl", content)
    (tmp_path / "annotation/R2_s_friem_2/00007.pkl").unlink()
    reader = PovSurgery(tmp_path)
    assert [(s.sequence, s.frame) for s in samples(reader)] == [("d_scalpel_1", 12)]
    assert [p.reason.partition(" (")[0] for p in problems(reader)] == ["no such file", "no field cam_rot"]
    with pytest.raises(DatasetError, match=r"hocc_cleaned\.pkl missing: get POV-Surgery .*non-commercial"):
        PovSurgery(tmp_path, "train")
    (tmp_path / LISTS["test"]).write_bytes(b"\x80\x04")
    with pytest.raises(DatasetError, match=r"test_cleaned\.pkl: damaged.*get it again"):
        PovSurgery(tmp_path)
