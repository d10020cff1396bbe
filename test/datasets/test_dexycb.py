"""DexYCB: facts of NVlabs/dex-ycb-toolkit (README, `dex_ycb.py`, `visualize_pose.py`) on generated sequences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hand_examples import example_pose, example_shape, hand, joints21_of, openpose, problems, samples, write_picture

from hoi_perception.datasets.conventions import annotation_models
from hoi_perception.datasets.dexycb import INFO, SERIALS, SUBJECTS, DexYcb, members
from hoi_perception.datasets.errors import DatasetError
from hoi_perception.types import Side

TRANSLATION = np.array([0.03, -0.05, 0.8])
META = """serials:
- '836212060125'
num_frames: 3
extrinsics: 20200702_151821
mano_calib:
- 20200813-subject-02_right
mano_sides:
- {side}
ycb_ids:
- 1
- 17
ycb_grasp_ind: 1
"""


def build(root: Path, side: Side = Side.RIGHT, subject: str = SUBJECTS[2]) -> np.ndarray:
    """100 sequences of a subject, two of them with one camera's frames; the last frame shows no hand."""
    model = annotation_models(None, None, left_uncorrected=True)[side]
    posed = model.with_shape(example_shape()).with_pose(example_pose(), TRANSLATION)
    joints = openpose(joints21_of(posed.vertices, posed.joints16, INFO.tips_of(side)))
    flat = example_pose()[1:].reshape(45)
    coefficients = np.linalg.solve(model.pose_components.T, flat - model.pose_mean)
    pose = np.concatenate([example_pose()[0], coefficients, TRANSLATION])[None].astype(np.float32)
    objects = np.zeros((2, 3, 4), dtype=np.float32)
    objects[1] = np.hstack([np.eye(3)[[1, 2, 0]], [[0.1], [0.2], [0.9]]])
    for i in range(100):
        (root / subject / f"20200820_{i:06d}").mkdir(parents=True)
    for i in (4, 9):
        folder = root / subject / f"20200820_{i:06d}"
        (folder / "meta.yml").write_text(META.format(side=side.label))
        for frame in range(3):
            write_picture(folder / SERIALS[0] / f"color_{frame:06d}.jpg", (640, 480))
            np.savez(
                folder / SERIALS[0] / f"labels_{frame:06d}.npz",
                seg=np.zeros((480, 640), dtype=np.uint8),
                pose_y=objects,
                pose_m=pose if frame < 2 else np.zeros((1, 51), dtype=np.float32),
                joint_3d=joints[None].astype(np.float32) if frame < 2 else -np.ones((1, 21, 3), dtype=np.float32),
                joint_2d=-np.ones((1, 21, 2), dtype=np.float32),
            )
    calibration = root / "calibration"
    (calibration / "intrinsics").mkdir(parents=True, exist_ok=True)
    (calibration / "intrinsics" / f"{SERIALS[0]}_640x480.yml").write_text(
        "color:\n  fx: 613.0\n  fy: 612.0\n  ppx: 313.0\n  ppy: 245.0\ndepth:\n  fx: 1.0\n"
    )
    shapes = calibration / "mano_20200813-subject-02_right"
    shapes.mkdir(exist_ok=True)
    (shapes / "mano.yml").write_text("betas:\n" + "".join(f"- {b!r}\n" for b in example_shape().tolist()))
    return np.asarray(joints)


@pytest.mark.parametrize("side", [Side.RIGHT, Side.LEFT])
def test_a_frame(tmp_path: Path, side: Side) -> None:
    """flat_hand_mean=False, 45 components; the left hand with the official file's error, as manopth loads it."""
    joints = build(tmp_path, side)
    reader = DexYcb(tmp_path, "s0_test")
    sequence = f"{SUBJECTS[2]}/20200820_000004/{SERIALS[0]}"
    assert sequence in reader.sequences()
    first, _, last = samples(reader, sequence)
    (truth,) = first.hands
    assert truth.side is side and truth.mano is not None and truth.joints_camera is not None
    np.testing.assert_allclose(truth.joints_camera, joints, atol=1e-6)
    model = annotation_models(None, None, left_uncorrected=INFO.left_uncorrected)[side]
    parameters = truth.mano.parameters(model)
    posed = model.posed(parameters)
    np.testing.assert_allclose(
        openpose(joints21_of(posed.vertices, posed.joints16, INFO.tips_of(side))), joints, atol=1e-6
    )
    np.testing.assert_allclose(parameters.pose, example_pose(), atol=1e-6)
    assert last.hands == ()
    assert first.camera.K.tolist() == [[613.0, 0.0, 313.0], [0.0, 612.0, 245.0], [0.0, 0.0, 1.0]]
    assert first.picture.read().shape == (480, 640, 3)


def test_the_wrong_left_hand_would_miss(tmp_path: Path) -> None:
    """With the corrected left file the same parameters give another hand: the test above is not blind to it."""
    joints = build(tmp_path, Side.LEFT)
    truth = samples(DexYcb(tmp_path), f"{SUBJECTS[2]}/20200820_000004/{SERIALS[0]}")[0].hands[0]
    assert truth.mano is not None
    model = hand(Side.LEFT)
    posed = model.posed(truth.mano.parameters(model))
    error = np.linalg.norm(
        openpose(joints21_of(posed.vertices, posed.joints16, INFO.tips_of(Side.LEFT))) - joints, axis=1
    )
    assert error.max() > 0.001


def test_objects(tmp_path: Path) -> None:
    """ycb_ids count from 1; a pose of zeros is no object."""
    build(tmp_path)
    (thing,) = samples(DexYcb(tmp_path), f"{SUBJECTS[2]}/20200820_000004/{SERIALS[0]}")[0].objects
    assert thing.name == "037_scissors" and thing.mesh == "models/037_scissors/textured_simple.obj"
    np.testing.assert_allclose(thing.R_camera @ [1, 2, 3] + thing.t_camera, [2.1, 3.2, 1.9], atol=1e-6)


def test_splits_are_those_of_the_toolkit() -> None:
    subjects, cameras, sequences = members("s0_test")
    assert subjects == tuple(range(2, 10)) and len(cameras) == 8 and sequences == tuple(range(4, 100, 5))
    assert members("s0_val")[0] == (0, 1) and members("s0_train")[0] == tuple(range(10))
    assert len(members("s0_train")[2]) == 80
    assert members("s1_test")[0] == (7, 8) and members("s1_val")[0] == (6,)
    assert members("s1_train")[0] == (0, 1, 2, 3, 4, 5, 9)
    assert members("s2_test")[1] == (7,) and members("s2_val")[1] == (6,) and members("s2_train")[1] == tuple(range(6))
    assert members("s3_test")[2] == (*range(35, 40), *range(55, 60), *range(75, 80))
    assert members("s3_val")[2] == (*range(15, 20), *range(95, 100))
    assert len(members("s3_train")[2]) == 75


def test_missing_and_damaged_parts(tmp_path: Path) -> None:
    build(tmp_path)
    reader = DexYcb(tmp_path)
    missing = [Path(p.path).name for p in reader.problems]
    assert missing == list(SUBJECTS[3:])
    folder = tmp_path / SUBJECTS[2] / "20200820_000009"
    labels = folder / SERIALS[0] / "labels_000001.npz"
    labels.write_bytes(labels.read_bytes()[:200])
    name = f"{SUBJECTS[2]}/20200820_000009/{SERIALS[0]}"
    assert [s.frame for s in samples(reader, name)] == [0, 2]
    assert "labels_000001.npz" in problems(reader, name)[0].path
    (folder / "meta.yml").write_text("num_frames: [")
    assert "meta.yml" in problems(reader, name)[0].path and samples(reader, name) == []
    assert "no such file" in problems(reader, f"{SUBJECTS[2]}/20200820_000014/{SERIALS[0]}")[0].reason


def test_a_part_of_a_subject_cannot_be_split(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / SUBJECTS[2] / "20200820_000000").rmdir()
    with pytest.raises(DatasetError, match=r"99 sequences instead of 100.*get the whole subject.*CC BY-NC"):
        DexYcb(tmp_path)
    with pytest.raises(DatasetError, match="20200928-subject-07 missing: get DexYCB"):
        DexYcb(tmp_path, "s1_val")
