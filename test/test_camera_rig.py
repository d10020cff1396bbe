"""Calibration files of several cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from hoi_perception.calibration_file import read_calibration
from hoi_perception.camera import CameraError, project
from hoi_perception.camera_rig import read_rig
from hoi_perception.types import Distortion

EYE = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
# Turned by 90 degrees about the common y axis: looks along the common x axis from z = 0.3 m.
SIDE = [[0, 0, 1, -0.2], [0, 1, 0, 0.05], [-1, 0, 0, 0.3], [0, 0, 0, 1]]


def entry(cx: float, T: Any, **more: Any) -> dict[str, Any]:
    """A camera of 900 px focal length."""
    matrix = [900.0, 0.0, cx, 0.0, 900.0, 240.0, 0.0, 0.0, 1.0]
    return {"image_width": 640, "image_height": 480, "camera_matrix": matrix, "T_common_camera": T, **more}


def written(tmp_path: Path, content: Any) -> Path:
    """A file of that content."""
    path = tmp_path / "rig.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_each_camera_sees_a_point_where_it_should(tmp_path: Path) -> None:
    lens = {"distortion_model": "plumb_bob", "distortion_coefficients": {"data": [0.1, 0, 0, 0, 0]}}
    content = {"rate_hz": 25, "cameras": {"top": entry(300.0, EYE), "side": entry(320.0, SIDE, **lens)}}
    rig = read_rig(written(tmp_path, content))
    assert rig.names == ("top", "side")
    assert rig.rate_hz == 25.0
    assert rig.further[0].camera.distortion is Distortion.PLUMB_BOB
    point = np.array([0.02, 0.05, 0.3])
    np.testing.assert_allclose(project(point, rig.first), [360.0, 390.0])
    # From the side camera the point is 220 mm ahead, in the middle.
    np.testing.assert_allclose(rig.further[0].seen(point), [0.0, 0.0, 0.22], atol=1e-12)


def test_poses_are_taken_from_the_first_camera_whatever_the_common_frame(tmp_path: Path) -> None:
    rig = read_rig(written(tmp_path, {"cameras": {"side": entry(320.0, SIDE), "top": entry(300.0, EYE)}}))
    np.testing.assert_array_equal(rig.cameras[0].R_own_first, np.eye(3))
    np.testing.assert_array_equal(rig.cameras[0].t_own_first, np.zeros(3))
    point = np.array([0.01, -0.02, 0.25])
    np.testing.assert_allclose(rig.further[0].seen(point), (np.array(SIDE) @ [*point, 1.0])[:3], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"T_common_camera": None}, "camera 'b': T_common_camera is not a matrix of four rows"),
        ({"T_common_camera": np.diag([1.0, 1.0, -1.0, 1.0]).tolist()}, "determinant -1"),
        ({"T_common_camera": (2.0 * np.eye(4)).tolist()}, "has to be [0, 0, 0, 1]"),
        ({"T_common_camera": np.diag([1.1, 1.0, 1.0, 1.0]).tolist()}, "off by 0.21"),
        ({"T_common_camera": [*EYE[:2], [0, 0, 1, 31.0], EYE[3]]}, "cameras 'a' and 'b' are 31 m apart"),
        ({"T_common_camera": EYE}, "at one place"),
        ({"camera_matrix": None}, "camera 'b': no 'camera_matrix' with 9 numbers in it"),
        ({"camera_matrix": [0.0] * 9}, "camera 'b': camera matrix K is zero or singular"),
        ({"image_width": 0}, "camera 'b': 'image_width' is 0"),
        ({"distortion_model": "brown"}, "camera 'b': distortion model 'brown' is unknown"),
        ({"T_comon_camera": EYE}, "camera 'b': unknown T_comon_camera"),
    ],
)
def test_wrong_camera_is_named(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    other = {k: v for k, v in {**entry(320.0, SIDE), **change}.items() if v is not None}
    path = written(tmp_path, {"cameras": {"a": entry(300.0, EYE), "b": other}})
    with pytest.raises(CameraError) as told:
        read_rig(path)
    assert str(told.value).startswith(f"{path}: ")
    assert text in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([1, 2], "not a calibration"),
        ({"image_width": 640}, "not a calibration of several cameras"),
        ({"cameras": {}}, "not a calibration of several cameras"),
        ({"cameras": {"a": "left.yaml"}}, "camera 'a' is 'left.yaml'"),
        ({"cameras": {"a": entry(300.0, EYE)}, "rate": 30}, "unknown rate"),
        ({"cameras": {"a": entry(300.0, EYE)}, "rate_hz": 0}, "rate_hz is 0"),
    ],
)
def test_wrong_file_is_named(tmp_path: Path, content: Any, text: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(CameraError, match=text) as told:
        read_rig(path)
    assert str(told.value).startswith(f"{path}: ")


def test_file_of_several_cameras_is_not_one_of_one_camera(tmp_path: Path) -> None:
    path = written(tmp_path, {"cameras": {"a": entry(300.0, EYE), "b": entry(300.0, SIDE)}})
    with pytest.raises(CameraError, match="several cameras: give as many sources"):
        read_calibration(path)
