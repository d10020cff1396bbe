"""OakInk-Image: facts of oakink/OakInk (`datasets.md`, `oi_image.py`, `viz_oakink_image_seq.py`) on frames."""

from __future__ import annotations

import json
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

from hoi_perception.datasets.errors import DatasetError
from hoi_perception.datasets.oakink import INFO, OakInk
from hoi_perception.transforms import quaternion_wxyz_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Side

K = np.array([[600.0, 0.0, 424.0], [0.0, 601.0, 240.0], [0.0, 0.0, 1.0]])
T_CAMERA_WORLD = np.eye(4)
T_CAMERA_WORLD[:3, :3] = rotation_from_axis_angle(np.array([0.7, -0.2, 0.4]))
T_CAMERA_WORLD[:3, 3] = [0.1, -0.1, 0.8]
OBJECT = np.eye(4)
OBJECT[:3, 3] = [0.0, 0.1, 0.7]
USE, HANDOVER = "A01001_0001_0000/2021-09-26-19-59-58", "S10003_0004_0001_0002/2021-10-05-10-00-00"


def wrist(flag: int) -> np.ndarray:
    return np.array([0.05 - 0.2 * flag, 0.02, -0.03])


def write_hand(root: Path, entry: list[Any], wrap: Any) -> None:
    name, flag, frame, view = entry
    shaped = hand().with_shape(example_shape(flag))
    posed = shaped.with_pose_at_wrist(example_pose(flag), wrist(flag))
    R, t = T_CAMERA_WORLD[:3, :3], T_CAMERA_WORLD[:3, 3]
    vertices = posed.vertices @ R.T + t
    joints = joints21_of(vertices, posed.joints16 @ R.T + t, INFO.tips)
    quaternions = quaternion_wxyz_from_rotation(rotation_from_axis_angle(example_pose(flag)))
    anno = {"hand_pose": quaternions.ravel(), "hand_shape": example_shape(flag), "hand_tsl": wrist(flag)}
    info = {
        "hand_anno": {key: wrap(value.astype(np.float32)) for key, value in anno.items()},
        "cam_extr": wrap(T_CAMERA_WORLD.astype(np.float32)),
        "cam_intr": wrap(K.astype(np.float32)),
        "obj_anno": wrap(np.eye(4, dtype=np.float32)),
    }
    parts = {"hand_j": openpose(joints), "hand_v": vertices, "cam_intr": K, "obj_transf": OBJECT, "general_info": info}
    stem = f"{name.replace('/', '__')}__{flag}__{frame}__{view}"
    for kind, content in parts.items():
        write_pickle(root / f"image/anno/{kind}/{stem}.pkl", content, 4)


def build(root: Path, wrap: Any = np.asarray) -> None:
    entries = [[USE, 0, 31, 1], [USE, 0, 30, 1], [HANDOVER, 0, 44, 3], [HANDOVER, 1, 44, 3]]
    for entry in entries:
        write_hand(root, entry, wrap)
    views = ("north_east", "south_east", "north_west", "south_west")
    for name, _, frame, view in entries:
        write_picture(root / f"image/stream_release_v2/{name}/{views[view]}_color_{frame}.png", (848, 480))
    listing = root / "image/anno/split/split0/seq_test.json"
    listing.parent.mkdir(parents=True, exist_ok=True)
    listing.write_text(json.dumps([*entries, entries[0]]))


def check_hand(truth: Any, flag: int) -> None:
    assert truth.side is Side.RIGHT and truth.mano is not None
    parameters = truth.mano.parameters(hand())
    np.testing.assert_allclose(hand().posed(parameters).vertices, truth.vertices_camera, atol=2e-6)
    np.testing.assert_allclose(parameters.pose[1:], example_pose(flag)[1:], atol=1e-5)
    np.testing.assert_allclose(parameters.wrist_camera, truth.joints_camera[0], atol=1e-9)


def test_a_frame(tmp_path: Path) -> None:
    """Quaternions w, x, y, z in the world from the flat hand; joint 0 where hand_j has it."""
    build(tmp_path)
    reader = OakInk(tmp_path)
    assert reader.sequences() == [f"{USE}/south_east", f"{HANDOVER}/south_west"]
    first, second = samples(reader, f"{USE}/south_east")
    assert (first.frame, second.frame) == (30, 31)
    check_hand(first.hands[0], 0)
    np.testing.assert_array_equal(first.camera.K, K)
    assert first.picture.read().shape == (480, 848, 3)
    (thing,) = first.objects
    assert thing.name == "A01001" and thing.mesh == "image/obj/A01001.obj" and thing.mesh_centred
    (tmp_path / "image/obj").mkdir()
    (tmp_path / "image/obj/A01001.ply").touch()
    assert samples(reader, f"{USE}/south_east")[0].objects[0].mesh == "image/obj/A01001.ply"
    np.testing.assert_array_equal(thing.t_camera, OBJECT[:3, 3])
    assert "twice, read once" in reader.problems[0].reason


def test_both_hands_of_a_handover_are_one_frame(tmp_path: Path) -> None:
    build(tmp_path)
    (sample,) = samples(OakInk(tmp_path), f"{HANDOVER}/south_west")
    assert len(sample.hands) == 2
    for flag, truth in enumerate(sample.hands):
        check_hand(truth, flag)


def test_tensors_of_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    build(tmp_path, torch.from_numpy)
    check_hand(samples(OakInk(tmp_path), f"{USE}/south_east")[0].hands[0], 0)


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    build(tmp_path)
    stem = f"{USE.replace('/', '__')}__0__30__1.pkl"
    (tmp_path / f"image/anno/hand_v/{stem}").unlink()
    reader = OakInk(tmp_path)
    assert [s.frame for s in samples(reader, f"{USE}/south_east")] == [31]
    (told,) = problems(reader, f"{USE}/south_east")
    assert told.path.endswith(f"hand_v/{stem}") and told.reason == "no such file"
    with pytest.raises(DatasetError, match=r"split1/seq_test\.json missing: get OakInk-Image"):
        OakInk(tmp_path, "sp1_test")
    listing = tmp_path / "image/anno/split/split0/seq_test.json"
    listing.write_text(json.dumps([["A01001_0001_0000", 0]]))
    with pytest.raises(DatasetError, match=r"is not \(sequence, flag, frame, view\)"):
        OakInk(tmp_path)
