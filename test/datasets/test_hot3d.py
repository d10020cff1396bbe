"""HOT3D-Clips: facts of facebookresearch/hot3d and facebookresearch/hand_tracking_toolkit on a generated clip."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hand_examples import example_pose, example_shape, hand, problems, samples

from hoi_perception.camera import project
from hoi_perception.datasets.errors import DatasetError
from hoi_perception.datasets.fisheye import CAMERA_FROM_UPRIGHT, Fisheye
from hoi_perception.datasets.hot3d import Hot3d
from hoi_perception.transforms import quaternion_wxyz_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Side

SIZE = (128, 96)
# Numbers of a Quest 3 camera (the toolkit's own sample), scaled to a tenth, with some prism and tangential terms.
PARAMETERS = [
    50.46,
    50.46,
    63.8,
    50.9,
    0.044,
    -0.0449,
    0.0161,
    -0.0109,
    0.0035,
    -0.0005,
    0.0005,
    -5e-5,
    1e-3,
    -2e-3,
    3e-3,
    1e-4,
]
R_WORLD_CAMERA = rotation_from_axis_angle(np.array([0.4, -1.0, 0.3]))
T_WORLD_CAMERA = np.array([0.2, 1.1, -0.3])
TRANSL = T_WORLD_CAMERA + R_WORLD_CAMERA @ [0.05, 0.02, 0.5]
THETAS = 0.3 * np.random.default_rng(2).normal(size=15)


def transformation(R: Any, t: Any) -> dict[str, Any]:
    return {"quaternion_wxyz": quaternion_wxyz_from_rotation(R).tolist(), "translation_xyz": list(t)}


def cameras(kind: str) -> dict[str, Any]:
    calibration = {
        "label": "camera-slam-left",
        "stream_id": "1201-1",
        "serial_number": "0",
        "image_width": SIZE[0],
        "image_height": SIZE[1],
        "projection_model_type": kind,
        "projection_params": PARAMETERS,
        "T_device_from_camera": transformation(np.eye(3), [0, 0, 0]),
        "max_solid_angle": 1.48,
    }
    stated = {"calibration": calibration, "T_world_from_camera": transformation(R_WORLD_CAMERA, T_WORLD_CAMERA)}
    return {"1201-1": stated, "1201-2": stated}


def one_hand() -> dict[str, Any]:
    wrist = [*example_pose()[0].tolist(), *TRANSL.tolist()]
    return {"mano_pose": {"thetas": THETAS.tolist(), "wrist_xform": wrist}, "visibilities_modeled": {"1201-1": 0.7}}


def build(root: Path, frames: int = 2, kind: str = "CameraModelType.FISHEYE624") -> Path:
    path = root / "train_quest3/clip-001849.tar"
    path.parent.mkdir(parents=True)
    image = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0]), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    things = {"3": [{"object_bop_id": 3, "T_world_from_object": transformation(np.eye(3), [1.0, 2.0, 3.0])}]}
    content: dict[str, bytes] = {"__hand_shapes.json__": json.dumps({"mano": example_shape().tolist()}).encode()}
    for i in range(frames):
        content[f"{i:06d}.cameras.json"] = json.dumps(cameras(kind)).encode()
        content[f"{i:06d}.hands.json"] = json.dumps({"right": one_hand(), "left": one_hand()}).encode()
        content[f"{i:06d}.objects.json"] = json.dumps(things).encode()
        content[f"{i:06d}.info.json"] = b"{}"
        for stream in ("1201-1", "1201-2"):
            content[f"{i:06d}.image_{stream}.jpg"] = jpeg
    with tarfile.open(path, "w") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize("side", [Side.RIGHT, Side.LEFT])
def test_hands(tmp_path: Path, side: Side) -> None:
    """15 components with the mean added, smplx's orientation and translation in the world, left file corrected."""
    build(tmp_path)
    reader = Hot3d(tmp_path)
    assert reader.sequences() == ["clip-001849/1201-1", "clip-001849/1201-2"] and not reader.info.left_uncorrected
    sample = samples(reader)[0]
    truth = next(h for h in sample.hands if h.side is side)
    assert truth.mano is not None and truth.visibility == 0.7
    model = hand(side)
    pose = np.vstack([example_pose()[:1], (model.pose_mean + THETAS @ model.pose_components[:15]).reshape(15, 3)])
    world = model.with_shape(example_shape()).with_pose(pose, TRANSL).vertices
    camera = (world - T_WORLD_CAMERA) @ R_WORLD_CAMERA  # R^T (x - t), points as rows
    vertices = model.posed(truth.mano.parameters(model)).vertices
    np.testing.assert_allclose(vertices @ CAMERA_FROM_UPRIGHT.T, camera, atol=1e-7)
    (thing,) = sample.objects
    assert thing.mesh == "object_models_eval/obj_000003.glb"
    (tmp_path / "object_models").mkdir()
    (tmp_path / "object_models/obj_000003.glb").touch()
    assert samples(reader)[0].objects[0].mesh == "object_models/obj_000003.glb"
    np.testing.assert_allclose(
        CAMERA_FROM_UPRIGHT @ thing.t_camera, R_WORLD_CAMERA.T @ ([1.0, 2.0, 3.0] - T_WORLD_CAMERA), atol=1e-9
    )


def test_the_fisheye_without_distortion_is_the_arctan_projection() -> None:
    """A ray at 45 degrees to the right lands focal length times pi / 4 from the principal point."""
    camera = Fisheye.of(np.array([100.0, 100.0, 64.0, 48.0, *[0.0] * 12]), SIZE)
    np.testing.assert_allclose(camera.project(np.array([1.0, 0.0, 1.0])), [64.0 + 100.0 * np.pi / 4, 48.0])
    np.testing.assert_allclose(camera.project(np.array([0.0, 0.0, 2.0])), [64.0, 48.0])
    assert np.isnan(camera.project(np.array([1.0, 0.0, -0.1]))).all()


def test_the_fisheye_s_polynomials() -> None:
    """OVR624Distortion in its own notation."""
    fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2, s1, s2, s3, s4 = PARAMETERS
    x, y, z = 0.3, -0.2, 0.7
    r = np.hypot(x, y)
    p = np.array([x, y]) * np.arctan2(r, z) / r
    r2 = p @ p
    u, v = p * (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + k4 * r2**4 + k5 * r2**5 + k6 * r2**6)
    q2 = u * u + v * v
    du = 2 * p2 * u * v + p1 * (q2 + 2 * u * u) + s1 * q2 + s2 * q2**2
    dv = 2 * p1 * u * v + p2 * (q2 + 2 * v * v) + s3 * q2 + s4 * q2**2
    expected = [(u + du) * fx + cx, (v + dv) * fy + cy]
    np.testing.assert_allclose(Fisheye.of(np.array(PARAMETERS), SIZE).project(np.array([x, y, z])), expected)


def test_images_are_straight_and_upright(tmp_path: Path) -> None:
    """A bright spot where the fisheye sees a point appears where the upright camera projects it."""
    fisheye = Fisheye.of(np.array(PARAMETERS), SIZE)
    upright = fisheye.upright()
    assert (upright.width, upright.height) == (SIZE[1], SIZE[0])
    point = np.array([0.15, -0.1, 0.5])
    u, v = np.round(fisheye.project(point)).astype(int)
    image = np.zeros((SIZE[1], SIZE[0], 3), dtype=np.uint8)
    cv2.circle(image, (int(u), int(v)), 2, (255, 255, 255), -1)
    straight = fisheye.straightened(image)
    rows, columns = np.nonzero(straight[:, :, 0] > 100)
    expected = project(CAMERA_FROM_UPRIGHT.T @ point, upright)
    np.testing.assert_allclose([columns.mean(), rows.mean()], expected, atol=1.0)
    # Turned by a quarter clockwise: what was on the left is on top.
    assert expected[1] == pytest.approx(u, abs=8.0)
    build(tmp_path)
    assert samples(Hot3d(tmp_path))[0].picture.read().shape == (SIZE[0], SIZE[1], 3)


def test_damaged_clips(tmp_path: Path) -> None:
    path = build(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    reader = Hot3d(tmp_path)
    assert samples(reader, "clip-001849/1201-1") == []
    assert "damaged" in problems(reader, "clip-001849/1201-1")[0].reason
    path.write_bytes(b"no tar at all")
    assert "damaged, or no tar" in problems(reader, "clip-001849/1201-1")[0].reason
    with pytest.raises(DatasetError, match="train_aria missing: get HOT3D-Clips"):
        Hot3d(tmp_path, "train_aria")


def test_a_camera_of_another_kind_is_told(tmp_path: Path) -> None:
    build(tmp_path, kind="CameraModelType.LINEAR")
    reader = Hot3d(tmp_path)
    assert "LINEAR is not FISHEYE624" in problems(reader)[0].reason and samples(reader) == []
