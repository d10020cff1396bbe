"""ARCTIC: facts of zc-alexfan/arctic (`data_doc.md`, `body_models.py`, `split.py`, `transforms.py`) on a recording."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hand_examples import example_pose, example_shape, hand, problems, samples, write_picture

from hoi_perception.camera import project
from hoi_perception.datasets.arctic import INFO, Arctic
from hoi_perception.datasets.conventions import annotation_models
from hoi_perception.datasets.errors import DatasetError
from hoi_perception.datasets.sample import Hinge
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Distortion, Side

COUNT, OFFSET = 24, 3
R_VIEW = rotation_from_axis_angle(np.array([0.1, -0.6, 0.2]))
T_VIEW = np.array([0.1, 0.2, 1.5])
DIST = np.array([-0.3, 0.1, 0.001, -0.002, 0.02, 0.1, -0.05, 0.01])
TRANS = np.array([0.02, -0.04, 0.1])


def build(root: Path) -> None:
    moved = TRANS + 0.001 * np.arange(COUNT)[:, None]
    hands = {}
    for side in (Side.RIGHT, Side.LEFT):
        relative = example_pose(int(side))[1:].reshape(45) - hand(side).pose_mean
        hands[side.label] = {
            "rot": np.tile(example_pose(int(side))[0], (COUNT, 1)),
            "pose": np.tile(relative, (COUNT, 1)),
            "trans": moved,
            "shape": example_shape(int(side)),
            "fitting_err": np.zeros(COUNT),
        }
    folder = root / "raw_seqs/s05"
    folder.mkdir(parents=True)
    np.save(folder / "box_use_01.mano.npy", hands, allow_pickle=True)  # type: ignore[arg-type]
    things = np.tile([0.5, 0.0, 0.0, np.pi / 2, 100.0, 200.0, 300.0], (COUNT, 1))
    np.save(folder / "box_use_01.object.npy", things)
    head = {
        "R_k_cam_np": np.tile(np.eye(3), (COUNT, 1, 1)),
        "T_k_cam_np": np.tile(np.array([[0.0], [0.0], [1.0]]), (COUNT, 1, 1)),
        "intrinsics": np.array([[1000.0, 0.0, 30.0], [0.0, 1000.0, 20.0], [0.0, 0.0, 1.0]]),
        "dist8": DIST,
    }
    np.save(folder / "box_use_01.egocam.dist.npy", head, allow_pickle=True)  # type: ignore[arg-type]
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = R_VIEW, T_VIEW
    misc = {
        "s05": {
            "ioi_offset": OFFSET,
            "image_size": [[600, 400]] + [[400, 600]] * 8,
            "intris_mat": [[[900.0 + i, 0.0, 200.0], [0.0, 900.0, 300.0], [0.0, 0.0, 1.0]] for i in range(8)],
            "world2cam": [T.tolist()] * 8,
            "gender": "female",
        }
    }
    (root / "meta").mkdir()
    (root / "meta/misc.json").write_text(json.dumps(misc))
    (root / "splits_json").mkdir()
    splits = {"train": [], "val": ["s05/box_use_01"], "test": ["s03/box_use_01"]}
    for protocol in ("p1", "p2"):
        (root / f"splits_json/protocol_{protocol}.json").write_text(json.dumps(splits))
    write_picture(root / "images/s05/box_use_01/2/00010.jpg", (400, 600))
    write_picture(root / "images/s05/box_use_01/0/00010.jpg", (600, 400))


@pytest.mark.parametrize("side", [Side.RIGHT, Side.LEFT])
def test_hands_of_a_static_view(tmp_path: Path, side: Side) -> None:
    """Row = image - ioi_offset; poses from the mean, left hand with the file's error; world2cam of view 2 is row 1."""
    build(tmp_path)
    reader = Arctic(tmp_path)
    assert reader.sequences() == [f"s05/box_use_01/{view}" for view in range(1, 9)]
    found = samples(reader, "s05/box_use_01/2")
    assert [s.frame for s in found] == [10, 11, 12, 13]  # frames 10 to count - 11
    assert found[0].camera.K[0, 0] == 901.0 and (found[0].camera.width, found[0].camera.height) == (400, 600)
    assert found[0].picture.read().shape == (600, 400, 3)
    truth = next(h for h in found[1].hands if h.side is side)
    assert truth.mano is not None
    model = annotation_models(None, None, left_uncorrected=True)[side]
    row = 11 - OFFSET
    pose = example_pose(int(side))
    world = model.with_shape(example_shape(int(side))).with_pose(pose, TRANS + 0.001 * row).vertices
    model_used = annotation_models(None, None, left_uncorrected=INFO.left_uncorrected)[side]
    vertices = model_used.posed(truth.mano.parameters(model_used)).vertices
    np.testing.assert_allclose(vertices, world @ R_VIEW.T + T_VIEW, atol=1e-7)


def test_the_head_camera_s_lens(tmp_path: Path) -> None:
    """`distort_pts3d_all` in its own notation: radial (1 + k1 r2 + k2 r4 + k3 r6) / (1 + k4 r2 + ...), p1 = c[2]."""
    build(tmp_path)
    reader = Arctic(tmp_path, "p2_val")
    assert reader.sequences() == ["s05/box_use_01/0"]
    sample = samples(reader)[0]
    assert sample.camera.distortion is Distortion.RATIONAL_POLYNOMIAL
    x1, y1, c = 0.3, -0.2, DIST
    r2 = x1 * x1 + y1 * y1
    ratio = (1 + c[0] * r2 + c[1] * r2**2 + c[4] * r2**3) / (1 + c[5] * r2 + c[6] * r2**2 + c[7] * r2**3)
    x2 = x1 * ratio + 2 * c[2] * x1 * y1 + c[3] * (r2 + 2 * x1 * x1)
    y2 = y1 * ratio + 2 * c[3] * x1 * y1 + c[2] * (r2 + 2 * y1 * y1)
    np.testing.assert_allclose(project(np.array([0.6, -0.4, 2.0]), sample.camera), [1000 * x2 + 30, 1000 * y2 + 20])


def test_the_object(tmp_path: Path) -> None:
    """Articulation, axis-angle, translation in millimetres. A quarter turn about z takes (1, 0, 0) mm to (0, 1, 0)."""
    build(tmp_path)
    (thing,) = samples(Arctic(tmp_path), "s05/box_use_01/2")[0].objects
    assert thing.name == "box" and thing.articulation_rad == 0.5 and thing.mesh_scale == 0.001
    assert thing.hinge == Hinge("meta/object_vtemplates/box/parts.json", (0.0, 0.0, -1.0))
    point = thing.R_camera @ (thing.mesh_scale * np.array([10.0, 0.0, 0.0])) + thing.t_camera
    np.testing.assert_allclose(point, R_VIEW @ [0.1, 0.21, 0.3] + T_VIEW, atol=1e-12)


def test_missing_and_damaged_recordings(tmp_path: Path) -> None:
    build(tmp_path)
    mano = tmp_path / "raw_seqs/s05/box_use_01.mano.npy"
    whole = mano.read_bytes()
    mano.write_bytes(whole[: len(whole) // 2])
    reader = Arctic(tmp_path)
    assert samples(reader, "s05/box_use_01/1") == []
    assert "box_use_01.mano.npy" in problems(reader, "s05/box_use_01/1")[0].path
    mano.write_bytes(whole)
    np.save(tmp_path / "raw_seqs/s05/box_use_01.object.npy", np.zeros((COUNT - 1, 7)))
    assert "different lengths: [23, 24]" in problems(reader, "s05/box_use_01/1")[0].reason
    with pytest.raises(DatasetError, match="no split p1_test: give one of p1_val"):
        Arctic(tmp_path, "p1_test")
    (tmp_path / "meta/misc.json").unlink()
    with pytest.raises(DatasetError, match=r"meta/misc\.json missing: get ARCTIC"):
        Arctic(tmp_path)
