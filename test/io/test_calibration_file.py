"""ROS calibration files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from hoi_perception.camera import camera_from_fov
from hoi_perception.io.calibration_file import read_camera_file, write_camera_file
from hoi_perception.io.input_error import InputError
from hoi_perception.types import Camera, Distortion

# As camera_calibration writes it.
FILE = """
image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
camera_model: plumb_bob
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [0.1, -0.2, 0.001, 0.002, 0.0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [400.0, 0, 310.0, 0, 0, 400.0, 230.0, 0, 0, 0, 1, 0]
"""


def changed(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "camera.yaml"
    content = {**yaml.safe_load(FILE), **changes}
    path.write_text(yaml.safe_dump({k: v for k, v in content.items() if v is not None}))
    return path


def test_raw_and_rectified(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(FILE)
    raw, rectified = read_camera_file(path), read_camera_file(path, rectified=True)
    np.testing.assert_array_equal(raw.K, [[500, 0, 320], [0, 510, 240], [0, 0, 1]])
    assert (raw.width, raw.height, raw.distortion, raw.assumed) == (640, 480, Distortion.PLUMB_BOB, "")
    np.testing.assert_array_equal(raw.D, [0.1, -0.2, 0.001, 0.002, 0.0])
    assert (rectified.K[0, 0], rectified.K[0, 2], rectified.D.size) == (400, 310, 0)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"camera_matrix": {"data": [0] * 9}}, "zero or singular"),
        ({"camera_matrix": {"data": [500, 0, 320, 0, 0, 240, 0, 0, 1]}}, "zero or singular"),
        ({"camera_matrix": {"data": [1, 2]}}, "no 'camera_matrix' with 9 numbers"),
        ({"camera_matrix": {"data": ["a"] * 9}}, "no 'camera_matrix' with 9 numbers"),
        ({"camera_matrix": None}, "no 'camera_matrix'"),
        ({"distortion_coefficients": {"data": [float("nan")] * 5}}, "not finite"),
        ({"distortion_model": "wide"}, "'wide' is unknown: use one of plumb_bob, rational_polynomial, equidistant"),
        ({"image_width": 0}, "'image_width' is 0, not a size"),
        ({"image_height": None}, "'image_height' is None, not a size"),
    ],
)
def test_what_is_refused(tmp_path: Path, changes: dict[str, object], text: str) -> None:
    with pytest.raises(InputError) as error:
        read_camera_file(changed(tmp_path, **changes))
    assert text in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "camera.yaml: ")[:-1])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["- 1\n", "a: [1\n", "\x00", "just text"])
def test_files_of_another_kind(tmp_path: Path, content: str) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match="camera_calibration"):
        read_camera_file(path)
    with pytest.raises(InputError, match="no such calibration file"):
        read_camera_file(tmp_path / "other.yaml")


@pytest.mark.parametrize(
    "camera",
    [
        camera_from_fov(640, 480, 61.0, assumed=False),
        Camera(np.diag([400.0, 410.0, 1.0]), 64, 48, Distortion.EQUIDISTANT, np.array([0.1, 0.2, 0.3, 0.4])),
    ],
)
def test_what_is_written_reads_back(tmp_path: Path, camera: Camera) -> None:
    write_camera_file(tmp_path / "camera.yaml", camera, "eye")
    back = read_camera_file(tmp_path / "camera.yaml")
    np.testing.assert_array_equal(back.K, camera.K)
    np.testing.assert_array_equal(back.D[: camera.D.size], camera.D)
    assert not back.D[camera.D.size :].any()
    assert (back.width, back.height) == (camera.width, camera.height)
